"""Real worker processes on a stream, to be killed: `python -m tests.contract.streams.processes VERB URL NAME`."""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from connectors.contract.clock import SystemClock
from connectors.contract.errors import ConfigError, StorageError
from gateway.streams.port import Stream
from tests.contract.streams.place import FAST, PARTITIONS

if TYPE_CHECKING:
    from tests.contract.streams.place import Place

_ROOT = Path(__file__).parents[3]


class Worker:
    """A process on a place. What it has done, it says in lines; a line is said only after the fact."""

    def __init__(self, verb: str, place: Place, *extra: str) -> None:
        maker = f"{place.open_stream.__module__}:{place.open_stream.__name__}"
        command = [sys.executable, "-m", __name__, verb, place.url, place.name, "--maker", maker, *extra]
        environment = os.environ | {"PYTHONPATH": str(_ROOT)}
        self._process = subprocess.Popen(
            command, cwd=_ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def line(self) -> str:
        """The next line; AssertionError when the process has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.endswith("\n"), "the worker ended early; its stderr is above"
        return line.rstrip("\n")

    def rest(self) -> list[str]:
        """The complete lines that are left after the end."""
        assert self._process.stdout is not None
        return [line.rstrip("\n") for line in self._process.stdout if line.endswith("\n")]

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self._process.kill()
        self._process.wait()

    def wait(self) -> int:
        """Wait for its own end; returns the exit code."""
        return self._process.wait()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _append(stream: Stream) -> None:
    await stream.start()
    number = 0
    while True:
        await stream.append(f"key-{number % 7}", b"value-%d" % number)
        _say(f"value-{number}")
        number += 1


async def _consume(stream: Stream, journal: Path | None, *, slow: bool) -> None:
    async def handler(values: Sequence[bytes]) -> None:
        for value in values:
            _say(value.decode())  # the line is the effect: once read by the parent it cannot be taken back
        if journal is not None:
            with journal.open("ab", buffering=0) as shared:  # one write: lines of two workers do not mix
                shared.write(b"".join(value + b"\n" for value in values))
        if slow:
            await asyncio.sleep(0.01)

    stream.consume(handler)
    await stream.start()
    await asyncio.Event().wait()


async def _fill_the_disk(stream: Stream) -> None:
    """A limit on file size stands for a full disk: SQLite is told the same by the system."""
    await stream.start()
    await stream.append("key", b"first")
    _say("first")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, hard))
    number = 0
    try:
        while True:
            await stream.append("key", b"%08d" % number + b"x" * 20_000)
            _say(f"{number:08d}")
            number += 1
    except StorageError:
        _say("full")
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await stream.append("key", b"after")
    _say("after")
    await stream.stop()


async def _try_to_start(stream: Stream) -> None:
    try:
        await stream.start()
        _say("started")
    except ConfigError as error:
        _say(str(error))
    finally:
        await stream.stop()


def main() -> None:
    """Run one verb until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["append", "consume", "fill", "start"])
    parser.add_argument("url")
    parser.add_argument("name")
    parser.add_argument("--maker", required=True)
    parser.add_argument("--slow", action="store_true")
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
            asyncio.run(_consume(stream, chosen.journal, slow=chosen.slow))
        case "fill":
            asyncio.run(_fill_the_disk(stream))
        case _:
            asyncio.run(_try_to_start(stream))


if __name__ == "__main__":
    main()
