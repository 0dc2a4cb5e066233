"""Mappings as they are loaded: the file, what each field becomes, the tests beside it, and a try on a document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from connectors.contract.errors import InputError, MappingError
from gateway.access.rights import Principal, Right
from gateway.work.workplace import Workplace
from mappings.compiler import CompiledMapping
from mappings.testing import run_tests

LONGEST = 65_536


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping that a flow uses."""

    name: str
    version: int
    system: str
    object: str
    type: str
    flow: str
    connection: str
    fields: int
    digest: str


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """How the tests that stand beside a mapping go now."""

    file: str
    passed: int
    problems: tuple[str, ...]


class FieldTried(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a try: what the document shows, what it means, and what would be written for that."""

    name: str
    ext: Any
    value: Any
    back: Any
    error: str
    """Why the mapping refuses the value; empty when it does not."""
    same: bool
    """Writing it back gives what was read."""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A document through a mapping."""

    fields: tuple[FieldTried, ...]
    missing: tuple[str, ...]
    """Fields that the document does not have: they keep their values."""
    fragment: Any
    """What would be written for these values; None where a field is refused."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping with its file."""

    known: Known
    text: str
    tests: Tested | None
    personal: tuple[str, ...]


def list_mappings(place: Workplace, who: Principal) -> list[Known]:
    """The mappings of the flows that the reader may see. Right SEE."""
    who.require(Right.SEE)
    return [known for known, _, _ in _all(place, who)]


def show_mapping(place: Workplace, who: Principal, name: str, version: int) -> Shown | None:
    """The file, and its tests as they go now. Right SEE. None: it is not in use, or outside the reader's scope."""
    who.require(Right.SEE)
    found = _find(place, who, name, version)
    if found is None:
        return None
    known, _, file = found
    beside = file.with_name(f"{file.stem}.test.yaml")
    tests = None
    if beside.is_file():
        report = run_tests(beside)
        tests = Tested(file=beside.name, passed=report.passed, problems=tuple(str(each) for each in report.problems))
    fields = place.config.flows[known.flow].type.fields
    personal = tuple(field for field, rule in fields.items() if rule.personal)
    return Shown(known=known, text=file.read_text(encoding="utf-8"), tests=tests, personal=personal)


def try_mapping(place: Workplace, who: Principal, name: str, version: int, text: str) -> Tried | None:
    """What a document of the system means through the mapping; nothing is kept or sent. Right SEE. None as above.

    Raises InputError for what is no JSON object, or is too large.
    """
    who.require(Right.SEE)
    found = _find(place, who, name, version)
    if found is None:
        return None
    if len(text) > LONGEST:
        raise InputError(f"the document is longer than {LONGEST} characters", code="document.too_long")
    try:
        raw = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise InputError(f"this is no JSON object: {error}", code="document.invalid") from error
    return _tried(found[1], raw)


def _tried(mapping: CompiledMapping, raw: dict[str, Any]) -> Tried:
    exts = mapping.read(raw)
    fields = tuple(_field(mapping, name, exts[name]) for name in mapping.fields if name in exts)
    good = {field.name: field for field in fields if not field.error}
    fragment = None
    if len(good) == len(fields):
        chosen = {name: field.back for name, field in good.items() if mapping.fields[name].writable}
        try:
            fragment = mapping.write(chosen, {name: field.value for name, field in good.items()})
        except MappingError:
            fragment = None
    return Tried(fields=fields, missing=tuple(name for name in mapping.fields if name not in exts), fragment=fragment)


def _field(mapping: CompiledMapping, name: str, ext: Any) -> FieldTried:
    value: Any = None
    try:
        value = mapping.from_ext(name, ext)
        back = mapping.norm(name, mapping.to_ext(name, value)) if mapping.fields[name].writable else ext
    except MappingError as error:
        return FieldTried(name=name, ext=ext, value=value, back=None, error=str(error), same=False)
    return FieldTried(name=name, ext=ext, value=value, back=back, error="", same=back == ext)


def _find(place: Workplace, who: Principal, name: str, version: int) -> tuple[Known, CompiledMapping, Path] | None:
    return next((each for each in _all(place, who) if each[0].name == name and each[0].version == version), None)


def _all(place: Workplace, who: Principal) -> list[tuple[Known, CompiledMapping, Path]]:
    found = []
    for flow in place.config.flows.values():
        if not who.covers(type=flow.type.type):
            continue
        for name, member in flow.members.items():
            if who.covers(connection=name):
                found.append((_known(member.mapping, flow.name, name), member.mapping, member.mapping_file))
    return found


def _known(mapping: CompiledMapping, flow: str, connection: str) -> Known:
    return Known(
        name=mapping.name,
        version=mapping.version,
        system=mapping.system,
        object=mapping.object,
        type=mapping.type,
        flow=flow,
        connection=connection,
        fields=len(mapping.fields),
        digest=mapping.digest,
    )
