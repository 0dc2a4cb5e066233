"""What crosses the seam between a connector and the gateway. All times are epoch seconds, UTC, in the *system's* clock.

A connector turns one vendor row into one `Snapshot` by a pure function; `raw` is the vendor's document with rich text
already turned into plain text under the same key, so that mappings can address it with JSONPath.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec


class VersionKind(StrEnum):
    """What an object's version number means (SYNC.md section 2)."""

    COUNTER = "counter"  # integer, +1 per change
    ORDERED = "ordered"  # integer, grows
    TIMESTAMP = "timestamp"  # only a time of last update: every notice is a hint
    NONE = "none"


class ObjectSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a connector declares about one object type; the conformance kit measures it."""

    name: str
    version_kind: VersionKind
    granularity_s: float
    """Resolution of the system's update time."""
    history: bool = False
    """`history()` can be read back, with authors."""
    unrecorded: tuple[str, ...] = ()
    """Names in `raw`, at its top, that history never tells of: an effect on nothing else is proved by its value."""
    conditional: bool = False
    """Updates take a precondition (If-Match); a stale one is a `Conflict`."""
    marker: bool = True
    """Creates carry the correlation key where `find` finds it."""
    key_s: float = 0.0
    """Creates carry a key, the same for each attempt, by which the system knows a repetition for so long: within it
    another attempt has no second effect. 0: it knows none.
    """
    settles_s: float = 120.0
    """A negative look after an unknown outcome counts only after this long (>= the maximum age of a request)."""
    readable: bool = True
    """`read` works. Where it does not, an unknown outcome is settled by its echo or by a person."""
    items: bool = False
    """Comments can be read and written, with a marker in the copy."""
    tells: str = ""
    """Whom the system tells by itself of a write to such an object, in words for people; empty: not known."""
    files: int = 0
    """Bytes of the largest file that is carried over to it as an item; 0: it takes none."""

    def is_unrecorded(self, values: Mapping[str, Any]) -> bool:
        """Whether history will show nothing of a write of these values."""
        return bool(values) and values.keys() <= set(self.unrecorded)


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file that hangs on an object. Its bytes never change; another upload is another file."""

    name: str
    """Without our marker."""
    size: int
    """Bytes."""
    media_type: str = "application/octet-stream"


ATTACHMENT = "attachment"
"""The kind of an item that is a file."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """An append-only part of an object: a comment, a work note or a file."""

    id: str
    kind: str = "comment"
    """`comment` (visible to customers), `work_note` (internal) or `attachment`."""
    body: str
    """Plain text, without our marker and attribution. Of a file: what a comment says instead where none can go."""
    author: str = ""
    """A name fit to show to a person."""
    at: float = 0.0
    version: str = ""
    """Changes when the item is edited, where the system has that."""
    origin: str | None = None
    """Set on our own copies: `connection:item id` of the original, read from the marker."""
    file: File | None = None
    """Only of an attachment."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What an object looked like when the system told us."""

    object: str
    id: str
    """The system's immutable id (Jira: issue id, not key)."""
    key: str = ""
    """What people call it (INC0010001, OPS-12)."""
    exists: bool = True
    version: int | None = None
    updated_at: float | None = None
    raw: Mapping[str, Any] = {}
    partial: bool = False
    """`raw` holds only some fields (a delta or a thin payload); never used as a whole state."""
    correlation: str | None = None
    """Our correlation key as found on the object."""
    etag: str | None = None
    actor: str | None = None
    by_us: bool | None = None
    """Whether our own integration user made the last change; None: unknown. Never used to drop anything."""
    field_times: Mapping[str, float] = {}
    """Vendor field name -> time of its last change, where the system tells."""
    items: tuple[Item, ...] | None = None
    """None: not looked at. A tuple: these were seen (not necessarily all)."""
    url: str = ""


class ChangeKind(StrEnum):
    """How much a change says."""

    SNAPSHOT = "snapshot"  # the whole object
    HINT = "hint"  # something happened; read it
    DELETED = "deleted"
    ITEM = "item"  # a comment was added; snapshot.items has it


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened in a system, in one envelope (CloudEvents attributes: id, source, type, subject,
    time).
    """

    connection: str
    delivery_key: str
    """Unique per connection. The system's delivery id, or object:version:kind for integer versions; never content or
    time.
    """
    kind: ChangeKind
    snapshot: Snapshot
    received_at: float
    occurred_at: float | None = None
    via: str = "webhook"
    """`webhook`, `poll`, `file`, `api`."""
    clock_offset_s: float = 0.0
    """Measured: the system's clock minus ours."""
    correlation_id: str = ""
    causation_id: str = ""
    traceparent: str = ""

    @property
    def stream_key(self) -> str:
        """Key in the stream: one object, one partition, one order."""
        return f"{self.connection}:{self.snapshot.object}:{self.snapshot.id}"


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a poll. `cursor` is opaque JSON; storing it after the changes are durable is the caller's duty."""

    changes: tuple[Change, ...]
    cursor: dict[str, Any]
    more: bool


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One object in a list of ids."""

    id: str
    """The system's immutable id, as in Snapshot."""
    key: str = ""
    updated_at: float | None = None


class IdPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a list of ids. `cursor` is opaque JSON, fit to be stored; None: this was the last page."""

    listed: tuple[Listed, ...]
    cursor: dict[str, Any] | None


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """An incoming HTTP request as received. Header names are lower case."""

    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = {}
    url: str = ""
    """The address it came to, as the receiver sees it; a proxy in front may have been called by another one."""
    received_at: float


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook meant. No changes: `ignored` says why (it is counted and answered 2xx)."""

    changes: tuple[Change, ...]
    ignored: str = ""


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One past change of an object. `before` and `after` are fragments of `raw`, so mappings read them as they read
    snapshots.
    """

    id: str
    at: float
    actor: str
    by_us: bool
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    version: int | None = None
    """The object's version after this change, where known."""


class Ref(msgspec.Struct, frozen=True, kw_only=True):
    """An object in a system."""

    object: str
    id: str
    key: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One available move of a stepped field."""

    id: str
    """The vendor's id of the move (Jira: transition id)."""
    to: str
    """External value the field will show after the move."""
    fields: tuple[str, ...] = ()
    """Vendor fields that may be sent with the move."""
    required: tuple[str, ...] = ()


class WriteKind(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    STEP = "step"  # one transition of a stepped field
    ITEM = "item"  # append a comment
    DELETE = "delete"  # take the object away


class ItemDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A comment to copy. The connector adds attribution and a marker that carries `origin`."""

    kind: str
    body: str
    author: str
    at: float
    origin: str
    origin_label: str = ""
    """The name of the connection it comes from, fit to show."""
    file: File | None = None
    """Of an attachment; its bytes are `Write.content`."""


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """One write, with the values computed when it is sent."""

    kind: WriteKind
    object: str
    operation: str
    """Id of this attempt; goes into logs and, where possible, headers."""
    correlation: str
    """The record's correlation key; a create must store it where `find` finds it."""
    ref: Ref | None = None
    values: Mapping[str, Any] = {}
    """Fragment of `raw` to write (for a create: the whole object)."""
    step: Step | None = None
    item: ItemDraft | None = None
    content: Any = None
    """The bytes of `item.file`: a binary file, open for reading and seekable. Whoever made the write closes it."""
    etag: str | None = None
    timeout_s: float = 20.0
    traceparent: str = ""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The system's answer to a write that was applied."""

    ref: Ref
    version: int | None = None
    snapshot: Snapshot | None = None
    """The stored object, where the answer shows it whole."""
    item_id: str | None = None
    evidence: Mapping[str, Any] = {}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a connection check: passed or not, with the reason."""

    proves: str
    ok: bool
    detail: str = ""
    elapsed_ms: float = 0.0
    refused: bool = False
    """It failed because the system does not accept the credential, whatever else may be wrong."""
