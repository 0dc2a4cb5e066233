"""Real worker processes on a stream, to be killed: `python -m tests.contract.streams.processes VERB URL NAME`."""

from __future__ import annotations

import argparse
import asyncio
import math
import resource
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.contract.clock import SystemClock
from connectors.contract.errors import ConfigError, StorageError
from gateway.streams.port import Stream
from tests.contract.streams.place import FAST, PARTITIONS
from tests.support.speaking import Speaker, say

if TYPE_CHECKING:
    from tests.contract.streams.place import Place


class Worker(Speaker):
    """A process on a place. What it has done, it says in lines."""

    def __init__(self, verb: str, place: Place, *extra: object) -> None:
        maker = f"{place.open_stream.__module__}:{place.open_stream.__name__}"
        super().__init__(__name__, verb, place.url, place.name, "--maker", maker, *extra)


async def _append(stream: Stream) -> None:
    await stream.start()
    number = 0
    while True:
        await stream.append(f"key-{number % 7}", b"value-%d" % number)
        say(f"value-{number}")
        number += 1


async def _consume(stream: Stream, journal: Path | None, hold_after: float) -> None:
    """Says every value; after so many the handler keeps its batch, and nothing more is said."""
    told = 0

    async def handler(values: Sequence[bytes]) -> None:
        nonlocal told
        for value in values:
            say(value.decode())  # the line is the effect: once read by the parent it cannot be taken back
        if journal is not None:
            with journal.open("ab", buffering=0) as shared:  # one write: lines of two workers do not mix
                shared.write(b"".join(value + b"\n" for value in values))
        told += len(values)
        if told >= hold_after:
            await asyncio.Event().wait()

    stream.consume(handler)
    await stream.start()
    await asyncio.Event().wait()


async def _fill_the_disk(stream: Stream) -> None:
    """A limit on file size stands for a full disk: SQLite is told the same by the system."""
    await stream.start()
    await stream.append("key", b"first")
    say("first")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, hard))
    number = 0
    try:
        while True:
            await stream.append("key", b"%08d" % number + b"x" * 20_000)
            say(f"{number:08d}")
            number += 1
    except StorageError:
        say("full")
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await stream.append("key", b"after")
    say("after")
    await stream.stop()


async def _try_to_start(stream: Stream) -> None:
    try:
        await stream.start()
        say("started")
    except ConfigError as error:
        say(str(error))
    finally:
        await stream.stop()


def main() -> None:
    """Run one verb until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["append", "consume", "fill", "start"])
    parser.add_argument("url")
    parser.add_argument("name")
    parser.add_argument("--maker", required=True)
    parser.add_argument("--hold-after", type=float, default=math.inf)
    parser.add_argument("--journal", type=Path)
    chosen = parser.parse_args()
    module, maker = chosen.maker.split(":")
    options = replace(FAST, batch_entries=10)
    stream: Stream = getattr(import_module(module), maker)(
        chosen.url, name=chosen.name, partitions=PARTITIONS, clock=SystemClock(), options=options
    )
    match chosen.verb:
        case "append":
            asyncio.run(_append(stream))
        case "consume":
            asyncio.run(_consume(stream, chosen.journal, chosen.hold_after))
        case "fill":
            asyncio.run(_fill_the_disk(stream))
        case _:
            asyncio.run(_try_to_start(stream))


if __name__ == "__main__":
    main()
