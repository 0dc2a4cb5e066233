"""The verbs a connector offers. It supports those its manifest declares; delivery decides about retries, waits and
order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from connectors.contract.credentials import Keyring, TokenStore
from connectors.contract.limits import Admission
from connectors.contract.pushed import Shelf
from connectors.contract.values import (
    Finding,
    HistoryEntry,
    IdPage,
    ObjectSpec,
    Page,
    Receipt,
    Received,
    Ref,
    Snapshot,
    Step,
    Webhook,
    Write,
)


class ConnectionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One configured instance of a system, secrets resolved. `repr` must not be logged; use `name`."""

    name: str
    connector: str
    url: str
    auth: Mapping[str, Any] = {}
    """One kind of signing in with its settings, for example `{"basic": {"user", "password"}}`; the kinds are those of
    `connectors.rest.kinds`.
    """
    keyring: Keyring | None = None
    """Tells what to sign in with now; None: always `auth`."""
    tokens: TokenStore | None = None
    """Keeps the tokens that are got with it; None: this process's memory."""
    shelf: Shelf | None = None
    """Where what is pushed to the connection is kept; None: this process does not have it."""
    admission: Admission | None = None
    """Lets requests through, so that all workers keep within one budget; None: nothing holds them up."""
    webhook_secret: str = ""
    timeout_s: float = 20.0
    settles_s: float | None = None
    """Overrides ObjectSpec.settles_s (a sandbox settles in a second)."""
    concurrency: int = 16
    options: Mapping[str, Any] = {}
    """Connector-specific settings, validated by the connector's own model."""
    objects: Mapping[str, Mapping[str, Any]] = {}
    """Object type -> settings of the flow member (`with:`), e.g. {"issue": {"project": "OPS"}}."""


class Connector(Protocol):
    """Speaks to one connection. Raises only errors of `connectors.contract.errors`; never retries, sleeps or logs."""

    @property
    def specs(self) -> Mapping[str, ObjectSpec]:
        """What is promised per object type."""
        ...

    async def check(self) -> Sequence[Finding]:
        """Proves sign-in, read, write and that the marker is searchable; never raises for a failed proof."""
        ...

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        """The next page since `cursor` (None: from now on), inclusive with overlap; objects may repeat, none is left
        out.
        """
        ...

    def receive(self, webhook: Webhook) -> Received:
        """Verifies and reads a webhook. Raises SignatureError or MalformedError. Pure: no I/O."""
        ...

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        """The present state. An absent object (deleted, or no right to see it) gives `exists=False`."""
        ...

    async def find(self, object: str, correlation: str) -> Sequence[Ref]:
        """Objects that carry this correlation key. May lag behind; see ObjectSpec.settles_s."""
        ...

    async def find_by(self, object: str, fragment: Mapping[str, Any]) -> Sequence[Ref]:
        """Objects whose fields equal this fragment of `raw` exactly (natural key look-up)."""
        ...

    async def history(self, ref: Ref, since: float) -> Sequence[HistoryEntry]:
        """Changes at or after `since` (system's clock, inclusive), oldest first. Only where ObjectSpec.history."""
        ...

    async def steps(self, ref: Ref) -> Sequence[Step]:
        """Moves available now for stepped fields. Empty where the system has none."""
        ...

    async def apply(self, write: Write) -> Receipt:
        """Sends one write. Raising anything but OutcomeUnknown asserts that it had no effect."""
        ...

    async def close(self) -> None:
        """Releases connections."""
        ...


class Sink(Protocol):
    """Where the bytes of a file go, as they come."""

    most: int
    """More than so many are not taken."""

    def begin(self) -> None:
        """The first byte follows; what came before is void."""
        ...

    def take(self, chunk: bytes) -> None:
        """The next bytes."""
        ...


@runtime_checkable
class GivesFiles(Protocol):
    """A connector whose items may be files."""

    async def fetch(self, item: str, into: Sink) -> None:
        """The bytes of one file, streamed. Raises Refused for one that is not there, or is larger than `into.most`."""
        ...


@runtime_checkable
class ListsIds(Protocol):
    """A connector that can also list what there is, so that deletions nobody told of are found (SYNC.md W8)."""

    async def ids(self, object: str, cursor: Mapping[str, Any] | None) -> IdPage:
        """One page of the ids of all objects that a poll would tell of, however old (cursor None: the first).

        A list proves nothing: it may lag behind, and leave out what the integration user may not see. An id that it
        shows was there; one that it does not show has to be read.
        """
        ...
