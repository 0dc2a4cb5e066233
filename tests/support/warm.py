"""Processes of ours without the seconds of processor time that Python takes to begin: forked from one that has imported
the program already.

What is started is a process like any other: its own pid, folder, environment, pipes or terminal, signals and exit code,
and `python -m` runs its module from the first line. Only what is imported before that line is shared. What a command
imports by itself is seen where it is started the slow way (`cold` of `tests.support.edges.lockstep`).
"""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from connectors.rest.transport import trusted
from gateway.demo.children import Child

_ROOT = Path(__file__).parents[2]
_LONGEST_ORDER = 150_000
_PR_SET_PDEATHSIG = 1
_BEFOREHAND = (
    "gateway.app.run",
    "gateway.cli.nouns",
    "gateway.cli.local",
    "gateway.work.cases",
    "connectors.jira",
    "connectors.servicenow",
)
"""With all that these import. No module that is itself run: `python -m` warns of one that was imported before."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to start. Its standard streams come with it as file descriptors."""

    module: str
    arguments: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    new_session: bool


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
    assert len(order) <= _LONGEST_ORDER, "an environment that does not fit into a message"
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


_doors: dict[int, socket.socket] = {}
"""Of this process, by its pid: one that was forked must not use its parent's."""


def _forker() -> socket.socket:
    """Whoever forks for this process: started at the first order, gone when this process is."""
    if os.getpid() not in _doors:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            environment = {k: v for k, v in os.environ.items() if not k.startswith("LOCKSTEP_")}
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.warm", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=_ROOT,
                env=environment | {"PYTHONPATH": str(_ROOT)},
                stdin=subprocess.DEVNULL,
            )
        _doors[os.getpid()] = ours
        atexit.register(_end, ours, process)
    return _doors[os.getpid()]


def _end(door: socket.socket, process: subprocess.Popen[bytes]) -> None:
    door.close()
    process.wait()


# In the process that forks.


def _serve(door: socket.socket) -> Order | None:
    """Forks for each order until nobody is there to give one: then None. In what was forked: the order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the tests
    signal.signal(signal.SIGCHLD, lambda *_: None)
    bell, rung = socket.socketpair()
    bell.setblocking(False)
    rung.setblocking(False)
    signal.set_wakeup_fd(bell.fileno(), warn_on_full_buffer=False)
    ends: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector, bell, rung:
        selector.register(door, selectors.EVENT_READ)
        selector.register(rung, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is rung:
                    rung.recv(4096)
                    _tell(ends)
                    continue
                said, fds, _, _ = socket.recv_fds(door, _LONGEST_ORDER, 4)
                if not said:
                    return None
                order, end, streams = Order(**json.loads(said)), socket.socket(fileno=fds[0]), fds[1:]
                pid = os.fork()
                if not pid:
                    _become(order, streams, [door, end, *ends.values()])
                    return order
                for each in streams:
                    os.close(each)
                ends[pid] = end
                end.send(str(pid).encode())


def _tell(ends: dict[int, socket.socket]) -> None:
    """How those that ended did."""
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with ends.pop(pid) as end, suppress(OSError):  # it may be that nobody wants to know any more
                end.send(str(status).encode())


def _become(order: Order, streams: Sequence[int], not_ours: Sequence[socket.socket]) -> None:
    """All that a new process has of its own."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if order.new_session:
        os.setsid()
    for each in not_ours:
        each.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = _stream(0, "r"), _stream(1, "w"), _stream(2, "w")
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
    os.chdir(order.cwd)
    os.environ.clear()
    os.environ.update(order.env)


def _stream(number: int, mode: str) -> Any:
    """As Python opens it at its start."""
    before = (sys.stdin, sys.stdout, sys.stderr)[number]
    lines = 1 if number == 2 or os.isatty(number) else -1
    return open(number, mode, lines, encoding=before.encoding, errors=before.errors, closefd=False)


def main(door: socket.socket) -> None:
    """Imports the program, then forks for whoever is at the other end of the door."""
    for name in _BEFOREHAND:
        importlib.import_module(name)
    trusted()  # read once, as by a gateway; its certificates are most of what a short command would do
    gc.collect()
    gc.freeze()  # a collection would touch, and so copy, all that is shared
    if order := _serve(door):
        sys.argv[1:] = order.arguments
        runpy.run_module(order.module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
