"""Files on their way from one system to another: fetched whole before the write begins, so that what goes wrong with
the source is never taken for an outcome at the target.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from typing import NamedTuple

from connectors.contract.connector import Connector, GivesFiles, Sink
from connectors.contract.errors import Retryable
from connectors.contract.values import File
from gateway.delivery.breaker import Gate
from gateway.delivery.sending import concluded
from gateway.sync.attempts import Conclusion, Outcome
from gateway.sync.state import PendingItem

IN_MEMORY = 1024 * 1024
"""Bytes of a file that are held in memory; what is larger lies on disk while it is carried."""

PAUSED_S = 30.0
"""So long before a file is asked for again that waits for somebody: for the end of a pause, or for room on our disk."""


class Source(NamedTuple):
    """A system that files come from."""

    connector: Connector
    gate: Gate


class Spool(Sink):
    """A file while it is carried. Holds one descriptor until it is closed."""

    def __init__(self, most: int) -> None:
        self.most, self.size = most, 0
        self.trouble: OSError | None = None
        """Why it cannot be kept here; whoever reads it may take that for a failure of the source."""
        self.file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed by whoever sent it

    def begin(self) -> None:
        self.file.seek(0)
        self.file.truncate()
        self.size = 0

    def take(self, chunk: bytes) -> None:
        try:
            self.file.write(chunk)
        except OSError as error:
            self.trouble = error
            raise
        self.size += len(chunk)

    def whole(self, due: File) -> None:
        """Goes to its beginning. Raises Retryable for another size than is due, OSError where there is no room."""
        if self.size != due.size:
            raise Retryable(f"{due.name} came with {self.size} of {due.size} bytes")
        self.file.seek(0)

    def close(self) -> None:
        """Gives up what was taken; what is still to be written to the disk need not arrive there."""
        with suppress(OSError):
            self.file.close()


async def carried(sources: Mapping[str, Source], item: PendingItem, within_s: float) -> Spool | Conclusion:
    """The file of an item, at its beginning, or why it did not come: then nothing was sent anywhere."""
    name, _, number = item.origin.partition(":")
    source = sources.get(name)
    if source is None or not isinstance(source.connector, GivesFiles) or item.file is None:
        return Conclusion(Outcome.REFUSED, error=f"the connection {name} gives no files any more")
    if source.gate.paused or source.gate.wait_s() > 0:
        return _later(name, source.gate)
    spool = Spool(item.file.size)
    try:
        async with asyncio.timeout(within_s):
            await source.connector.fetch(number, spool)
        spool.whole(item.file)
    except BaseException as error:
        spool.close()
        if not isinstance(error, Exception):
            raise
        return _did_not_come(item.file.name, spool, error, source.gate)
    source.gate.succeeded()
    return spool


def _later(name: str, gate: Gate) -> Conclusion:
    """A system that is left alone is not asked for files either, nor one that is away or wants us to wait."""
    if gate.paused:
        return _waits(f"the file is in {name}, which is paused", "paused", PAUSED_S)
    return _waits(f"the file is in {name}: {gate.reason}", gate.state, gate.wait_s())


def _did_not_come(name: str, spool: Spool, error: Exception, gate: Gate) -> Conclusion:
    ours = spool.trouble or (error if isinstance(error, OSError) and not isinstance(error, TimeoutError) else None)
    if ours is not None:
        return _waits(f"there is no room here for {name}: {ours}", "no room", PAUSED_S)
    if isinstance(error, TimeoutError):
        if not spool.size:  # a system that sends something is there, however large the file
            gate.failed("a file did not come in time")
        error = Retryable(f"{name} did not come in time; {spool.size} of {spool.most} bytes did")
    return concluded(error, gate, reading=True)


def _waits(error: str, reason: str, after_s: float) -> Conclusion:
    return Conclusion(Outcome.NOT_APPLIED, error=error, reason=reason, retry_after_s=after_s)
