"""The processes of a demo: started, watched, killed on purpose, started again, and never left behind."""

from __future__ import annotations

import asyncio
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from connectors.contract.errors import LockstepError

Ready = Callable[[], Awaitable[bool]]

_PORTS = range(18000, 32000)
"""Below the range that outgoing calls take theirs from, so that a port stays ours while its owner restarts."""
_PR_SET_PDEATHSIG = 1
_TAIL_LINES = 15


class Process(Protocol):
    """What is watched and ended here."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    async def wait(self) -> int: ...


class ChildFailed(LockstepError):
    """A process of the demo ended, or did not become ready. The message names its log and shows the end of it."""


@dataclass(slots=True)
class Child:
    """One process. Not started until `start`; safe to stop twice."""

    name: str
    command: Sequence[str]
    log: Path
    ready: Ready
    environment: Mapping[str, str] = field(default_factory=dict)
    patience_s: float = 60.0
    process: Process | None = None
    sent_away: bool = False
    """We ended it, or are about to: its end is no failure."""

    async def start(self) -> None:
        """Starts it and waits until it is ready. Raises ChildFailed; the process is gone then."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            process = await self._begin(log, {**os.environ, **self.environment})
        # Together: until the new process is known, the end of the old one, which we killed, is no failure.
        self.process, self.sent_away = process, False
        try:
            await asyncio.wait_for(self._until_ready(), self.patience_s)
        except TimeoutError as error:
            await self.kill()
            raise ChildFailed(self._say(f"did not become ready within {self.patience_s:g} s")) from error

    async def _begin(self, log: BinaryIO, environment: Mapping[str, str]) -> Process:
        """The process, in a session of its own, which does not outlive this one."""
        return await asyncio.create_subprocess_exec(
            *self.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )

    async def _until_ready(self) -> None:
        while not await self.ready():
            self.check()
            await asyncio.sleep(0.05)

    def check(self) -> None:
        """Raises ChildFailed if it ended by itself."""
        if self.process is not None and self.process.returncode is not None and not self.sent_away:
            raise ChildFailed(self._say(f"ended by itself (status {self.process.returncode})"))

    async def kill(self) -> None:
        """SIGKILL, and waits until it is gone."""
        await self._signal(signal.SIGKILL)

    async def stop(self, patience_s: float = 10.0) -> None:
        """SIGTERM; SIGKILL if that takes too long."""
        try:
            await asyncio.wait_for(self._signal(signal.SIGTERM), patience_s)
        except TimeoutError:
            await self.kill()

    async def _signal(self, number: signal.Signals) -> None:
        self.sent_away = True
        if self.process is not None:
            self.signal_now(number)
            await self.process.wait()

    def signal_now(self, number: signal.Signals) -> None:
        """Sends a signal to it and all it started, without waiting."""
        if self.process is not None and self.process.returncode is None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                return

    def _say(self, what: str) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        end = "".join(f"\n  | {line}" for line in lines) or " (which is empty)"
        return f"{self.name} {what}; its log is {self.log}{end}"


class Children:
    """All processes of a demo; leaving the block ends them, whatever happened."""

    def __init__(self) -> None:
        self._all: list[Child] = []

    async def __aenter__(self) -> Children:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.shield(self.stop())

    async def start(self, *children: Child) -> None:
        """Starts some, side by side, and waits until all are ready. Raises ChildFailed of the first that fails."""
        self._all += children
        async with asyncio.TaskGroup() as group:
            for child in children:
                group.create_task(child.start())

    def check(self) -> None:
        """Raises ChildFailed if one ended by itself."""
        for child in self._all:
            child.check()

    async def stop(self) -> None:
        """Ends all, last started first, so that nobody complains about a peer that went away."""
        for child in reversed(self._all):
            await child.stop()


def free_port(chance: random.Random, in_a_row: int = 1) -> int:
    """A port of 127.0.0.1 that nobody listens on now; or the first of so many, one after the other."""
    for _ in range(200):
        port = chance.choice(_PORTS)
        if all(map(_is_free, range(port, port + in_a_row))):
            return port
    raise ChildFailed("no free port between 18000 and 32000 was found on 127.0.0.1; give one with --port")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _die_with_parent() -> None:
    """Runs in the child: the kernel ends it when the demo dies without a chance to clean up (SIGKILL, a crash)."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
