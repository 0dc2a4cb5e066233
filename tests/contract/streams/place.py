"""What the suite needs of an implementation: a storage that outlives the streams on it, and a look into it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from connectors.contract.clock import SystemClock
from gateway.streams.port import Handler, Stream, StreamOptions, open_stream
from tests.support.waiting import until

PARTITIONS = 4
PATIENCE_S = 30.0
"""Only a hang ends by it; every wait is for a signal."""

FAST = StreamOptions(stop_s=5.0, session_s=1.5, append_s=10.0, batch_entries=50)

Stored = dict[int, list[bytes]]


@dataclass(frozen=True)
class Place:
    """One storage. `stored` reads every value of every partition, past the stream's own code."""

    url: str
    name: str
    stored: Callable[[], Awaitable[Stored]]
    open_stream: Callable[..., Stream] = open_stream

    def open(self, handler: Handler | None = None, **options: float) -> Stream:
        """A new stream on this storage, not started."""
        chosen = replace(FAST, **options)  # type: ignore[arg-type]
        stream = self.open_stream(self.url, name=self.name, partitions=PARTITIONS, clock=SystemClock(), options=chosen)
        if handler is not None:
            stream.consume(handler)
        return stream

    @asynccontextmanager
    async def running(self, handler: Handler | None = None, **options: float) -> AsyncIterator[Stream]:
        """A started stream, stopped at the end."""
        stream = self.open(handler, **options)
        try:
            await stream.start()
            yield stream
        finally:
            await stream.stop()


@dataclass
class Sink:
    """A handler that remembers, and tells when it has enough. `gate` closed holds every batch inside the handler."""

    batches: list[list[bytes]] = field(default_factory=list)
    entered: list[list[bytes]] = field(default_factory=list)
    failures: int = 0
    """How many calls are still to fail."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.gate.set()

    async def __call__(self, values: Sequence[bytes]) -> None:
        self.entered.append(list(values))
        await self._tell()
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise OSError("the database is away")
        self.batches.append(list(values))
        await self._tell()

    @property
    def values(self) -> list[bytes]:
        return [value for batch in self.batches for value in batch]

    async def until(self, condition: Callable[[Sink], bool]) -> None:
        async with self.changed, asyncio.timeout(PATIENCE_S):
            await self.changed.wait_for(lambda: condition(self))

    async def has(self, count: int) -> None:
        """Return when this many values were handled."""
        await self.until(lambda sink: len(sink.values) >= count)

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()


def numbered(keys: int, each: int) -> list[tuple[str, bytes]]:
    """`each` values for every key, interleaved, `key:n` inside."""
    return [(f"key-{k}", f"key-{k}:{n}".encode()) for n in range(each) for k in range(keys)]


def in_order_per_key(values: Sequence[bytes], *, repeats: bool = False) -> str | None:
    """Why `key:n` values are not 0, 1, 2... per key; None when they are. `repeats` forgives going over some again."""
    seen: defaultdict[str, int] = defaultdict(lambda: -1)
    for value in values:
        key, number = value.decode().rsplit(":", 1)
        if int(number) > seen[key] + 1 or (int(number) <= seen[key] and not repeats):
            return f"{key}: {number} after {seen[key]}"
        seen[key] = int(number)
    return None


async def eventually(condition: Callable[[], bool]) -> None:
    """Return when a state that sends no signal (`health`) has come about."""
    await until(condition, what="the stream's health to tell it", timeout_s=PATIENCE_S)
