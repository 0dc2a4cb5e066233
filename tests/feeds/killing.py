"""One run: rsyslog by TCP, rsyslog by TLS and a collector with acknowledgements get the same events at the same time.

Each is killed with SIGKILL as often as asked, at even distances; the feeds themselves are ended and begun again once.
"""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from gateway.config.siem import Hec, Sink, Syslog, Tls
from gateway.core.signing import verifies
from gateway.siem.verifier.judging import Bounds, Keys
from gateway.siem.verifier.parsing import Reader
from gateway.siem.verifier.telling import Wish, verified
from gateway.storage.database import Database
from tests.support import rsyslog
from tests.support.certificates import Authority
from tests.support.feeding import SIGNER, arrived, feeding, place_of, sink_of, stands, write
from tests.support.splunk import TOKEN
from tests.support.tables import make_tables
from tests.support.waiting import until

BATCH = 100
PATIENCE_S = 1800.0
AWAY_S = 1.0
_HEAD = 1 << 16
Tell = Callable[[str], None]


class Receiver(Protocol):
    """Stores lines in a file, and can be killed."""

    @property
    def file(self) -> Path: ...

    async def start(self) -> None: ...

    async def end(self) -> None: ...


class Splunk:
    """The collector's stand-in as a process of its own."""

    def __init__(self, home: Path) -> None:
        self.file, self.port = home / "indexed.log", rsyslog.free_port()
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self._spawn()
        await until(self._listens, what="the collector to listen")

    def _spawn(self) -> None:
        command = [sys.executable, "-m", "tests.support.splunk", str(self.port), str(self.file)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True

    async def end(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(self._process.wait, 20)
            self._process = None


@dataclass
class Found:
    """What became of one sink."""

    sink: str
    events: int = 0
    stored: int = 0
    doubled: int = 0
    kills: int = 0
    complete: bool = False
    findings: list[str] = field(default_factory=list)
    deleted: int = 0
    named: bool = False
    """The line that was deleted afterwards was named, and nothing else."""


async def run(home: Path, events: int, kills: int, *, seed: int, tell: Tell) -> list[Found]:
    """Everything; nothing is left behind but files in `home`."""
    database = Database(f"sqlite+aiosqlite:///{home}/feeds.db", signer=lambda: SIGNER)
    try:
        await make_tables(database)
        async with AsyncExitStack() as stack:
            receivers = await _receivers(home, stack)
            found = {name: Found(name) for name in receivers}
            place = place_of(database, *(_sink(name, each, home) for name, each in receivers.items()))
            written = asyncio.create_task(_write(database, events))
            troubles = [
                asyncio.create_task(_kill(each, receivers[each.sink], events, kills)) for each in found.values()
            ]
            async with feeding(place):
                await until(partial(_half, database, events), what="half of it", timeout_s=PATIENCE_S)
            tell("the feeds were ended, and begin again")
            async with feeding(place):
                await asyncio.gather(written, *troubles)
                for each in found.values():
                    each.events = (await arrived(database, each.sink, events, timeout_s=PATIENCE_S)).number
        return [_judged(found[name], each.file, home, seed) for name, each in receivers.items()]
    finally:
        await database.close()


async def _receivers(home: Path, stack: AsyncExitStack) -> dict[str, Any]:
    authority = Authority(home / "ca")
    authority.issue(rsyslog.CLIENT, home / "mine")
    tcp = await stack.enter_async_context(rsyslog.collecting(home / "tcp"))
    tls = await stack.enter_async_context(rsyslog.collecting(home / "tls", tls=authority))
    splunk = Splunk(home)
    await splunk.start()
    stack.push_async_callback(splunk.end)
    return {"tcp": tcp, "tls": tls, "splunk": splunk}


def _sink(name: str, receiver: Any, home: Path) -> Sink:
    if name == "splunk":
        target = Hec(f"http://127.0.0.1:{receiver.port}", TOKEN, True, 10.0, "", "", "lockstep", "lockstep:json")
        return sink_of(name, target, form="json", segment=1000)
    mine = home / "mine" / rsyslog.CLIENT
    tls = Tls("localhost", str(home / "ca" / "ca.pem"), f"{mine}.pem", f"{mine}.key") if name == "tls" else None
    form = "ocsf" if name == "tls" else "cef"
    return sink_of(name, Syslog("127.0.0.1", receiver.port, tls, window_s=2.0), form=form, segment=1000)


async def _write(database: Database, events: int) -> None:
    for _ in range(events // BATCH):
        await write(database, BATCH)
        await asyncio.sleep(0.002)


async def _half(database: Database, events: int) -> bool:
    standing = await stands(database, "tcp")
    return standing is not None and standing.sent >= events // 2


async def _kill(found: Found, receiver: Receiver, events: int, kills: int) -> None:
    for turn in range(1, kills + 1):
        least = events * turn // (kills + 1)
        await until(partial(_grown, receiver.file, least), what=f"{found.sink} to have {least}", timeout_s=PATIENCE_S)
        if isinstance(receiver, rsyslog.Rsyslog):
            # It dies with events in its socket that it has not read: written, and not there.
            receiver.pause()
            await until(receiver.unread, what=f"events to lie in the socket of {found.sink}", timeout_s=PATIENCE_S)
        await receiver.end()
        found.kills += 1
        await asyncio.sleep(AWAY_S)
        await receiver.start()


def _grown(file: Path, least: int) -> bool:
    """By its size: counting the lines of a large file over and over would be most of the run."""
    if not file.exists():
        return False
    with file.open("rb") as opened:
        head = opened.read(_HEAD).splitlines()
    return len(head) > 1 and file.stat().st_size >= least * sum(map(len, head[:-1])) / (len(head) - 1)


def _judged(found: Found, file: Path, home: Path, seed: int) -> Found:
    lines = file.read_bytes().splitlines(keepends=True)
    keys = Keys([b64decode(SIGNER.public)], _by_key)
    result = verified(Wish([str(file)], "", Bounds(1, found.events)), keys, 0.0)
    wrong = [each for verdict in result.verdicts for each in verdict.findings if each.what != "doubled"]
    found.stored, found.complete = len(lines), result.code == 0
    found.findings = [f"{each.what} {each.first}-{each.last} {each.why}" for each in wrong]
    found.doubled = len(lines) - found.events
    once = _stored_once(lines)
    found.deleted, at = random.Random(seed).choice(once)
    short = home / f"{found.sink}.short"
    short.write_bytes(b"".join(lines[:at] + lines[at + 1 :]))
    less = verified(Wish([str(short)], "", Bounds(1, found.events)), keys, 0.0)
    told = [(each.what, each.first, each.last) for v in less.verdicts for each in v.findings if each.what != "doubled"]
    found.named = told == [("missing", found.deleted, found.deleted)]
    return found


def _stored_once(lines: list[bytes]) -> list[tuple[int, int]]:
    """(number, place) of every event that one line has, and no other."""
    places = defaultdict[int, list[int]](list)
    reader = Reader()
    for place, line in enumerate(lines):
        for each in reader.read(line, 0, place):
            places[each.number].append(place)
    return [(number, each[0]) for number, each in places.items() if len(each) == 1]


def _by_key(key: bytes, message: bytes, signature: bytes) -> bool:
    return verifies(b64encode(key).decode(), message, b64encode(signature).decode())
