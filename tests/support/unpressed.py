"""An intake with room for everything, for tests that are about something else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from connectors.contract.clock import SystemClock
from gateway.config.values import Limits
from gateway.intake.pressure import Pressure
from gateway.streams.port import StreamHealth


class Idle:
    """A stream in which nothing waits."""

    def health(self) -> StreamHealth:
        return StreamHealth(ready=True)

    async def append_many(self, entries: Sequence[tuple[str, bytes]]) -> None:
        assert not entries, "whoever brings something gives a stream of his own"


def unpressed(limits: Limits | None = None, stream: object = None, free: int = 1 << 40) -> Pressure:
    """`free`: bytes left on the disk."""
    return Pressure(
        cast(Any, stream or Idle()),
        cast(Any, None),
        SystemClock(),
        data=Path("data"),
        limits=limits or Limits(body=1_000_000, in_flight=4_000_000, disk_reserve=1 << 20, unhandled=1000),
        worker="tester",
        free=lambda _: free,
    )
