"""The seam of a connection that is pushed to: the gateway keeps what was pushed, and the connector reads it there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from connectors.contract.values import Change


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """One object as it was pushed last."""

    object: str
    """The connector's object type."""
    id: str
    """Ours: given when it was first pushed, and never again."""
    version: int
    """One more with each change."""
    body: Mapping[str, Any] = {}
    """The document, without anything secret."""
    modified_at: float = 0.0
    """By the gateway's clock, as all of its times."""
    exists: bool = True
    """False: it was taken away; `body` is empty then."""


class Shelf(Protocol):
    """What was pushed to one connection. Raises StorageError."""

    async def resource(self, object: str, id: str) -> Resource | None:
        """One; None: there is none, or not any more."""
        ...

    async def after(self, object: str, id: str, most: int) -> Sequence[Resource]:
        """Those behind this id ("": the first), in the order of their ids."""
        ...

    async def untold(self, after: int, most: int) -> Sequence[tuple[int, Change]]:
        """Changes behind this number that were accepted and may not be in the stream yet, with their numbers, which
        grow. Whoever asks says by `after` that all up to there are in the stream.
        """
        ...

    async def pushed_at(self) -> float:
        """When something was last accepted; 0: never."""
        ...


@runtime_checkable
class TakesPushes(Protocol):
    """A connector whose system pushes what it has, instead of being asked."""

    def told(self, resource: Resource, *, received_at: float, traceparent: str = "") -> Change:
        """The change that this state of a resource is. Pure."""
        ...
