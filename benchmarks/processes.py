"""Starts and stops the processes of a run, each on its core where the system allows it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0


class StartError(Exception):
    """A process did not get ready; the message has the end of what it said."""


@dataclass(frozen=True)
class Cores:
    """Core for the subject and core for load and target; None where processes cannot be pinned."""

    subject: int | None
    rest: int | None

    @property
    def are_apart(self) -> bool:
        """Whether subject and load have a core each."""
        return self.subject is not None and self.subject != self.rest


def choose_cores() -> Cores:
    """The last two cores we may run on."""
    if not hasattr(os, "sched_setaffinity"):
        return Cores(None, None)
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[-1], allowed[0]) if len(allowed) > 1 else Cores(None, None)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """A started process and how long it took until it was ready."""

    process: subprocess.Popen[bytes]
    ready_url: str
    start_s: float


@contextmanager
def running(
    command: Sequence[str], *, core: int | None, log: Path, ready: str, env: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Runs Python with `command` until the block ends (SIGTERM, then SIGKILL). `ready` answers 200 once it serves.

    Raises StartError if it ends early or is not ready within half a minute.
    """
    started = time.monotonic()
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, *command],
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
        )
        _pin(process, core)
        try:
            _await_ready(process, ready, log)
            yield Running(process, ready, time.monotonic() - started)
        finally:
            _stop(process)


def run_pinned(command: Sequence[str], *, core: int | None, given: bytes, timeout_s: float) -> bytes:
    """Runs Python with `command` to its end and returns its stdout. Raises StartError with its stderr if it fails."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, *command], stdin=pipe, stdout=pipe, stderr=pipe) as process:
        _pin(process, core)
        try:
            out, said = process.communicate(given, timeout_s)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise StartError(f"{' '.join(command)} did not end within {timeout_s:.0f} s") from error
    if process.returncode:
        raise StartError(said.decode(errors="replace")[-2000:].strip())
    return out


def _pin(process: subprocess.Popen[bytes], core: int | None) -> None:
    """At once after the start, when it has one thread; the threads it makes later inherit the core."""
    if core is not None:
        os.sched_setaffinity(process.pid, {core})


def _await_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    give_up = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise StartError(f"ended with {process.returncode}: {_tail(log)}")
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.02)
    raise StartError(f"not ready at {url} after {START_TIMEOUT_S:.0f} s: {_tail(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path) -> str:
    return log.read_bytes()[-2000:].decode(errors="replace").strip()
