"""A new state of a configuration's files, put together aside and read as a whole before anything is put in place."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import Any

from ruamel.yaml import YAML

from connectors.contract.errors import ConfigError
from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem
from gateway.config.reading import read
from gateway.config.values import Config
from gateway.config.written import SECTIONS

WRITTEN = (".yaml", ".yml")
MOST = 5_000
"""Files beside a configuration. More is no folder of a configuration, and is not copied."""
_one_at_a_time = threading.Lock()


class FilesRefused(ConfigError):
    """What was handed in cannot be put together; `found` has each problem with its place."""

    def __init__(self, found: Sequence[Problem]) -> None:
        super().__init__([str(each) for each in found])
        self.found = list(found)


@dataclass(slots=True)
class Wanted:
    """What is to be put in place: texts by their names beside the configuration."""

    root: str
    """Name of the configuration itself."""
    texts: dict[str, str] = field(default_factory=dict)
    before: str = ""
    """The configuration as it was when this was put together; empty: there was none."""
    beside: dict[str, bytes | None] = field(default_factory=dict)
    """The other files as they were then; None: there was none."""


def texts_of(files: Iterable[Path]) -> dict[str, str]:
    """What was handed in, by the names it has beside the first file; what lies elsewhere keeps its whole path."""
    given = [file.resolve() for file in files]
    return {_beside(file, given[0].parent): _read(file) for file in given}


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FilesRefused([Problem(str(file), 1, 1, "unreadable", str(error).splitlines()[0])]) from error


def _beside(file: Path, base: Path) -> str:
    return str(file.relative_to(base)) if file.is_relative_to(base) else str(file)


def wanted(config: Path, texts: Mapping[str, str], removed: Iterable[tuple[str, str]]) -> Wanted:
    """Out of what was handed in. A text with `lockstep:` takes the configuration's place; one of only `connections:`
    and `flows:` adds its entries to it, or takes theirs; any other is put beside it, under its name. Raises
    FilesRefused with all problems, and writes nothing.
    """
    before = config.read_text(encoding="utf-8") if config.is_file() else ""
    found = Wanted(config.name, before=before)
    text, problems = before, list[Problem]()
    for name, written in texts.items():
        source = Source(name, written)
        said = source.data
        if source.problems or not isinstance(said, Mapping):
            problems += source.problems or [source.problem((), "kind", "this is no part of a configuration")]
        elif "lockstep" in said:
            text = written
        elif said and said.keys() <= SECTIONS.keys():
            if odd := [each for each, entries in said.items() if not isinstance(entries, Mapping | None)]:
                problems += [source.problem((each,), "kind", "this has to be a block of names") for each in odd]
            elif (present := Source(config.name, text)).problems:
                problems += present.problems
            else:
                text = _merged(text, said)
        elif unfit := _unfit(name, config.name):
            problems.append(source.problem((), *unfit))
        else:
            found.texts[name] = written
    if problems:
        raise FilesRefused(problems)
    for section, name in removed:
        text = _without(text, section, name)
    for name in found.texts:
        with _told_of(name):
            found.beside[name] = _bytes(config.resolve().parent / name)
    found.texts[config.name] = text
    return found


def _bytes(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def _unfit(name: str, root: str) -> tuple[str, str, str] | None:
    """Why a file cannot be put beside the configuration under this name."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        text = "it does not lie below the folder of the first file, and is put beside the configuration by its name"
        return "outside", text, "naming that file first whose folder holds all"
    if str(path) != name:
        return "name", f"this is another way to write {path}", f"'{path}'"
    if path.suffix not in WRITTEN or any(part.startswith(".") for part in path.parts):
        return "name", "only files that end in .yaml or .yml are put beside a configuration", "another name"
    if name == root:
        return "kind", "this is the name of the configuration, and the text is none", "a first line 'lockstep: 1'"
    return None


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
        text = f"the configuration has no {SECTIONS[section]} {name}"
        raise FilesRefused([Problem("--remove", 1, 1, "unknown", text)])
    del whole[section][name]
    if not whole[section]:
        text, hint = f"{name} is the last {SECTIONS[section]}; a gateway needs one", "putting another in place with it"
        raise FilesRefused([Problem("--remove", 1, 1, "last", text, hint)])
    return _written(yaml, whole)


def _document(text: str) -> tuple[YAML, Any]:
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 120
    return yaml, yaml.load(text) or {"lockstep": 1}


def _written(yaml: YAML, whole: Any) -> str:
    into = StringIO()
    yaml.dump(whole, into)
    return into.getvalue()


def brings_code(found: Wanted) -> bool:
    """Whether a connection names code that none names now: asking it what it thinks of its settings imports it."""
    before, after = (_code(Source(found.root, text).data) for text in (found.before, found.texts[found.root]))
    return not after <= before


def _code(said: Any) -> set[str]:
    connections = said.get("connections") if isinstance(said, Mapping) else None
    entries = connections.values() if isinstance(connections, Mapping) else ()
    named = {str(each.get("connector")) for each in entries if isinstance(each, Mapping)}
    return {each for each in named if ":" in each}


def staged(
    config: Path, found: Wanted, into: Path, env: Mapping[str, str], *, judged: bool = True
) -> tuple[Config | None, list[Problem]]:
    """The new state in `into`, read as a whole: the configuration, or everything that is wrong with it, told from the
    folder of the configuration. What is not written by people is only pointed at, so that no secret is copied. Not
    `judged`: connectors are not asked, and no code of theirs runs.
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
        with _told_of(name):
            place = into / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
    loaded, problems = read(into / found.root, env, judged=judged)
    return loaded, [_told(each, into) for each in problems]


def placed(problems: Iterable[Problem], found: Wanted, texts: Mapping[str, str]) -> list[Problem]:
    """The same problems, told at the places of the parts that were handed in, where they came from one."""
    parts = [Source(name, text) for name, text in texts.items()]
    parts = [each for each in parts if isinstance(each.data, Mapping) and each.data.keys() <= SECTIONS.keys()]
    whole = Source(found.root, found.texts[found.root])
    return [_in_part(each, whole, parts) if each.file == found.root else each for each in problems]


def _in_part(problem: Problem, whole: Source, parts: Sequence[Source]) -> Problem:
    path, key = whole.path_at((problem.line, problem.col))
    for part in parts:
        if len(path) > 1 and path[1] in (part.data.get(path[0]) or {}):
            line, col = part.place(path, key=key)
            return replace(problem, file=part.file, line=line, col=col)
    return problem


def _told(problem: Problem, into: Path) -> Problem:
    here = f"{into}{os.sep}"
    told = {name: getattr(problem, name).replace(here, "") for name in ("file", "text", "hint")}
    return replace(problem, **told)


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


def put(config: Path, found: Wanted) -> bool:
    """Puts the texts in place, all or none, the configuration last: until then what it names is there. False, and
    nothing was changed: something in place is another by now. Raises FilesRefused, nothing changed either: a file
    cannot be written. A process that is killed between two renames leaves each file whole.
    """
    config = config.resolve()
    with _one_at_a_time:
        if (config.read_text(encoding="utf-8") if config.is_file() else "") != found.before:
            return False
        if any(_bytes(config.parent / name) != text for name, text in found.beside.items()):
            return False
        _write(config.parent, found)
    return True


def _write(here: Path, found: Wanted) -> None:
    """All of it on the disk first, so that a full one is noticed before anything is another."""
    order = sorted(found.texts, key=lambda each: each == found.root)
    done = list[str]()
    try:
        for name in order:
            with _told_of(name):
                _written_down(_new(here / name), found.texts[name].encode(), like=here / name)
        for name in order:
            with _told_of(name):
                _new(here / name).replace(here / name)
            done.append(name)
    except FilesRefused:
        for name in order:
            _new(here / name).unlink(missing_ok=True)
        for name in done:
            _back(here / name, found.beside[name])
        raise


def _back(place: Path, before: bytes | None) -> None:
    if before is None:
        place.unlink()
    else:
        _written_down(_new(place), before, like=place)
        _new(place).replace(place)


def _new(place: Path) -> Path:
    return place.with_name(f".{place.name}.new")


def _written_down(file: Path, content: bytes, *, like: Path) -> None:
    """With the rights of `like`, which this is to replace; it lasts when this returns."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as into:
        if like.is_file():
            os.fchmod(into.fileno(), like.stat().st_mode & 0o777)
        into.write(content)
        into.flush()
        os.fsync(into.fileno())


@contextmanager
def _told_of(name: str) -> Iterator[None]:
    """What the system refuses is told as a problem of the file."""
    try:
        yield
    except OSError as error:
        reason = f"cannot be put in place: {error.strerror}"
        raise FilesRefused([Problem(name, 1, 1, "unwritable", reason)]) from error
