"""P1: what intake answered 2xx for, or a cursor moved past, ends as applied, as a no-op with a reason, or as a case."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from connectors.contract.errors import StorageError
from connectors.contract.values import Change, Page, Received
from gateway.app.consume import Consumer
from gateway.delivery import runner
from gateway.intake.hooks import Hooks
from gateway.intake.poller import Poller
from gateway.storage.database import Database
from tests.promises import pipeline
from tests.scenarios.world_of_two import COUNTER, STAMP, START, Two, once, two
from tests.support.broken import rejects
from tests.support.speaking import Speaker
from tests.support.unpressed import unpressed
from tests.support.world import System


class Log:
    """A stream that is full for the first `failures` appends; what it took is in `kept`."""

    def __init__(self, failures: int) -> None:
        self.failures, self.kept = failures, []  # type: ignore[var-annotated]

    async def append_many(self, entries: Sequence[tuple[str, bytes]]) -> None:
        if self.failures:
            self.failures -= 1
            raise StorageError("no space left on device")
        self.kept += [value for _, value in entries]


class Sender(System):
    """Brings the notices that wait: as the body of a webhook, or as a polled page."""

    def receive(self, webhook: Any) -> Received:
        return Received(changes=tuple(msgspec.json.decode(webhook.body, type=list[Change])))

    async def changes(self, cursor: Any) -> Page:
        done = int((cursor or {}).get("done", 0))
        return Page(changes=tuple(self.notices[done:]), cursor={"done": len(self.notices)}, more=False)


def sender(w: Two) -> Sender:
    made = Sender("a", w.g.clock)
    for number in range(3):
        made.create(**{**START, "x": str(number)})
    return made


async def answered_only_when_durable(url: str) -> None:
    """The sender repeats what was not answered with 2xx, and nothing else."""
    async with two(url, linked=False) as w:
        a, log = sender(w), Log(failures=2)
        app = web.Application()
        app.add_routes(Hooks({"a": a}, log, w.g.clock, unpressed()).routes())  # type: ignore[arg-type]
        async with TestClient(TestServer(app)) as client:
            for change in a.notices:
                for _ in range(4):
                    answer = await client.post("/hooks/a", data=msgspec.json.encode([change]))
                    if answer.status < 300:
                        break
                    assert answer.status == 503 and "Retry-After" in answer.headers
        kept = [msgspec.json.decode(value, type=Change).delivery_key for value in log.kept]
        assert kept == [change.delivery_key for change in a.notices]


async def polled_again_until_durable(url: str) -> None:
    """The cursor stays where it is until its page is in the stream."""
    async with two(url, linked=False) as w:
        a, log = sender(w), Log(failures=2)
        poller = Poller("a", a, log, w.g.database, w.g.clock, "tester", 1.0)  # type: ignore[arg-type]
        failed = 0
        for _ in range(4):
            try:
                await poller._turn()
            except StorageError:
                failed += 1
        assert failed == 2
        kept = [msgspec.json.decode(value, type=Change).delivery_key for value in log.kept]
        assert kept == [change.delivery_key for change in a.notices]


async def acknowledged_only_when_committed(url: str) -> None:
    """The disk is full for a while: the stream keeps what was not decided, and it all is decided later."""
    async with two(url, linked=False) as w:
        changes = sender(w).take()
        consumer, waiting = Consumer(w.g.decider), [msgspec.json.encode(change) for change in changes]
        with full_disk(w.g.database, times=2):
            for _ in range(5):
                try:
                    await consumer.handle(waiting)
                except StorageError:
                    continue
                break
        assert {n.delivery_key for n in await w.g.notices()} == {change.delivery_key for change in changes}
        await everything_has_an_end(w)


@contextmanager
def full_disk(database: Database, *, times: int) -> Iterator[None]:
    """The next `times` write transactions fail when they commit."""
    begin, left = database.begin, [times]

    @asynccontextmanager
    async def failing(*step: str) -> AsyncIterator[Any]:
        async with begin(*step) as tx:
            yield tx
            if left[0]:
                left[0] -= 1
                raise StorageError("no space left on device")

    with patch.object(database, "begin", failing):
        yield


async def everything_has_an_end(w: Two) -> None:
    await w.g.settle()
    for notice in await w.g.notices():
        assert notice.state == "done", f"{notice.delivery_key} is {notice.state}: {notice.reason}"
        assert notice.disposition, f"{notice.delivery_key} ended as nothing"


async def a_defect_of_ours_becomes_a_case(url: str) -> None:
    """One notice that our own code chokes on does not take the others along."""
    async with two(url) as w:
        w.edit_a(x="1")
        good = w.a.take()
        shown = w.a.poll(w.ai)
        nonsense = msgspec.structs.replace(shown.snapshot, raw={**shown.snapshot.raw, "tags": 7}, version=99)
        bad = msgspec.structs.replace(shown, delivery_key="bad", snapshot=nonsense)
        await w.g.bring([*good, bad])
        await everything_has_an_end(w)
        assert w.shown(w.b)["x"] == "1"
        assert [str(case.cls) for case in await w.g.cases()] in (["poison"], ["mapping"])


async def the_disk_is_full_when_an_outcome_is_known(url: str) -> None:
    """The write took effect; that is kept until it can be stored, and nothing is sent again."""
    async with two(url) as w:
        with ExitStack() as stack:
            stack.enter_context(patch.object(runner, "STORAGE_WAIT_S", 0.0))
            w.b.after_commit = once(lambda: stack.enter_context(full_disk(w.g.database, times=2)))
            w.edit_a(x="1")
            await w.bring(w.a)
            await w.g.drain()
        await everything_has_an_end(w)
        assert [values for _, values in w.b.writes] == [{"x": "1"}]
        assert str((await w.g.lane("b")).state) == "idle"


CHECKS = {
    "DURABLE ANSWER": answered_only_when_durable,
    "CURSOR LAST": polled_again_until_durable,
    "ACKNOWLEDGE LAST": acknowledged_only_when_committed,
}


@pytest.mark.parametrize(
    "check", [*CHECKS.values(), a_defect_of_ours_becomes_a_case, the_disk_is_full_when_an_outcome_is_known]
)
async def test_holds(check: Any, store_url: str) -> None:
    await check(store_url)


@pytest.mark.parametrize("mechanism", CHECKS)
async def test_is_broken_without(mechanism: str, embedded_url: str) -> None:
    await rejects(CHECKS[mechanism], mechanism, embedded_url)


@pytest.mark.parametrize("kind", [COUNTER, STAMP], ids=["counter", "stamp"])
async def test_every_notice_has_an_end(kind: Any, store_url: str) -> None:
    """Edits, deletions, comments, repeats, strangers: nothing waits for ever, nothing is dropped without a word."""
    async with two(store_url, a=kind, b=kind) as w:
        for number in range(3):
            w.edit_a(x=f"a{number}")
            w.edit_b(x=f"b{number}", y=f"{number}")
            w.a.comment(w.ai, f"comment {number}")
        changes = [*w.a.take(), *w.b.take()]
        stranger = System("a", w.g.clock)
        stranger.create(**START)
        await w.g.bring(
            [*changes[::-1], *changes, *(msgspec.structs.replace(c, connection="nobody") for c in stranger.take())]
        )
        await everything_has_an_end(w)


def test_killed_again_and_again(tmp_path: Path) -> None:
    """SIGKILL in the middle of taking and deciding, over the real stream: what was accepted is decided in the end."""
    accepted: set[int] = set()
    for life in range(3):
        with Speaker(pipeline.__name__, tmp_path, life * 100_000) as victim:
            for _ in range(40):
                accepted.add(int(victim.line().split()[1]))
            victim.kill()
            accepted |= {int(line.split()[1]) for line in victim.rest()}
    with Speaker(pipeline.__name__, tmp_path, "drain") as survivor:
        assert survivor.line() == "quiet"
    with sqlite3.connect(tmp_path / "store.db") as store:
        rows = store.execute("SELECT delivery_key, state, disposition FROM notice").fetchall()
    store.close()
    assert len(accepted) >= 120
    assert {f"edit-{number}" for number in accepted} <= {row[0] for row in rows}
    assert all(state == "done" and disposition for _, state, disposition in rows)
