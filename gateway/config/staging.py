"""A new state of a configuration's files, put together aside and read as a whole before anything is put in place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from connectors.contract.errors import ConfigError
from gateway.config.reading import read
from gateway.config.values import Config
from gateway.config.written import SECTIONS

WRITTEN = (".yaml", ".yml")
MOST = 5_000
"""Files beside a configuration. More is no folder of a configuration, and is not copied."""


@dataclass(slots=True)
class Wanted:
    """What is to be put in place: texts by their names beside the configuration."""

    root: str
    """Name of the configuration itself."""
    texts: dict[str, str] = field(default_factory=dict)


def wanted(config: Path, files: Iterable[Path], removed: Iterable[tuple[str, str]]) -> Wanted:
    """Out of what was handed in. A file with `lockstep:` takes the configuration's place; one of only `connections:`
    and `flows:` adds its entries to it, or takes theirs; any other is put beside it, under the name it has beside the
    first one. Raises ConfigError.
    """
    given = [file.resolve() for file in files]
    found = Wanted(config.name)
    text = config.read_text(encoding="utf-8") if config.is_file() else ""
    for file in given:
        said, written = _parsed(file), file.read_text(encoding="utf-8")
        if "lockstep" in said:
            text = written
        elif said and said.keys() <= SECTIONS.keys():
            text = _merged(text, said)
        else:
            found.texts[_beside(file, given[0].parent)] = written
    for section, name in removed:
        text = _without(text, section, name)
    found.texts[config.name] = text
    return found


def _parsed(file: Path) -> Mapping[str, Any]:
    try:
        said = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise ConfigError([f"{file}:1:1: error[unreadable]: {str(error).splitlines()[0]}"]) from error
    if not isinstance(said, Mapping):
        raise ConfigError([f"{file}:1:1: error[kind]: this is no part of a configuration"])
    return said


def _merged(text: str, said: Mapping[str, Any]) -> str:
    """The configuration with these entries; what stands around them, comments too, stays as it is."""
    yaml, whole = _document(text)
    for section, entries in said.items():
        if whole.get(section) is None:
            whole[section] = {}
        for name, entry in (entries or {}).items():
            whole[section][name] = entry
    return _written(yaml, whole)


def _without(text: str, section: str, name: str) -> str:
    yaml, whole = _document(text)
    if name not in (whole.get(section) or {}):
        raise ConfigError([f"--remove: error[unknown]: the configuration has no {SECTIONS[section]} {name}"])
    del whole[section][name]
    return _written(yaml, whole)


def _document(text: str) -> tuple[YAML, Any]:
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 120
    return yaml, yaml.load(text) or {"lockstep": 1}


def _written(yaml: YAML, whole: Any) -> str:
    into = StringIO()
    yaml.dump(whole, into)
    return into.getvalue()


def _beside(file: Path, base: Path) -> str:
    if not file.is_relative_to(base):
        text = f"it does not lie below {base}, where the first file is; name that one first whose folder holds all"
        raise ConfigError([f"{file}:1:1: error[outside]: {text}"])
    return str(file.relative_to(base))


def staged(config: Path, found: Wanted, into: Path, env: Mapping[str, str]) -> tuple[Config | None, list[str]]:
    """The new state in `into`, read as a whole: the configuration, or everything that is wrong with it. What is not
    written by people is only pointed at, so that no secret is copied.
    """
    here = config.resolve().parent
    for file in _around(here):
        place = into / file.relative_to(here)
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix in WRITTEN:
            place.write_bytes(file.read_bytes())
        else:
            place.symlink_to(file)
    for name, text in found.texts.items():
        place = into / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    loaded, problems = read(into / found.root, env)
    return loaded, [str(each).replace(f"{into}{os.sep}", f"{here}{os.sep}") for each in problems]


def _around(here: Path) -> list[Path]:
    """Files beside a configuration, but not those of its data: a database is no part of it."""
    found = []
    for folder, folders, names in os.walk(here):
        held = [each for each in folders if not each.startswith(".") and not _is_data(Path(folder) / each)]
        folders[:] = held
        found += [Path(folder) / name for name in names if not name.endswith((".db", ".db-wal", ".db-shm"))]
        if len(found) > MOST:
            raise ConfigError([f"{here}: error[folder]: more than {MOST} files lie beside the configuration"])
    return [each for each in found if each.is_file()]


def _is_data(folder: Path) -> bool:
    return (folder / "lockstep.db").exists() or (folder / "stream.db").exists()


def put(config: Path, found: Wanted) -> None:
    """Puts the texts in place, each whole or not at all, the configuration last: until then what it names is there."""
    here = config.resolve().parent
    for name in sorted(found.texts, key=lambda each: each == found.root):
        place = here / name
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = place.with_name(f".{place.name}.new")
        beside.write_text(found.texts[name], encoding="utf-8")
        beside.replace(place)
