"""Files and webhooks: what counts as sent is there, and what a kill left unfinished is mended."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from connectors.contract.clock import SystemClock
from gateway.access.outbound import Guard, Outbound
from gateway.config.notifications import Webhook
from gateway.config.siem import File, Syslog
from gateway.siem.forms.sender import Sender
from gateway.siem.ways import wire
from gateway.siem.ways.file import FileWay, full_files
from gateway.siem.ways.hook import HookWay
from gateway.siem.ways.port import Away, Line, Proof, SaidNo
from gateway.siem.ways.syslog import SyslogWay
from tests.support.receiving import SECRET, receiving
from tests.support.waiting import until


def line(number: int, body: str = "") -> Line:
    return Line(
        number=number,
        id=f"au{number}",
        at=1.0,
        kind="token_created",
        severity=4,
        previous="0" * 64,
        digest="1" * 64,
        body=body or f'{{"n":{number}}}',
    )


def handed(file: Path) -> list[int]:
    return [int(each.strip('{"n:}')) for each in file.read_text().splitlines()]


async def test_a_file_is_cut_and_goes_on_where_a_kill_left_it(tmp_path: Path) -> None:
    file = tmp_path / "feed.log"
    way = FileWay(File(file, 1 << 30, 0))
    way.begin(Proof(0, 0), "")
    await way.hand([line(n) for n in (1, 2, 3)])
    assert await way.proven(idle=True) == Proof(3, 3)
    with file.open("a") as torn:
        torn.write('{"n":4')
    # The process died before it could note what it had written: the same lines come again.
    after = FileWay(File(file, 1 << 30, 0))
    after.begin(Proof(1, 1), "")
    await after.hand([line(n) for n in (2, 3, 4, 5)])
    assert handed(file) == [1, 2, 3, 4, 5]


async def test_a_full_file_is_put_aside_under_its_last_number(tmp_path: Path) -> None:
    file = tmp_path / "feed.log"
    way = FileWay(File(file, 20, keep=2))
    way.begin(Proof(0, 0), "")
    for n in range(1, 10, 3):
        await way.hand([line(n), line(n + 1), line(n + 2)])
    assert [handed(each) for each in full_files(file)] == [[4, 5, 6], [7, 8, 9]]
    # A new process looks for its last line in the file before, when this one is new.
    after = FileWay(File(file, 1 << 30, 0))
    after.begin(Proof(6, 6), "")
    await after.hand([line(n) for n in (7, 8, 9, 10)])
    assert handed(file) == [10]


async def test_a_webhook_is_signed_and_its_answer_counts() -> None:
    async with receiving() as receiver:
        target = Webhook(receiver.url, (SECRET,))
        way = HookWay("hook", target, Outbound(Guard(["127.0.0.1"])), SystemClock(), json=True)
        way.begin(Proof(0, 0), "")
        await way.hand([line(1), line(2)])
        assert await way.proven(idle=True) == Proof(2, 2)
        Verifier(SECRET).verify(receiver.bodies[0], receiver.headers[0])
        assert receiver.bodies == ['[{"n":1},{"n":2}]']
        receiver.next(503, Retry_After="7")
        with pytest.raises(Away) as told:
            await way.hand([line(3)])
        assert told.value.retry_after_s == 7.0
        receiver.next(403)
        with pytest.raises(SaidNo, match="403"):
            await way.hand([line(3)])
        assert await way.proven(idle=True) == Proof(2, 2)
        assert not receiver.forged


async def test_events_go_to_no_address_inside_that_nobody_allowed() -> None:
    hook = HookWay("hook", Webhook("https://127.0.0.1/x", (SECRET,)), Outbound(Guard()), SystemClock(), json=True)
    hook.begin(Proof(0, 0), "")
    sender = Sender(host="h", version="0")
    syslog = SyslogWay("soc", Syslog("127.0.0.1", 6514, None, 1.0), Guard(), sender, SystemClock())
    for way in (hook, syslog):
        with pytest.raises(SaidNo, match="address inside"):
            await way.hand([line(1)])


async def test_what_a_collector_did_not_read_is_not_proved() -> None:
    """The system takes what is written for a program that reads nothing, and then dies."""
    there: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: there.append(writer), "127.0.0.1", 0, limit=1)
    port = server.sockets[0].getsockname()[1]
    sender = Sender(host="h", version="0")
    way = SyslogWay("soc", Syslog("127.0.0.1", port, None, 0.0), Guard(["127.0.0.1"]), sender, SystemClock())
    way.begin(Proof(0, 0), "")
    try:
        await way.hand([line(n, "x" * 2000) for n in range(1, 100)])
        proving = asyncio.create_task(way.proven(idle=True))
        await until(lambda: there, what="the connection to be there")
        there[0].transport.abort()
        with pytest.raises(Away):
            await proving
        assert await way.drop() == 0
    finally:
        server.close()


async def test_what_a_collector_may_have_lost_over_its_end_goes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads and never ends its side, for it is dying; the wait for that is longer than the window."""
    monkeypatch.setattr(wire, "FINISH_S", 0.3)
    there: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: there.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    target, clock, sender = Syslog("127.0.0.1", port, None, 0.2), SystemClock(), Sender(host="h", version="0")
    way = SyslogWay("soc", target, Guard(["127.0.0.1"]), sender, clock)
    way.begin(Proof(0, 0), "")
    try:
        await way.hand([line(1), line(2)])
        began = clock.monotonic()

        async def tried() -> bool:
            return (await way.proven(idle=True)).sent == 2

        await until(tried, what="the end of the connection")
        assert clock.monotonic() - began > target.window_s, "the window would have passed while it waited"
        assert await way.drop() == 0, "a break now has both sent again"
    finally:
        for writer in there:
            writer.transport.abort()
        server.close()


async def test_a_collector_that_ended_its_side_before_and_does_not_now_proves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody would notice a break: another one may stand at the same address at once. One that stays silent is slow."""
    monkeypatch.setattr(wire, "FINISH_S", 0.3)
    there: list[asyncio.StreamWriter] = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there.append(writer)
        await reader.read()
        if len(there) == 1:
            writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sender = Sender(host="h", version="0")
    way = SyslogWay("soc", Syslog("127.0.0.1", port, None, 0.0), Guard(["127.0.0.1"]), sender, SystemClock())
    way.begin(Proof(0, 0), "")
    try:
        await way.hand([line(1)])
        assert (await way.proven(idle=True)).sent == 1
        await way.hand([line(2)])
        with pytest.raises(Away, match="did not end its side"):
            await way.proven(idle=True)
        again = await way.drop()
        assert again < 2, "the second goes again"
        await way.hand([line(2)])
        assert (await way.proven(idle=True)).sent == 2
    finally:
        for writer in there:
            writer.transport.abort()
        server.close()
