"""What the tables can hold of a vendor's text. SQLite takes anything; PostgreSQL refuses what is too long, and NUL."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec
from sqlalchemy import Column, String

from connectors.contract.errors import Refused
from connectors.contract.values import Change, Item, Ref, Snapshot
from dead_letter.scrub import clean
from gateway.sync import tables as t

HIGHEST_VERSION = 2**31 - 1
"""The column is a 32 bit integer on PostgreSQL."""
_DIGEST = 40


def _length(column: Column[str]) -> int:
    assert isinstance(column.type, String)
    assert column.type.length is not None
    return column.type.length


DELIVERY_KEY = _length(t.notice.c.delivery_key)
OBJECT_ID = _length(t.notice.c.object_id)
OBJECT_KEY = _length(t.link.c.object_key)
ITEM_ID = _length(t.item_copy.c.item_id)
NATURAL = _length(t.record.c.natural)
ACTOR = 45
"""Of a person's name where it stands in a sentence of the ledger; the case's history has it whole."""


def is_plain(text: str) -> bool:
    """Whether a database keeps the text as it is, and another program can ask for it."""
    return not any(sign < " " or "\ud800" <= sign <= "\udfff" for sign in text)


def label(text: str, longest: int) -> str:
    """Text that only people read: what does not fit is cut off, visibly."""
    text = text if is_plain(text) else clean(text)
    return text if len(text) <= longest else text[: longest - 3] + "..."


def digest(text: str, longest: int) -> str:
    """Text that is compared: equal texts stay equal and different ones different, also where they do not fit."""
    if len(text) <= longest and is_plain(text):
        return text
    told = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    return f"{clean(text)[: longest - _DIGEST - 1]}#{told}"


def storable(change: Change) -> Change:
    """A change that the tables refused, in a form in which a case can tell of it."""
    snapshot = change.snapshot
    version = snapshot.version if 0 <= (snapshot.version or 0) <= HIGHEST_VERSION else None
    fits = msgspec.structs.replace(
        snapshot, id=digest(snapshot.id, OBJECT_ID), key=label(snapshot.key, OBJECT_KEY), version=version
    )
    return msgspec.structs.replace(change, delivery_key=digest(change.delivery_key, DELIVERY_KEY), snapshot=fits)


def readable(snapshot: Snapshot) -> Snapshot:
    """A snapshot that was read, with a key that fits. Raises Refused for ids that cannot be stored: they are how we
    know an object or a comment again, and are never shortened.
    """
    _id("the object", snapshot.id, OBJECT_ID)
    _ids(snapshot.items or ())
    key = label(snapshot.key, OBJECT_KEY)
    return snapshot if key == snapshot.key else msgspec.structs.replace(snapshot, key=key)


def addressable(refs: Sequence[Ref]) -> list[Ref]:
    """Hits of a search, as `readable` does it."""
    for ref in refs:
        _id("the object", ref.id, OBJECT_ID)
    return [msgspec.structs.replace(ref, key=label(ref.key, OBJECT_KEY)) for ref in refs]


def _ids(items: Sequence[Item]) -> None:
    for item in items:
        _id("a comment", item.id, ITEM_ID)


def _id(what: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise Refused(f"{what} has an id of {len(text)} characters, and {longest} fit")
    if not is_plain(text):
        raise Refused(f"{what} has an id with characters that are no text")
