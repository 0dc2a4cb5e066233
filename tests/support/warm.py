"""Processes of ours without the seconds of processor time that Python takes to begin: forked from one that has imported
the program already.

What is started is a process like any other: its own pid, folder, environment, pipes or terminal, signals and exit code,
and `python -m` runs its module from the first line. Only what is imported before that line is shared. What a command
imports by itself is seen where it is started the slow way (`cold` of `tests.support.edges.lockstep`).
"""

from __future__ import annotations

import asyncio
import atexit
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from gateway.demo.children import Child
from tests.support.forker import LONGEST_ORDER, Order

_ROOT = Path(__file__).parents[2]

READ_AT_THE_START = ("FORCE_COLOR", "PY_COLORS", "PYTHONPATH")
"""What Python or a library reads once, when it is imported: too late to change for what is forked."""


def differs_at_the_start(env: Mapping[str, str]) -> bool:
    """Whether a process with this environment has to be started from nothing."""
    usual = os.environ | {"PYTHONPATH": str(_ROOT)}
    return bool(env) and any(env.get(name) != usual.get(name) for name in READ_AT_THE_START)


class Process:
    """As `asyncio.subprocess.Process`, as far as tests use it."""

    def __init__(self, pid: int, end: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._end = asyncio.create_task(self._ended(end))

    async def _ended(self, end: socket.socket) -> int:
        with end:
            said = await asyncio.get_running_loop().sock_recv(end, 64)
        # Nothing was said: whoever forks for us is gone, and all it forked went with it.
        self.returncode = os.waitstatus_to_exitcode(int(said)) if said else -signal.SIGKILL
        return self.returncode

    async def wait(self) -> int:
        """The exit code; of a signal, minus its number."""
        return await asyncio.shield(self._end)

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


async def start(
    module: str,
    *arguments: str,
    cwd: Path | str,
    env: Mapping[str, str],
    streams: tuple[int, int, int],
    new_session: bool = False,
) -> Process:
    """`python -m module arguments` as a process whose stdin, stdout and stderr are these open files."""
    order = json.dumps(asdict(Order(module, arguments, str(cwd), dict(env), new_session))).encode()
    assert len(order) <= LONGEST_ORDER, "an environment that does not fit into a message"
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        socket.send_fds(_forker(), [order], [theirs.fileno(), *streams])
    ours.setblocking(False)
    pid = await asyncio.get_running_loop().sock_recv(ours, 64)
    assert pid, "nobody forks for the tests any more; why is said above"
    return Process(int(pid), ours)


class WarmChild(Child):
    """A process of `gateway.demo.children`, forked; its command has to be `python -m module arguments`."""

    __slots__ = ()

    async def _begin(self, log: BinaryIO, environment: Mapping[str, str]) -> Process:
        _, as_module, module, *arguments = self.command
        assert as_module == "-m"
        with nothing() as none:
            streams = none.fileno(), log.fileno(), log.fileno()
            return await start(module, *arguments, cwd=Path.cwd(), env=environment, streams=streams, new_session=True)


async def run(
    module: str, *arguments: str, cwd: Path | str, env: Mapping[str, str], typed: bytes = b"", patience_s: float
) -> tuple[int, bytes, bytes]:
    """The same to its end, in pipes: exit code, stdout, stderr. `typed` is its stdin. Killed at a TimeoutError."""
    assert len(typed) <= select.PIPE_BUF, "more than a pipe takes at once"
    entry, pen = os.pipe()
    os.write(pen, typed)
    os.close(pen)
    (out, out_end), (err, err_end) = os.pipe(), os.pipe()
    streams = entry, out_end, err_end
    try:
        process = await start(module, *arguments, cwd=cwd, env=env, streams=streams)
    finally:
        for each in streams:
            os.close(each)
    told = asyncio.gather(asyncio.to_thread(_rest_of, out), asyncio.to_thread(_rest_of, err))
    try:
        said = await asyncio.wait_for(asyncio.shield(told), patience_s)
        return await asyncio.wait_for(process.wait(), patience_s), *said
    finally:
        process.kill()
        await told


def nothing() -> BinaryIO:
    """What a process reads that is asked nothing."""
    return Path(os.devnull).open("rb")


def _rest_of(pipe: int) -> bytes:
    with open(pipe, "rb") as reader:
        return reader.read()


FORKERS = 2
"""They take turns: the hashes of texts, and with them the order of sets, are one forker's own. Processes that work
together do not share them, as those from nothing do not.
"""
_doors: dict[tuple[int, int], socket.socket] = {}
"""Of this process, by its pid: one that was forked must not use its parent's."""
_turns = itertools.cycle(range(FORKERS))


def _forker() -> socket.socket:
    """Whoever forks for this process now: started at its first order, gone when this process is."""
    seat = os.getpid(), next(_turns)
    if seat not in _doors:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            ours_alone = ("LOCKSTEP_", "PYTHONHASHSEED")
            environment = {k: v for k, v in os.environ.items() if not k.startswith(ours_alone)}
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.forker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=_ROOT,
                env=environment | {"PYTHONPATH": str(_ROOT)},
                stdin=subprocess.DEVNULL,
            )
        _doors[seat] = ours
        atexit.register(_end, ours, process)
    return _doors[seat]


def _end(door: socket.socket, process: subprocess.Popen[bytes]) -> None:
    door.close()
    process.wait()
