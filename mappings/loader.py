"""Finding, reading, checking and compiling mapping files. A file is good, or all its problems are told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from connectors.contract.errors import ConfigError
from connectors.contract.written.edge import parse
from connectors.contract.written.places import Source, read_source
from connectors.contract.written.problems import Problem, nearest
from mappings.compiler import CompiledMapping, compile_mapping
from mappings.lint import lint_mapping, lint_type
from mappings.model import MappingFile, TypeFile

LIBRARY = Path(__file__).parent / "library"
TYPES = Path(__file__).parent / "types"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a mapping file. `mapping` is there exactly if there are no problems."""

    file: Path
    mapping: CompiledMapping | None = None
    model: MappingFile | None = None
    record_type: TypeFile | None = None
    problems: tuple[Problem, ...] = field(default=())
    text: str = field(default="", repr=False)
    """Of the file, as it was read; with `type_text` what the digest is of."""
    type_text: str = field(default="", repr=False)


def library_names() -> list[str]:
    """Names of the built-in mappings."""
    return sorted(file.stem for file in LIBRARY.glob("*.yaml") if not file.name.endswith(".test.yaml"))


def find_mapping(ref: str, base: Path) -> Path | None:
    """The file that `ref` names: a path (ending in .yaml or .yml) relative to `base`, or a name of the library."""
    if ref.endswith((".yaml", ".yml")):
        file = (base / ref).resolve()
        return file if file.is_file() else None
    return LIBRARY / f"{ref}.yaml" if ref in library_names() else None


def find_type(name: str, base: Path) -> Path | None:
    """The file of a record type: in `types/` at or above the folder of who asks, or built in."""
    for folder in (base / "types", base.parent / "types", TYPES):
        file = folder / f"{name}.yaml"
        if file.is_file():
            return file
    return None


def type_names(base: Path) -> list[str]:
    """Names of the record types that can be found from `base`."""
    return sorted(
        {file.stem for folder in (base / "types", base.parent / "types", TYPES) for file in folder.glob("*.yaml")}
    )


def read_type(file: Path) -> tuple[TypeFile | None, list[Problem]]:
    """A record type and its problems; no type if there are any."""
    return _type_of(read_source(file), file.stem)


def _type_of(source: Source, name: str) -> tuple[TypeFile | None, list[Problem]]:
    if source.problems:
        return None, source.problems
    parsed = parse(TypeFile, source)
    model, problems = parsed.model, parsed.problems
    if model is not None:
        problems = problems + lint_type(source, model)
        if model.type != name:
            text = f"the type '{model.type}' stands in {Path(source.file).name}"
            problems.append(source.problem(("type",), "name", text, f"'{name}'"))
    return (model if not problems else None), problems


def read_mapping(file: Path) -> Loaded:
    """Reads, checks and compiles a mapping file. Never raises for what is in the file."""
    return _read(file, read_source(file), lambda name: _type_beside(file, name))


def read_text(text: str, *, label: str, base: Path) -> Loaded:
    """As `read_mapping`, for a text that is no file yet; problems name `label`, types are found from `base`."""
    return _read(Path(label), Source(label, text), lambda name: _type_beside(base / "new.yaml", name))


def read_stored(text: str, type_text: str, *, label: str) -> Loaded:
    """As `read_mapping`, for texts that were kept: a mapping as it was, over its record type as it was."""
    return _read(Path(label), Source(label, text), lambda name: Source(f"{name}.yaml", type_text))


def _type_beside(file: Path, name: str) -> Source | None:
    found = find_type(name, file.parent)
    return read_source(found) if found is not None else None


def _read(file: Path, source: Source, type_source: Callable[[str], Source | None]) -> Loaded:
    if source.problems:
        return Loaded(file, problems=tuple(source.problems))
    parsed = parse(MappingFile, source)
    model = parsed.model
    if model is None:
        return Loaded(file, problems=tuple(sorted(parsed.problems)))
    of_type = type_source(model.type)
    if of_type is None:
        text, hint = f"there is no record type '{model.type}'", nearest(model.type, type_names(file.parent))
        unknown = source.problem(("type",), "unknown-type", text, hint)
        return Loaded(file, model=model, problems=tuple(sorted([*parsed.problems, unknown])))
    record_type, problems = _type_of(of_type, model.type)
    if record_type is None:
        return Loaded(file, model=model, problems=tuple(sorted([*parsed.problems, *problems])))
    problems = parsed.problems + lint_mapping(source, model, record_type, parsed.gone)
    if problems:
        return Loaded(file, model=model, record_type=record_type, problems=tuple(sorted(set(problems))))
    mapping = compile_mapping(model, record_type, digest=digest_of(source.text, of_type.text))
    return Loaded(file, mapping, model, record_type, text=source.text, type_text=of_type.text)


def load_mapping(ref: str, base: Path | None = None) -> CompiledMapping:
    """The mapping that `ref` names (see `find_mapping`). Raises ConfigError with all problems."""
    file = find_mapping(ref, base or Path.cwd())
    if file is None:
        way_out = nearest(ref, library_names())
        raise ConfigError(
            [
                f"{ref}:1:1: error[unknown-mapping]: there is no mapping '{ref}'"
                + (f"; try {way_out}" if way_out else "")
            ]
        )
    loaded = read_mapping(file)
    if loaded.mapping is None:
        raise ConfigError([str(problem) for problem in loaded.problems])
    return loaded.mapping


def load_type(name: str, base: Path | None = None) -> TypeFile:
    """The record type of that name. Raises ConfigError with all problems."""
    file = find_type(name, base or Path.cwd())
    if file is None:
        raise ConfigError([f"{name}:1:1: error[unknown-type]: there is no record type '{name}'"])
    model, problems = read_type(file)
    if model is None:
        raise ConfigError([str(problem) for problem in problems])
    return model


def digest_of(text: str, type_text: str) -> str:
    """What a mapping version is known by: SHA-256 over its text and its record type's."""
    return hashlib.sha256(text.encode() + b"\0" + type_text.encode()).hexdigest()
