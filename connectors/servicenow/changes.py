"""From rows and webhooks to changes: keys, kinds and envelopes. Pure."""

from __future__ import annotations

from typing import NamedTuple

from connectors.contract.values import Change, ChangeKind, Item, Snapshot
from connectors.servicenow.rows import Row, parse_time, text


class Envelope(NamedTuple):
    """What is the same for all changes of one page or webhook."""

    connection: str
    received_at: float
    via: str
    clock_offset_s: float


def record(envelope: Envelope, snapshot: Snapshot, key: str) -> Change:
    """The whole record, or a hint where it does not tell everything or carries no version."""
    whole = not snapshot.partial and snapshot.version is not None
    return _change(envelope, snapshot, key, ChangeKind.SNAPSHOT if whole else ChangeKind.HINT, snapshot.updated_at)


def version_key(snapshot: Snapshot, otherwise: str) -> str:
    """`object:id:version:snapshot`; `otherwise` where access rules hide the version."""
    if snapshot.version is None:
        return otherwise
    return f"{snapshot.object}:{snapshot.id}:{snapshot.version}:snapshot"


def journal(envelope: Envelope, object: str, sys_id: str, item: Item) -> Change:
    """A comment or work note. Its key is the entry's own id, the same by webhook and by poll: entries never change."""
    snapshot = Snapshot(object=object, id=sys_id, partial=True, items=(item,))
    return _change(envelope, snapshot, f"{object}:{sys_id}:journal:{item.id}", ChangeKind.ITEM, item.at or None)


def deleted(envelope: Envelope, snapshot: Snapshot, key: str, at: float | None) -> Change:
    """The record is gone."""
    return _change(envelope, snapshot, key, ChangeKind.DELETED, at)


def deleted_row(envelope: Envelope, object: str, row: Row, us: str) -> Change:
    """A row of sys_audit_delete."""
    actor = text(row.get("sys_created_by"))
    snapshot = Snapshot(
        object=object,
        id=text(row.get("documentkey")),
        key=text(row.get("display_value")),
        exists=False,
        actor=actor or None,
        by_us=actor == us if actor and us else None,
    )
    key = f"{object}:{snapshot.id}:deleted:{text(row.get('sys_id'))}"
    return deleted(envelope, snapshot, key, parse_time(text(row.get("sys_created_on"))))


def _change(envelope: Envelope, snapshot: Snapshot, key: str, kind: ChangeKind, at: float | None) -> Change:
    return Change(
        connection=envelope.connection,
        delivery_key=key,
        kind=kind,
        snapshot=snapshot,
        received_at=envelope.received_at,
        occurred_at=at,
        via=envelope.via,
        clock_offset_s=envelope.clock_offset_s,
    )
