"""Writes of a connector file: what is sent, and what the answer tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.comments import dress
from connectors.contract.errors import Refused
from connectors.contract.values import Ref, Write, WriteKind
from connectors.declared.looking import keys_of, one
from connectors.declared.model.records import Marker, Record
from connectors.declared.model.writes import ByKey, ByPrecondition, ByUpsert, Create, Sending, Update
from connectors.declared.rows import stored_marker
from connectors.declared.slots import fill_body
from connectors.rest.answer import TypeCheck


def sending_of(name: str, record: Record, write: Write) -> Sending:
    """The request that the file has for a write. Raises Refused where it has none."""
    writes = record.writes
    kinds: dict[WriteKind, Sending | None] = {
        WriteKind.CREATE: writes.create,
        WriteKind.UPDATE: writes.update,
        WriteKind.STEP: writes.transition,
        WriteKind.ITEM: writes.comment,
        WriteKind.DELETE: writes.delete,
    }
    found = kinds[write.kind]
    if found is None:
        raise Refused(f"the connector file has no way to {write.kind} a {name}")
    return found


def target_of(write: Write) -> Ref:
    """The object a write is for."""
    if write.ref is None:
        raise Refused(f"a write of kind {write.kind} needs the object it is for")
    return write.ref


def values_of(record: Record, sending: Sending, write: Write, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that slots of this request may name."""
    values: dict[str, Any] = {**settings, "operation": write.operation, "correlation": write.correlation}
    if write.kind is WriteKind.CREATE:
        values["marker"] = stored_marker(record.marker, write.correlation) if record.marker else write.correlation
    else:
        ref = target_of(write)
        values |= {"id": ref.id, "key": ref.key, "version": _version(sending, write)}
    if write.step is not None:
        values["step"] = {"id": write.step.id, "to": write.step.to}
    if write.item is not None:
        internal = write.item.kind == "work_note"
        said = {"text": dress(write.item), "author": write.item.author}
        values["comment"] = {**said, "internal": internal, "public": not internal}
    values["values"] = _values(record, sending, write, values)
    return values


def _version(sending: Sending, write: Write) -> str | None:
    """Raises Refused where the request needs one and none is known: sent without, it would overwrite whatever is
    there.
    """
    if write.etag is None and isinstance(getattr(sending, "once", None), ByPrecondition):
        raise Refused("the version that this write rests on is not known")
    return write.etag


def _values(record: Record, sending: Sending, write: Write, known: Mapping[str, Any]) -> dict[str, Any]:
    added = {name: fill_body(each, known) for name, each in sending.add.items()}
    values = {**added, **write.values}
    for name in sending.drop:
        values.pop(name, None)
    if record.marker is None or not isinstance(sending, Create | Update):
        return values
    if isinstance(sending.once, ByUpsert):
        return values  # the address names the key; in the body it would be a second saying of it (facts.md 5.1)
    if write.kind is WriteKind.CREATE or _writes_labels(record.marker, values):
        values = _marked(record.marker, values, write.correlation)
    return values


def _writes_labels(marker: Marker, values: Mapping[str, Any]) -> bool:
    """Whether the list that our label is one of is written whole: without it, the write would take it off."""
    keys = keys_of(marker.at) or ()
    return marker.kind == "label" and isinstance(_at(values, keys), list)


def _at(values: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _marked(marker: Marker, values: dict[str, Any], correlation: str) -> dict[str, Any]:
    return _put(values, keys_of(marker.at) or (), stored_marker(marker, correlation), label=marker.kind == "label")


def _put(values: Mapping[str, Any], keys: tuple[str, ...], text: str, *, label: bool) -> dict[str, Any]:
    first, rest = keys[0], keys[1:]
    inside = values.get(first)
    if rest:
        return {**values, first: _put(inside if isinstance(inside, Mapping) else {}, rest, text, label=label)}
    if not label:
        return {**values, first: text}
    others = [each for each in inside if each != text] if isinstance(inside, list) else []
    return {**values, first: [*others, text]}


def own_headers(sending: Sending, write: Write) -> dict[str, str]:
    """Headers that the kind of proof asks for. The key belongs to the record, not to the attempt: whoever sends the
    create again sends it with the same one.
    """
    once = getattr(sending, "once", None)
    return {once.header: write.correlation} if isinstance(once, ByKey) else {}


def due(sending: Sending) -> TypeCheck | None:
    """What an answer must hold for the write to count as answered."""
    path = sending.returns.id
    if path is None:
        return None

    def check(data: Any) -> str:
        return "" if one(path)(data) not in (None, "") else f"no id at {path}"

    return check
