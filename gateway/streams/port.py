"""The seam: what the rest of the gateway knows of a stream. No type of Faust, SQLite or Kafka crosses it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from connectors.contract.clock import Chance, Clock, system_chance
from connectors.contract.errors import ConfigError, InputError

if TYPE_CHECKING:
    from gateway.streams.backend import Backend

Handler = Callable[[Sequence[bytes]], Awaitable[None]]
"""Takes a batch of values in order and returns only after the transaction that holds their effect has committed."""

MAX_ENTRY_BYTES = 4 * 1024 * 1024
"""The largest value a stream takes. Topics that we create on Kafka allow it; an older topic may allow less."""


class EntryTooLarge(InputError):
    """A value above `MAX_ENTRY_BYTES`: nothing was stored, and storing it again will not help."""

    status = 413

    def __init__(self, size: int) -> None:
        super().__init__(
            f"{size} bytes is more than a stream entry may have ({MAX_ENTRY_BYTES})", code="entry_too_large"
        )
        self.size = size


@dataclass(frozen=True)
class StreamHealth:
    """How a stream is doing now. Times are epoch seconds."""

    ready: bool
    """True while values are stored and handed on; False while starting, stalled, or while the handler keeps failing."""
    reason: str | None = None
    """Why it is not ready, in one sentence; None when it is."""
    lag: Mapping[int, int] = field(default_factory=dict)
    """Messages (frames) not yet handled, per partition that this process reads."""
    last_progress: float | None = None
    """When a batch was last handled; None before the first."""
    restarts: int = 0
    """How often the consumer was restarted because it stalled or crashed."""
    retries: int = 0
    """How often the handler raised."""


@dataclass(frozen=True)
class StreamOptions:
    """Limits and patience of a stream. Durations are seconds."""

    retention_s: float = 86_400.0
    """Handled entries are deleted after this, in the background; unhandled ones never, however long an outage is."""
    durable: bool = True
    """sqlite://: synchronous=FULL. False (NORMAL) may lose the last commits when the machine loses power."""
    append_s: float = 10.0
    """After this long without an answer from the storage `append` raises."""
    batch_entries: int = 500
    """The most values one call of the handler gets, a larger single frame aside."""
    stall_s: float = 60.0
    """Values are waiting and none was handled for this long: the consumer is restarted."""
    stop_s: float = 10.0
    """How long `stop`, or a rebalance, waits for the batch in hand."""
    session_s: float = 10.0
    """kafka://: a silent worker's partitions go to others after this."""


class Stream(Protocol):
    """A durable, partitioned sequence of values with one consumer group. Order holds per key, not across keys."""

    async def start(self) -> None:
        """Return once `append` works; handling starts in the background (see `health`). StorageError: nothing runs."""
        ...

    async def stop(self) -> None:
        """Finish appends and the batch in hand within `stop_s`, acknowledge what is done. Safe at any time."""
        ...

    async def append(self, key: str, value: bytes) -> None:
        """Return only when the value is durable.

        Raises StorageError (disk full, broker away): nothing was acknowledged, the value may or may not be there, so
        append it again or refuse it at its source. EntryTooLarge: certainly nothing was stored.
        When cancelled, the value may still become durable.
        """
        ...

    async def append_many(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """As `append` for all of them, in their order per key; on an error some may be durable."""
        ...

    def consume(self, handler: Handler) -> None:
        """Set the handler, once, before `start`. Without one the stream is for appending only.

        What the handler returned for is acknowledged; a kill before that redelivers it, so every value comes at least
        once. When it raises, the same batch is given again after a growing pause: never acknowledged, never skipped.
        """
        ...

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What runs from `start` to `stop`. One that ends before is a defect, and nothing starts it again."""
        ...

    def health(self) -> StreamHealth:
        """What is known now; never waits."""
        ...


def open_stream(
    url: str,
    *,
    name: str,
    partitions: int,
    clock: Clock,
    chance: Chance | None = None,
    options: StreamOptions | None = None,
) -> Stream:
    """The stream `name` at `sqlite:////absolute/file.db` or `kafka://host:port[,host:port...]`.

    `partitions` counts when the stream is first made; an existing one keeps its number, because another would send
    the keys that are in flight elsewhere. Raises ConfigError when the URL is neither.
    """
    # Imported here because Faust takes its time: a command that opens no stream does not wait for it.
    from gateway.streams.engine import FaustStream

    chosen = options or StreamOptions()
    parts = urlsplit(url)
    backend: Backend
    if parts.scheme == "sqlite" and not parts.netloc and parts.path.startswith("//"):
        from gateway.streams.sqlite_backend import SqliteBackend

        backend = SqliteBackend(parts.path[1:], name, partitions, clock, chosen)
    elif parts.scheme == "kafka" and parts.netloc and not parts.path.strip("/"):
        from gateway.streams.kafka_backend import KafkaBackend

        backend = KafkaBackend(parts.netloc, name, partitions, clock, chosen)
    else:
        raise ConfigError(
            [f"stream: error[stream-url]: {url!r} is no stream; try sqlite:////absolute/file.db or kafka://host:9092"]
        )
    return FaustStream(backend, clock, chance or system_chance(), chosen)
