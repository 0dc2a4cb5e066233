"""Whether a change that a stranger's webhook made can be stored at all: what cannot is refused at the door."""

from __future__ import annotations

from sqlalchemy import Column, String

from connectors.contract.errors import MalformedError
from connectors.contract.values import Change
from gateway.sync import tables as t


def _length(column: Column[str]) -> int:
    assert isinstance(column.type, String)
    assert column.type.length is not None
    return column.type.length


_LONGEST = {
    "delivery id": _length(t.notice.c.delivery_key),
    "object id": _length(t.notice.c.object_id),
    "object key": _length(t.link.c.object_key),
    "comment id": _length(t.item_copy.c.item_id),
}
_HIGHEST = 2**31 - 1
"""Of a version: the column is a 32 bit integer on PostgreSQL."""


def fit(change: Change) -> None:
    """Raises MalformedError for an identity or a version that the tables cannot hold.

    In the stream it would be too late: the transaction would fail, which looks like a database that is away, and be
    tried again for ever with everything behind it waiting.
    """
    snapshot = change.snapshot
    _text("delivery id", change.delivery_key)
    _text("object id", snapshot.id)
    _text("object key", snapshot.key)
    for item in snapshot.items or ():
        _text("comment id", item.id)
    if snapshot.version is not None and not 0 <= snapshot.version <= _HIGHEST:
        raise MalformedError(f"the version {snapshot.version} is beyond {_HIGHEST}", code="does_not_fit")


def _text(name: str, value: str) -> None:
    longest = _LONGEST[name]
    if len(value) > longest:
        raise MalformedError(f"the {name} has {len(value)} characters; {longest} fit", code="does_not_fit")
    # NUL is a character that PostgreSQL does not store; a header with bytes that are not UTF-8 arrives as surrogates.
    if any(sign < " " or "\ud800" <= sign <= "\udfff" for sign in value):
        raise MalformedError(f"the {name} has characters that are no text", code="does_not_fit")
