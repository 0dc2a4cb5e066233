"""Whether a change can be stored at all, and in which form: decided at the door, because behind it it would be too
late.

In the stream the transaction would fail, which looks like a database that is away, and be tried again for ever with
everything behind it waiting.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from connectors.contract.errors import MalformedError
from connectors.contract.values import Change, ChangeKind, Item
from gateway.streams.port import MAX_ENTRY_BYTES
from gateway.sync import bounds

LONGEST_BODY = 64 * 1024
"""Characters kept of a comment that makes a change too large; both systems of today take fewer."""
_CUT = "\n[... cut off here: the comment has {} characters and could not be carried whole]"

_encode = msgspec.json.Encoder().encode


def fit(change: Change) -> None:
    """Raises MalformedError for an identity or a version that the tables cannot hold."""
    snapshot = change.snapshot
    _text("delivery id", change.delivery_key, bounds.DELIVERY_KEY)
    _text("object id", snapshot.id, bounds.OBJECT_ID)
    _text("object key", snapshot.key, bounds.OBJECT_KEY)
    for item in snapshot.items or ():
        _text("comment id", item.id, bounds.ITEM_ID)
    if snapshot.version is not None and not 0 <= snapshot.version <= bounds.HIGHEST_VERSION:
        raise MalformedError(f"the version {snapshot.version} is beyond {bounds.HIGHEST_VERSION}", code="does_not_fit")


def entry(change: Change) -> tuple[str, bytes]:
    """The stream's key and value of a change.

    One that is larger than an entry may be says no more than "look": its comments stay, and what it showed of the
    object is left out, to be read later. Raises MalformedError if even its comments are too many for one entry.
    """
    for form in _forms(change):
        value = _encode(form)
        if len(value) <= MAX_ENTRY_BYTES:
            return change.stream_key, value
    raise MalformedError(f"its comments are more than an entry may have ({MAX_ENTRY_BYTES} bytes)", code="too_large")


def _forms(change: Change) -> Iterator[Change]:
    yield change
    snapshot = msgspec.structs.replace(change.snapshot, raw={}, field_times={}, partial=True)
    kind = ChangeKind.HINT if change.kind is ChangeKind.SNAPSHOT else change.kind
    yield msgspec.structs.replace(change, kind=kind, snapshot=snapshot)
    if snapshot.items:
        items = tuple(_cut(item) for item in snapshot.items)
        snapshot = msgspec.structs.replace(snapshot, items=items)
        yield msgspec.structs.replace(change, kind=kind, snapshot=snapshot)


def _cut(item: Item) -> Item:
    if len(item.body) <= LONGEST_BODY:
        return item
    return msgspec.structs.replace(item, body=item.body[:LONGEST_BODY] + _CUT.format(len(item.body)))


def _text(name: str, value: str, longest: int) -> None:
    if len(value) > longest:
        raise MalformedError(f"the {name} has {len(value)} characters; {longest} fit", code="does_not_fit")
    # NUL is a character that PostgreSQL does not store; a header with bytes that are not UTF-8 arrives as surrogates.
    if not bounds.is_plain(value):
        raise MalformedError(f"the {name} has characters that are no text", code="does_not_fit")
