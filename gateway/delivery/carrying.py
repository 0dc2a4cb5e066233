"""Files on their way from one system to another: fetched whole before the write begins, so that what goes wrong with
the source is never taken for an outcome at the target.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from tempfile import SpooledTemporaryFile
from typing import NamedTuple

from connectors.contract.connector import Connector, GivesFiles, Sink
from connectors.contract.errors import Retryable
from gateway.delivery.breaker import Gate
from gateway.delivery.sending import concluded
from gateway.sync.attempts import Conclusion, Outcome
from gateway.sync.state import PendingItem

IN_MEMORY = 1024 * 1024
"""Bytes of a file that are held in memory; what is larger lies on disk while it is carried."""


class Source(NamedTuple):
    """A system that files come from."""

    connector: Connector
    gate: Gate


class Spool(Sink):
    """A file while it is carried. Holds one descriptor until it is closed."""

    def __init__(self, most: int) -> None:
        self.most, self.size = most, 0
        self.file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed by whoever sent it

    def begin(self) -> None:
        self.file.seek(0)
        self.file.truncate()
        self.size = 0

    def take(self, chunk: bytes) -> None:
        self.file.write(chunk)
        self.size += len(chunk)


async def carried(sources: Mapping[str, Source], item: PendingItem, within_s: float) -> Spool | Conclusion:
    """The file of an item, at its beginning, or why it did not come: then nothing was sent anywhere."""
    name, _, number = item.origin.partition(":")
    source = sources.get(name)
    if source is None or not isinstance(source.connector, GivesFiles) or item.file is None:
        return Conclusion(Outcome.REFUSED, error=f"the connection {name} gives no files any more")
    spool = Spool(item.file.size)
    try:
        async with asyncio.timeout(within_s):
            await source.connector.fetch(number, spool)
        if spool.size != item.file.size:
            raise Retryable(f"{item.file.name} came with {spool.size} of {item.file.size} bytes")
    except TimeoutError:
        spool.file.close()
        source.gate.failed("a file did not come in time")
        return concluded(Retryable("the file did not come in time"), source.gate, reading=True)
    except Exception as error:  # noqa: BLE001 - whatever a connector raises, the attempt gets an outcome
        spool.file.close()
        return concluded(error, source.gate, reading=True)
    except BaseException:
        spool.file.close()
        raise
    source.gate.succeeded()
    spool.file.seek(0)
    return spool
