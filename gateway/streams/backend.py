"""What a transport adds to the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from faust.transport.base import Transport

from gateway.streams.app import StreamApp


class Backend(Protocol):
    """One storage behind a stream: an SQLite file or a Kafka cluster."""

    name: str
    """Topic and consumer group."""
    broker: str
    """The URL as Faust wants it."""
    settings: Mapping[str, Any]
    """Faust settings of this transport."""
    failures: tuple[type[Exception], ...]
    """What a send raises when the storage did not take a message."""

    async def open(self) -> int:
        """Make the storage ready and return the number of partitions it has. StorageError or ConfigError."""
        ...

    def transport(self, app: StreamApp) -> Transport:
        """The transport for one life of an application."""
        ...

    async def trim(self, committed: Mapping[int, int]) -> None:
        """Delete handled messages older than the retention. `committed`: per partition the offset to go on from."""
        ...

    async def close(self) -> None:
        """Let the storage go. Safe at any time."""
        ...
