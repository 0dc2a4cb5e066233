"""A real rsyslog on a loopback port, by TCP or TLS, with a configuration of the test's own; killed at will."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.real import missing
from tests.support.waiting import until

CLIENT = "lockstep.test"
_TLS = """\
global(defaultNetstreamDriverCAFile="{ca}" defaultNetstreamDriverCertFile="{certificate}"
       defaultNetstreamDriverKeyFile="{key}")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/name"
       permittedPeer=["{client}"])
"""
_MAIN = """\
global(workDirectory="{home}" maxMessageSize="64k")
{input}
template(name="body" type="string" string="%msg%\\n")
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="feed")
ruleset(name="feed" queue.type="Direct") {{
  action(type="omfile" file="{file}" template="body")
}}
"""


def program() -> str | None:
    """Where rsyslogd is; None: nowhere."""
    return shutil.which("rsyslogd") or shutil.which("rsyslogd", path="/usr/sbin:/usr/local/sbin")


def required(*, tls: bool = False) -> str:
    """Where rsyslogd is; skips, in CI fails, the test where it or its driver for TLS is absent."""
    found = program()
    if found is None:
        missing("rsyslog is not installed (Debian: apt-get install rsyslog rsyslog-gnutls)")
    folders = ("/usr/lib/rsyslog", *map(str, Path("/usr/lib").glob("*/rsyslog")))
    if tls and not any(Path(each, "lmnsd_gtls.so").exists() for each in folders):
        missing("rsyslog has no driver for TLS (Debian: apt-get install rsyslog-gnutls)")
    return found


def free_port() -> int:
    """One that nobody listens on at this moment."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Rsyslog:
    """One collector. What it stored lies in `file`, a line for each message."""

    home: Path
    port: int
    binary: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def file(self) -> Path:
        return self.home / "stored.log"

    @property
    def lines(self) -> list[str]:
        """What it stored so far, whole lines only."""
        if not self.file.exists():
            return []
        text = self.file.read_text(encoding="utf-8")
        return text[: text.rfind("\n") + 1].splitlines()

    async def start(self) -> None:
        """Returns when it listens."""
        self._spawn()
        await until(self._listens, what="rsyslog to listen")

    def _spawn(self) -> None:
        command = [self.binary, "-n", "-f", str(self.home / "rsyslog.conf"), "-i", str(self.home / "pid")]
        with (self.home / "rsyslog.err").open("ab") as errors:
            self.process = subprocess.Popen(command, stdout=errors, stderr=errors, stdin=subprocess.DEVNULL)

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.home / "rsyslog.err").read_text()
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def pause(self) -> None:
        """From now on it reads nothing, and its system takes what comes."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def unread(self) -> bool:
        """Whether its system has octets that it did not read: they die with it."""
        at = f"0100007F:{self.port:04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return any(row[1] == at and row[3] == "01" and int(row[4].partition(":")[2], 16) > 0 for row in rows)

    async def end(self, how: int = signal.SIGKILL) -> None:
        """Ends it, by default without a chance to write anything down."""
        if self.process is not None:
            os.kill(self.process.pid, how)
            await asyncio.to_thread(self.process.wait, 20)
            (self.home / "pid").unlink(missing_ok=True)
            self.process = None


@asynccontextmanager
async def collecting(home: Path, *, tls: Authority | None = None) -> AsyncIterator[Rsyslog]:
    """A collector that runs. `tls`: who made its certificate, and lets in who shows one with the name CLIENT."""
    collector = _made(home, tls)
    try:
        await collector.start()
        yield collector
    finally:
        await collector.end()


def _made(home: Path, tls: Authority | None) -> Rsyslog:
    binary = required(tls=tls is not None)
    collector = Rsyslog(home, free_port(), binary)
    home.mkdir(parents=True, exist_ok=True)
    given = 'module(load="imtcp")'
    if tls is not None:
        pair = tls.issue("localhost", home)
        given = _TLS.format(ca=tls.file, certificate=pair.certificate, key=pair.key, client=CLIENT)
    text = _MAIN.format(home=home, input=given, port=collector.port, file=collector.file)
    (home / "rsyslog.conf").write_text(text)
    return collector


needs_rsyslog = pytest.mark.rsyslog
