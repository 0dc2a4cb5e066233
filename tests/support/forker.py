"""`python -m tests.support.forker SOCKET`: imports the program, then forks processes for `tests.support.warm`."""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from connectors.rest.transport import trusted

LONGEST_ORDER = 150_000
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
                said, fds, _, _ = socket.recv_fds(door, LONGEST_ORDER, 4)
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
