"""Changes as the engine tells them: rows of a poll, comments, deletions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from connectors.comments import undress
from connectors.contract.fields import FieldInfo
from connectors.contract.values import Change, ChangeKind, Item, Snapshot, VersionKind
from connectors.declared.deciding import holds
from connectors.declared.looking import many, one, text_at
from connectors.declared.model.records import CommentShape, FieldDiscovery, Record
from connectors.declared.rows import id_of, to_snapshot, version_kind
from connectors.declared.times import parse_time


class Teller(NamedTuple):
    """What every change carries."""

    connection: str
    site: str
    us: str
    offset_s: float
    received_at: float
    via: str
    new_key: Callable[[], str]

    def row(self, name: str, record: Record, row: Mapping[str, Any], *, key: str = "") -> Change:
        """A row that shows the object whole, with a version that tells its states apart, is a snapshot; any other is a
        hint to read, whose key is new each time unless a delivery gave one.
        """
        snapshot = to_snapshot(name, record, row, us=self.us, site=self.site, partial=not record.whole)
        counted = version_kind(record) in (VersionKind.COUNTER, VersionKind.ORDERED)
        if record.whole and counted and snapshot.version is not None:
            own = f"{name}:{snapshot.id}:{snapshot.version}:snapshot"
            return self._change(ChangeKind.SNAPSHOT, key or own, snapshot)
        return self.hint(name, snapshot.id, snapshot.key, key=key, at=snapshot.updated_at)

    def hint(self, name: str, id: str, key_shown: str = "", *, key: str = "", at: float | None = None) -> Change:
        """Something happened to an object."""
        snapshot = Snapshot(object=name, id=id, key=key_shown, partial=True, updated_at=at)
        return self._change(ChangeKind.HINT, key or f"{name}:{id}:{self.new_key()}", snapshot)

    def gone(self, name: str, id: str, *, key: str = "") -> Change:
        """An object was deleted. An id is never given again, so it happens once."""
        snapshot = Snapshot(object=name, id=id, exists=False, partial=True)
        return self._change(ChangeKind.DELETED, key or f"{name}:{id}:deleted", snapshot)

    def comment(self, name: str, id: str, item: Item, *, key: str = "") -> Change:
        """A comment: told once for each state of it."""
        snapshot = Snapshot(object=name, id=id, partial=True, items=(item,))
        return self._change(ChangeKind.ITEM, key or f"{name}:{id}:comment:{item.id}:{item.version}", snapshot)

    def _change(self, kind: ChangeKind, key: str, snapshot: Snapshot) -> Change:
        items = snapshot.items or ()
        return Change(
            connection=self.connection,
            delivery_key=key,
            kind=kind,
            snapshot=snapshot,
            received_at=self.received_at,
            occurred_at=(items[0].at or None) if items else snapshot.updated_at,
            via=self.via,
            clock_offset_s=self.offset_s,
        )


def to_item(comments: CommentShape, row: Any) -> Item | None:
    """A comment; None for an entry without an id, or one that the file passes over. Our own copies are known by their
    last line.
    """
    id = text_at(comments.id, row)
    if not id or (comments.skip is not None and holds(comments.skip, {"row": row})):
        return None
    said = undress(text_at(comments.text, row).replace("\r\n", "\n"))
    hidden = comments.internal is not None and one(comments.internal)(row) is True
    hidden = hidden or (comments.public is not None and one(comments.public)(row) is False)
    at = parse_time(one(comments.at.at)(row), comments.at.as_) if comments.at else None
    return Item(
        id=id,
        kind="work_note" if hidden else "comment",
        body=said.body,
        author=text_at(comments.author, row),
        at=at or 0.0,
        origin=said.origin,
    )


def to_items(comments: CommentShape, rows: list[Any]) -> tuple[Item, ...]:
    """All that are comments."""
    return tuple(item for row in rows if (item := to_item(comments, row)) is not None)


def gone_ids(path: str, rows: list[Any]) -> list[str]:
    """Ids in a list of deletions: of blocks at `path`, or the entries themselves."""
    return [found for row in rows if (found := text_at(path, row) if isinstance(row, Mapping) else text_at("$", row))]


def as_object(record: Record, row: Any) -> Mapping[str, Any] | None:
    """A row as an object of this kind, its values where mappings write them; None for what is none."""
    if not isinstance(row, Mapping) or not id_of(record, row):
        return None
    if record.skip is not None and holds(record.skip, {"row": row}):
        return None
    return {**row, **{name: _shown(path, row) for name, path in record.shows.items()}} if record.shows else row


def as_objects(record: Record, rows: list[Any]) -> list[Mapping[str, Any]]:
    """Those that are objects of this kind."""
    return [found for row in rows if (found := as_object(record, row)) is not None]


def _shown(path: str, row: Mapping[str, Any]) -> Any:
    """A path through a list shows a list."""
    return many(path)(row) if "[" in path else one(path)(row)


def to_fields(told: FieldDiscovery, rows: list[Any]) -> list[FieldInfo]:
    """What the system says of its fields; an entry without a name says nothing."""
    found = [(text_at(told.name, row), row) for row in rows]
    return [
        FieldInfo(
            name=name,
            kind=text_at(told.kind, row),
            options=tuple(map(str, many(told.options)(row))) if told.options else (),
            required=one(told.required)(row) is True if told.required else False,
        )
        for name, row in found
        if name
    ]
