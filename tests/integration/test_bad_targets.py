"""A target that refuses us, asks us to wait, is gone, or answers nonsense: nothing is lost, doubled or given up."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.contract.connector import Connector
from connectors.contract.values import Page
from tests.support.edges import SLOW_S, Sites, lockstep
from tests.support.running import Running, started, write_config
from tests.support.waiting import until


@dataclass
class Pair:
    """One incident and its issue, in step, between which a test does its harm."""

    run: Running
    both: Sites
    directory: Path
    incident: str
    issue: dict[str, Any]

    async def reads(self, text: str) -> bool:
        return text in await self.both.texts("jira")

    async def arrives(self, text: str) -> None:
        await until(lambda: self.reads(text), what=f"{text!r} in jira", timeout_s=SLOW_S)
        await self.run.quiet()

    async def gate(self, state: str) -> None:
        async def entered() -> bool:
            return bool((await self.run.now())["gates"]["jira"]["state"] == state)

        await until(entered, what=f"jira's gate to be {state}", timeout_s=SLOW_S)

    def asked(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.directory / "gateway" / "lockstep.db")) as db:
            return db.execute(sql).fetchall()

    async def unharmed(self, records: int = 1) -> None:
        """No case, nothing doubled, and every write of the gateway took effect once."""
        said = await self.run.now()
        assert (said["needs_people"], said["records"]) == (0, records)
        assert len(await self.both.objects("jira")) == len(await self.both.objects("snow")) == records
        summaries = await self.both.edited("jira", self.issue["id"])
        assert len(summaries) == len(set(summaries)), "a write took effect twice"


@pytest.fixture
async def pair(tmp_path: Path, both: Sites) -> AsyncIterator[Pair]:
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, poll="1h")
    async with started(file, url) as run:
        await both.tell(url)
        number = await both.incident("before")
        (issue,) = await until(lambda: both.objects("jira"), what="the issue", timeout_s=SLOW_S)
        await run.quiet()
        yield Pair(run, both, tmp_path, number, issue)


async def test_credentials_that_do_not_work_hold_the_lanes_and_nothing_else(pair: Pair) -> None:
    """Held for as long as it takes: no try is used up, and one case says why for all of it until they work again."""
    tries = pair.run.gateway.topology.flows["incidents"].max_tries
    await pair.both.arm("jira", "bad_credentials")
    await pair.both.incidents.summary("bob", pair.incident, "after")
    await pair.gate("credentials")

    async def asked_often() -> bool:
        return await pair.both.hits("jira") > tries

    await until(asked_often, what="more requests than a lane has tries", timeout_s=SLOW_S)
    assert (await pair.run.now())["needs_people"] == 1
    assert pair.asked("SELECT max(tries) FROM lane") == [(0,)]
    assert pair.asked("SELECT cause, connection, state FROM cases") == [("credentials.dead", "jira", "open")]

    said = await lockstep("record", "why", "jira", pair.issue["key"], cwd=pair.directory)
    assert said.code == 0, said
    assert f"{pair.issue['key']}   NOT IN STEP   credentials" in said.out
    assert "\njira does not accept our credentials (" in said.out
    said = await lockstep("now", cwd=pair.directory)
    assert "jira is refusing our credentials" in said.out
    assert "1 thing needs you (1 open case)" in said.out, "new credentials are somebody's to give"
    said = await lockstep("case", "look", "FO-1", cwd=pair.directory)
    assert (said.code, said.out.splitlines()[0]) == (1, "FO-1 is open (version 1)"), said
    said = await lockstep("case", "discard", "FO-1", "--reason", "away with it", "--yes", cwd=pair.directory)
    assert (said.code, "closes by itself" in said.err) == (6, True), said

    await pair.both.heal("jira")
    await pair.arrives("after")
    await pair.gate("closed")
    assert pair.asked("SELECT cause, state, ending FROM cases") == [("credentials.dead", "closed", "restored")]
    await pair.unharmed()


async def test_a_request_to_wait_is_honoured(pair: Pair) -> None:
    """Two answers of 429 with Retry-After: the third request is the one that counts, and no try is used up."""
    await pair.both.arm("jira", "status", status=429, retry_after_s=1, count=1)
    await pair.both.incidents.summary("bob", pair.incident, "after")
    await pair.gate("throttled")
    wait_s = (await pair.run.now())["gates"]["jira"]["wait_s"]
    assert 0.0 <= wait_s <= 1.0
    assert not await pair.reads("after")
    assert pair.asked("SELECT max(tries) FROM lane") == [(0,)]
    await pair.arrives("after")
    await pair.gate("closed")
    await pair.unharmed()


async def test_a_target_that_is_down_gets_everything_in_order_afterwards(pair: Pair) -> None:
    await pair.both.arm("jira", "down")
    texts = [f"number {n}" for n in range(6)]
    for text in texts:
        await pair.both.incidents.summary("bob", pair.incident, text)
    await pair.gate("open")
    said = await lockstep("record", "why", "jira", pair.issue["key"], "--json", cwd=pair.directory)
    assert (said.code, said.document()["in_step"]) == (0, False), said
    await pair.both.heal("jira")
    await pair.arrives(texts[-1])
    written = await pair.both.edited("jira", pair.issue["id"])
    assert written[0] == "before"
    assert written[-1] == texts[-1]
    assert [text for text in texts if text in written] == written[1:], "out of order"
    await pair.unharmed()


NONSENSE = [
    ("truncated", {}),
    ("non_json", {}),
    ("non_json", {"commit": True}),
    ("drop_after", {}),
    ("status", {"status": 503}),
    ("status", {"status": 500, "commit": True}),
]


@pytest.mark.parametrize(("kind", "options"), NONSENSE)
async def test_an_answer_to_an_update_that_says_nothing_is_looked_into(
    pair: Pair, kind: str, options: dict[str, Any]
) -> None:
    """Twice in a row, with and without an effect: it takes effect once, and nobody is asked."""
    await pair.both.arm("jira", kind, count=2, match={"write": True}, **options)
    await pair.both.incidents.summary("bob", pair.incident, "after")
    await pair.arrives("after")
    await pair.unharmed()


@pytest.mark.parametrize(("kind", "options"), NONSENSE)
async def test_an_answer_to_a_create_that_says_nothing_is_looked_into(
    pair: Pair, kind: str, options: dict[str, Any]
) -> None:
    await pair.both.arm("jira", kind, count=1, match={"write": True}, **options)
    await pair.both.incident("another")
    await pair.arrives("another")
    await pair.unharmed(records=2)


@pytest.mark.parametrize("kind", ["truncated", "non_json", "drop_before"])
async def test_a_read_that_says_nothing_is_repeated(pair: Pair, kind: str) -> None:
    await pair.both.arm("jira", kind, count=3, match={"write": False})
    await pair.both.incidents.summary("bob", pair.incident, "after")
    await pair.arrives("after")
    await pair.unharmed()


class Tripping:
    """A connector that our own code trips over, twice, when it polls."""

    def __init__(self, real: Connector) -> None:
        self._real, self.tripped = real, 0

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        if self.tripped < 2:
            self.tripped += 1
            raise KeyError("fields")
        return await self._real.changes(cursor)


async def test_a_defect_in_a_poll_does_not_end_polling(tmp_path: Path, both: Sites) -> None:
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url)
    async with started(file, url) as run:
        (poller,) = [each for each in run.gateway.pollers if each.name == "jira"]
        tripping = Tripping(poller.connector)
        poller.connector = tripping  # type: ignore[assignment]

        async def tripped() -> bool:
            return tripping.tripped == 2

        await until(tripped, what="the poll to trip", timeout_s=SLOW_S)
        await both.issue("polled")
        await until(lambda: both.objects("snow"), what="the incident", timeout_s=SLOW_S)
