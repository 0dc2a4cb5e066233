"""One pure function from a row, as the system shows it, to a Snapshot."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from connectors.contract.values import Ref, Snapshot, VersionKind
from connectors.declared.looking import keys_of, one, text_at
from connectors.declared.model.records import Marker, Record
from connectors.declared.slots import fill_text
from connectors.declared.times import parse_time

Row = Mapping[str, Any]
_KINDS = {"counter": VersionKind.COUNTER, "ordered": VersionKind.ORDERED}


def version_kind(record: Record) -> VersionKind:
    """What the core may conclude from this record's versions."""
    if record.version is not None:
        return _KINDS[record.version.kind]
    return VersionKind.TIMESTAMP if record.updated is not None else VersionKind.NONE


def id_of(record: Record, row: Any) -> str:
    """The id; "" for what is no object of this kind."""
    return text_at(record.id, row)


def ref_of(name: str, record: Record, row: Any) -> Ref:
    """The object as a Ref."""
    return Ref(object=name, id=id_of(record, row), key=text_at(record.key, row))


def version_of(record: Record, row: Any) -> int | None:
    """The version number, where it is one."""
    if record.version is None:
        return None
    text = text_at(record.version.at, row)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


def updated_at(record: Record, row: Any) -> float | None:
    """Time of the last change, epoch seconds in the system's clock."""
    return parse_time(one(record.updated.at)(row), record.updated.as_) if record.updated else None


def listed_at(record: Record, row: Any) -> float | None:
    """The time that the list is narrowed and sorted by."""
    at = record.since.at
    return parse_time(one(at.at)(row), at.as_) if at else updated_at(record, row)


def stored_marker(marker: Marker, correlation: str) -> str:
    """What is stored for a correlation key."""
    return fill_text(marker.as_, {"correlation": correlation})


def correlation_of(marker: Marker | None, row: Any) -> str | None:
    """Our correlation key as found on the object. Of several labels none counts more, so the first by name is taken."""
    if marker is None:
        return None
    found = one(marker.at)(row)
    before, after = stored_marker(marker, "\0").split("\0")
    texts = sorted(str(each) for each in found) if isinstance(found, list) else [str(found or "")]
    fitting = [each for each in texts if each.startswith(before) and each.endswith(after)]
    cut = [each[len(before) : len(each) - len(after)] for each in fitting]
    return next((each for each in cut if each), None)


def to_raw(record: Record, row: Row) -> dict[str, Any]:
    """The row as mappings see it: our marker left out, and null where the system has a text for nothing."""
    keys = keys_of(record.marker.at) if record.marker else None
    shown = _without(row, keys, record.marker) if keys and record.marker else dict(row)
    return {name: _emptied(each, record.nothing) for name, each in shown.items()} if record.nothing else shown


def _emptied(value: Any, nothing: Collection[str]) -> Any:
    if isinstance(value, Mapping):
        return {name: _emptied(each, nothing) for name, each in value.items()}
    if isinstance(value, list):
        return [_emptied(each, nothing) for each in value]
    return None if isinstance(value, str) and value in nothing else value


def _without(row: Row, keys: tuple[str, ...], marker: Marker) -> dict[str, Any]:
    first, rest = keys[0], keys[1:]
    shown = dict(row)
    if first not in shown:
        return shown
    if rest:
        shown[first] = _without(shown[first], rest, marker) if isinstance(shown[first], Mapping) else shown[first]
    elif marker.kind == "label":
        shown[first] = [each for each in shown[first] or [] if correlation_of(marker, _at(keys, marker, each)) is None]
    else:
        del shown[first]
    return shown


def _at(keys: tuple[str, ...], marker: Marker, label: Any) -> Any:
    """A row that holds nothing but one label, where the marker looks for it."""
    document: Any = [label]
    for key in reversed(keys_of(marker.at) or keys):
        document = {key: document}
    return document


def etag_of(record: Record, row: Any, headers: Mapping[str, str]) -> str | None:
    """What `${version}` is in the next write."""
    if record.etag == "header":
        return headers.get("etag") or None
    if record.etag is not None:
        return text_at(record.etag, row) or None
    return text_at(record.version.at, row) or None if record.version else None


def to_snapshot(
    name: str,
    record: Record,
    row: Row,
    *,
    headers: Mapping[str, str] | None = None,
    us: str = "",
    site: str = "",
    partial: bool = False,
) -> Snapshot:
    """A row as a Snapshot. `us`: our own name as `actor` shows it, "" if unknown."""
    actor = text_at(record.actor, row) or None
    key = text_at(record.key, row)
    number = id_of(record, row)
    return Snapshot(
        object=name,
        id=number,
        key=key,
        version=version_of(record, row),
        updated_at=updated_at(record, row),
        raw=to_raw(record, row),
        partial=partial,
        correlation=correlation_of(record.marker, row),
        etag=etag_of(record, row, headers or {}),
        actor=actor,
        by_us=(actor == us) if actor and us else None,
        url=site + fill_text(record.link, {"id": number, "key": key}) if record.link and site else "",
    )
