"""Trying mappings out: on a document, on its tests, on what came in. Nothing is sent, nothing of a record is changed.

What is tried is a stored version, or a text that is none yet (`candidate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select

from connectors.contract.errors import InputError
from connectors.contract.values import Change
from connectors.contract.written.paths import parse_path, simple
from dead_letter.picking import cases_of
from gateway.access.masking import MASK
from gateway.access.rights import Principal, Right
from gateway.config import values
from gateway.sync import tables as t
from gateway.versions.errors import BadMapping, NotUsed
from gateway.versions.reading import compiled, loaded
from gateway.versions.store import Version
from gateway.work.mapping_versions import ref_of
from gateway.work.personal import seen
from gateway.work.workplace import Workplace
from mappings.fixtures import fixture
from mappings.loader import read_text
from mappings.testing import run_texts
from mappings.tracing import Trace, Traced, trace

Facts = dict[str, Any]
LONGEST = 262_144
"""Characters of a document or of a mapping's text that is handed in."""

_change = msgspec.json.Decoder(Change).decode


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor's document, and where it is from: `change` is the id of the notice that brought it."""

    raw: Mapping[str, Any]
    change: str = ""
    connection: str = ""
    object: str = ""
    key: str = ""
    at: float = 0.0


def candidate(place: Workplace, text: str, *, by: str, origin: str = "handed in") -> Version:
    """A text as a version that is not stored. Raises BadMapping with all problems, NotUsed: no flow has its name."""
    if len(text) > LONGEST:
        raise BadMapping([f"{origin}: the text is longer than {LONGEST} characters"])
    found = read_text(text, label=origin, base=place.config.file.parent)
    if found.mapping is None:
        raise BadMapping([str(problem) for problem in found.problems])
    mapping = found.mapping
    _, member = used_at(place, mapping.name)[0]
    if (mapping.system, mapping.object, mapping.type) != (
        member.mapping.system,
        member.mapping.object,
        member.mapping.type,
    ):
        raise BadMapping([f"{origin}: {mapping.name} is for {member.mapping.system} {member.mapping.object}"])
    return Version(
        digest=mapping.digest,
        name=mapping.name,
        version=mapping.version,
        system=mapping.system,
        object=mapping.object,
        type=mapping.type,
        text=found.text,
        type_text=found.type_text,
        stored_at=place.now(),
        stored_by=by[:100],
        origin=origin,
    )


def used_at(place: Workplace, name: str) -> list[tuple[values.Flow, values.Member]]:
    """Where mappings of this name are in use. Raises NotUsed."""
    found = [
        (flow, member)
        for flow in place.config.flows.values()
        for member in flow.members.values()
        if member.mapping.name == name
    ]
    if not found:
        known = sorted({each.mapping.name for flow in place.config.flows.values() for each in flow.members.values()})
        raise NotUsed(name, known)
    return found


# Documents.


def document_of(text: str) -> Document:
    """A document as it was handed in. Raises InputError for what is no JSON object, or is too large."""
    if len(text) > LONGEST:
        raise InputError(f"the document is longer than {LONGEST} characters", code="document.too_long")
    try:
        return Document(raw=msgspec.json.decode(text, type=dict[str, Any]))
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"this is no JSON object: {error}", code="document.invalid") from error


async def document_from(place: Workplace, who: Principal, *, change: str = "", case: str = "") -> Document | None:
    """What came in with a change, or the newest that came in for the object of a case. Right SEE. None: there is none
    (any more), or it is out of scope.
    """
    who.require(Right.SEE)
    async with place.database.read() as tx:
        row = t.notice.c
        query = select(row.id, row.received_at, row.payload)
        if case:
            found = next(iter(await cases_of(tx, [case])), None)
            if found is None:
                return None
            query = query.where(row.connection == found.connection, row.object_id == found.object_id)
            query = query.order_by(row.received_at.desc(), row.id.desc()).limit(20)
        else:
            query = query.where(row.id == change)
        return _newest(place, who, [(each.id, each.received_at, each.payload) for each in await tx.execute(query)])


def _newest(place: Workplace, who: Principal, rows: list[tuple[str, float, str]]) -> Document | None:
    for id, at, payload in rows:
        found = _change(payload)
        shown = found.snapshot
        flow = place.topology.by_object.get((found.connection, shown.object))
        if flow is None or not who.covers(connection=found.connection, type=flow.type) or not shown.raw:
            continue
        return Document(
            raw=shown.raw, change=id, connection=found.connection, object=shown.object, key=shown.key or shown.id, at=at
        )
    return None


async def mapping_of_case(place: Workplace, who: Principal, number: str) -> str | None:
    """`name@version` of the mapping in use that the object of a case is read through. Right SEE. None: no such case in
    scope, or no mapping.
    """
    who.require(Right.SEE)
    async with place.database.read() as tx:
        case = next(iter(await cases_of(tx, [number])), None)
    flow = place.topology.by_object.get((case.connection, case.object)) if case else None
    if case is None or flow is None or not who.covers(connection=case.connection, type=flow.type):
        return None
    mapping = flow.members[case.connection].mapping
    return f"{mapping.name}@{mapping.version}:{mapping.digest[:8]}"


# One document.


async def run(place: Workplace, who: Principal, version: Version, document: Document) -> Facts:
    """The document through the mapping, field by field. Right SEE; personal values are masked as everywhere.

    {ref, document: {raw, change, connection, object, key, at}, fields: [{field, path, rule, ext, value, wanted, same,
    error, warnings}], missing, unmapped, left, fragment}
    """
    who.require(Right.SEE)
    found = _traced(version, document)
    of_type = loaded(version).record_type
    personal = {name for name, field in of_type.fields.items() if field.personal} if of_type else set()
    clear = who.may(Right.SEE_PERSONAL) or not document.change
    facts = {
        "ref": ref_of(version),
        "document": {
            "raw": document.raw if clear else masked_raw(version, document.raw),
            "change": document.change,
            "connection": document.connection,
            "object": document.object,
            "key": document.key,
            "at": document.at,
        },
        "fields": [_field(each, hidden=each.field in personal and not clear) for each in found.fields],
        "missing": list(found.missing),
        "unmapped": list(found.unmapped),
        "left": found.left,
        "fragment": _fragment(found, version, clear=clear),
    }
    return dict(await seen(place, who, facts, record=document.change)) if document.change else facts


def _traced(version: Version, document: Document) -> Trace:
    found = loaded(version)
    if found.mapping is None or found.model is None or found.record_type is None:
        raise BadMapping([str(problem) for problem in found.problems])
    return trace(found.mapping, found.model, found.record_type, document.raw)


def _field(each: Traced, *, hidden: bool) -> Facts:
    """Words about a value that must not be seen must not tell it either."""
    return {
        "field": each.field,
        "path": each.path,
        "rule": "hidden" if hidden else each.rule,
        "ext": each.ext,
        "value": each.value,
        "wanted": each.back,
        "same": each.same,
        "error": "refused" if hidden and each.error else each.error,
        "warnings": [f"{len(each.warnings)} hidden"] if hidden and each.warnings else list(each.warnings),
    }


def _fragment(found: Trace, version: Version, *, clear: bool) -> Any:
    return found.fragment if clear or found.fragment is None else masked_raw(version, found.fragment)


def masked_raw(version: Version, raw: Mapping[str, Any]) -> Facts:
    """A document in which only what fields that are not personal are read from can be seen: who knows what else there
    is in it.
    """
    found = loaded(version)
    shown: set[tuple[str, ...]] = set()
    for name, rule in found.model.fields.items() if found.model else ():
        of_type = found.record_type.fields[name] if found.record_type else None
        if of_type is not None and not of_type.personal:
            shown |= {keys for path in rule.path if (keys := simple(parse_path(path)))}
    return _hidden(raw, (), shown)


def _hidden(value: Mapping[str, Any], above: tuple[str, ...], shown: set[tuple[str, ...]]) -> Facts:
    out: Facts = {}
    for key, each in value.items():
        keys = (*above, key)
        if keys in shown or each in (None, "", [], {}):
            out[key] = each
        elif isinstance(each, Mapping):
            out[key] = _hidden(each, keys, shown)
        else:
            out[key] = MASK
    return out


# Tests.


def tests_file(place: Workplace, name: str) -> Path | None:
    """The tests that stand beside the mapping that is in use under this name. Raises NotUsed."""
    _, member = used_at(place, name)[0]
    beside = member.mapping_file.with_name(f"{member.mapping_file.stem}.test.yaml")
    return beside if beside.is_file() else None


def run_tests(place: Workplace, who: Principal, version: Version, tests: str | None = None) -> Facts:
    """The tests that stand beside the mapping, or those handed in, with this version. Right SEE.

    {ref, file, passed, failed, green, problems: [text]}; green is never said of no tests. Raises NotUsed.
    """
    who.require(Right.SEE)
    label, text = "tests", tests
    if text is None:
        beside = tests_file(place, version.name)
        label, text = (beside.name, beside.read_text(encoding="utf-8")) if beside else ("", None)
    if text is None:
        return {"ref": ref_of(version), "file": "", "passed": 0, "failed": 0, "green": False, "problems": []}
    report = run_texts(text, label=label, mapping=compiled(version))
    problems = [str(each) for each in report.problems]
    return {
        "ref": ref_of(version),
        "file": label,
        "passed": report.passed,
        "failed": len(problems),
        "green": report.ok and report.passed > 0,
        "problems": problems,
    }


def as_test(version: Version, document: Document, name: str) -> str:
    """A test that says what this version makes of the document, as an entry of a test file; personal values are
    replaced by made-up ones, and only what the mapping reads is in it.
    """
    found = loaded(version)
    if found.mapping is None or found.model is None or found.record_type is None:
        raise BadMapping([str(problem) for problem in found.problems])
    return fixture(found.mapping, found.model, found.record_type, document.raw, name)
