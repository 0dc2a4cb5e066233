"""A worker that was frozen, and one whose clock is wrong, do no harm: they lose at the database, nothing is sent twice.

Real processes on one broker and one database. Each check must fail when the mechanism it is about is taken out.
"""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.demo.children import Child
from gateway.storage.database import Database
from gateway.sync import tables as t
from tests.support.edges import SLOW_S, Sites, environment
from tests.support.kafka import Broker
from tests.support.running import SIGNED_IN, free_port, write_config
from tests.support.waiting import until
from tests.support.warm import WarmChild

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.kafka]

HOUR_S = "3600"
SLOWLY_S = 2.5
"""A write takes so long: several looks of the other worker fall into it, and none of our time-outs."""
TIMES = {"timeout: 3s": "timeout: 5s", "settles: 1s": "settles: 4s"}
"""No write that is under way on a busy machine may be taken for one that never came."""
LONG_S = 2 * SLOW_S
"""For what follows the end of a session with the broker and of a lease."""
PARTITIONS = 8


@dataclass
class Worker:
    """One process of `tests.whole.worker`."""

    name: str
    url: str
    child: Child
    both: Sites

    async def now(self) -> dict[str, Any]:
        async with self.both.http.get(f"{self.url}/v1/now", headers=SIGNED_IN) as answer:
            return dict(await answer.json())

    async def reads_all(self) -> bool:
        """Whether every partition is this worker's."""
        return len((await self.now())["stream"]["lag"]) == PARTITIONS

    async def is_quiet(self) -> bool:
        return bool((await self.now()).get("quiet"))

    def said(self, line: str) -> int:
        """How often."""
        return self.child.log.read_text().splitlines().count(line)

    def freeze(self) -> None:
        self.child.signal_now(signal.SIGSTOP)

    def thaw(self) -> None:
        self.child.signal_now(signal.SIGCONT)


@dataclass
class Team:
    """Workers that are started one by one, on the same broker and database."""

    directory: Path
    config: Path
    both: Sites
    database: Database
    without: tuple[str, ...] = ()
    workers: list[Worker] = field(default_factory=list)

    async def start(self, name: str, *flags: str) -> Worker:
        port = free_port()
        url = f"http://127.0.0.1:{port}"

        async def ready() -> bool:
            async with self.both.http.get(f"{url}/readyz") as answer:
                return answer.status == 200

        command = [sys.executable, "-m", "tests.whole.worker", "--config", str(self.config), "--tell", *flags]
        command += [word for mechanism in self.without for word in ("--without", mechanism)]
        own = {"LOCKSTEP_DATA": str(self.directory / name), "LOCKSTEP_LISTEN": f"127.0.0.1:{port}"}
        child = WarmChild(name, command, self.directory / f"{name}.log", _surely(ready), environment(**own), SLOW_S)
        worker = Worker(name, url, child, self.both)
        self.workers.append(worker)
        await child.start()
        return worker

    async def record(self) -> tuple[int, str]:
        """Revision and content of the only record."""
        async with self.database.read() as tx:
            row = (await tx.execute(select(t.record.c.rev, t.record.c.doc))).one()
        return int(row[0]), str(row[1])

    async def end(self) -> None:
        for worker in self.workers:
            worker.thaw()
            await worker.child.kill()
        await self.database.close()


def _surely(ready: Callable[[], Any]) -> Any:
    async def asked() -> bool:
        try:
            return bool(await ready())
        except OSError:
            return False

    return asked


@asynccontextmanager
async def team(tmp_path: Path, both: Sites, broker: Broker, database: str, *without: str) -> AsyncIterator[Team]:
    extra = f"stream: {broker.url}\npartitions: {PARTITIONS}\ndatabase: {database}"
    config, _ = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, poll="1h", extra=extra)
    text = config.read_text()
    for before, now in TIMES.items():
        text = text.replace(before, now)
    config.write_text(text)
    made = Team(tmp_path, config, both, Database(database), without)
    try:
        yield made
    finally:
        await made.end()


async def comments(both: Sites) -> Counter[str]:
    """What stands on the incident, by text, without the line that tells whose it is."""
    entries = [entry["comment"] for entry in await both.log("snow") if entry["kind"] == "comment"]
    return Counter("once more" if "once more" in each["body"] else "hello" for each in entries)


async def first_issue(group: Team, worker: Worker) -> str:
    """An issue that stands in both systems; then a write to ServiceNow takes its time."""
    both = group.both
    await both.tell(worker.url)
    number = await both.issue("first")
    await until(lambda: both.objects("snow"), what="the incident", timeout_s=SLOW_S)
    await until(worker.is_quiet, what="the worker to be quiet", timeout_s=SLOW_S)
    return number


async def frozen_with_a_request_under_way(group: Team) -> None:
    """It sent a comment and was stopped before it read the answer; the other one proves it and goes on."""
    both, one = group.both, await group.start("one")
    number = await first_issue(group, one)
    await both.arm("snow", "slow", delay_s=SLOWLY_S, match={"write": True})
    before = one.said("done with a write")
    await both.issues.comment("bob", number, "hello")
    await until(lambda: both.hits("snow"), what="the comment to be under way", timeout_s=SLOW_S)
    one.freeze()
    await both.heal("snow")
    two = await group.start("two")
    await both.tell(two.url)
    await until(two.reads_all, what="the second worker to have every partition", timeout_s=LONG_S)
    await both.issues.summary("bob", number, "second")
    await both.issues.comment("bob", number, "once more")
    await until(lambda: _shows(both, "second"), what="the later edit", timeout_s=LONG_S)
    await until(lambda: _stands(both, "once more"), what="the later comment", timeout_s=LONG_S)
    await until(two.is_quiet, what="the second worker to be quiet", timeout_s=LONG_S)
    rev, doc = await group.record()
    one.thaw()
    await until(lambda: one.said("done with a write") > before, what="the late conclusion", timeout_s=LONG_S)
    assert (await group.record()) == (rev, doc), "a worker that had lost its lane wrote to the record"
    assert await comments(both) == {"hello": 1, "once more": 1}
    assert await both.texts("snow") == {"second"}


async def frozen_before_its_request(group: Team) -> None:
    """Its attempt is durable, its request has not left; the other one proves that nothing came, and sends it."""
    both, one = group.both, await group.start("one", "--freeze-before-sending")
    await both.tell(one.url)
    await both.issue("first")
    await until(lambda: one.said("frozen before sending"), what="the first worker to freeze", timeout_s=SLOW_S)
    two = await group.start("two")
    await both.tell(two.url)
    await until(lambda: both.objects("snow"), what="the second worker to create the incident", timeout_s=LONG_S)
    await until(two.is_quiet, what="the second worker to be quiet", timeout_s=LONG_S)
    one.thaw()
    await until(lambda: one.said("done with a write"), what="the first worker to go on", timeout_s=LONG_S)
    assert len(await both.objects("snow")) == 1, "created again by a worker that was stopped for long"


async def wrong_clock(group: Team, ahead_s: str) -> None:
    """Both look at the same lanes; every write is under way for some time."""
    both, one = group.both, await group.start("one", "--ahead", ahead_s)
    two = await group.start("two")
    await both.tell(two.url)
    await both.arm("snow", "slow", delay_s=SLOWLY_S, match={"write": True})
    texts = {f"number {n}" for n in range(12)}
    for text in sorted(texts):
        number = await both.issue(text)
        await both.issues.comment("bob", number, "hello")
    await until(lambda: _all_there(both, texts), what="all incidents", timeout_s=LONG_S)
    for worker in (one, two):
        await until(worker.is_quiet, what=f"worker {worker.name} to be quiet", timeout_s=LONG_S)
    assert len(await both.objects("snow")) == len(texts), "created twice"
    assert await comments(both) == {"hello": len(texts)}, "commented twice"


async def ahead(group: Team) -> None:
    """By an hour: other workers' leases seem to be over."""
    await wrong_clock(group, HOUR_S)


async def behind(group: Team) -> None:
    """By an hour: its own leases seem to be over."""
    await wrong_clock(group, f"-{HOUR_S}")


async def _shows(both: Sites, text: str) -> bool:
    return text in await both.texts("snow")


async def _stands(both: Sites, text: str) -> bool:
    return bool((await comments(both))[text])


async def _all_there(both: Sites, texts: set[str]) -> bool:
    said = (await comments(both))["hello"]
    return await both.texts("snow") >= texts and said >= len(texts)


CHECKS = [
    (frozen_with_a_request_under_way, "FENCE"),
    (frozen_with_a_request_under_way, "REVISION"),
    (frozen_before_its_request, "NOT LATE"),
    (ahead, "ONE CLOCK"),
    (behind, "ONE CLOCK"),
]


@pytest.mark.parametrize("check", dict.fromkeys(check for check, _ in CHECKS))
async def test_does_no_harm(check: Any, tmp_path: Path, both: Sites, kafka: Broker, postgres_url: str) -> None:
    async with team(tmp_path, both, kafka, postgres_url) as group:
        await check(group)


@pytest.mark.parametrize(("check", "mechanism"), CHECKS)
async def test_the_check_can_fail(
    check: Any, mechanism: str, tmp_path: Path, both: Sites, kafka: Broker, postgres_url: str
) -> None:
    """Without the mechanism the promise is broken, and the check says so: not by waiting in vain for something else."""
    async with team(tmp_path, both, kafka, postgres_url, mechanism) as group:
        with pytest.raises(AssertionError) as failed:
            await check(group)
        assert "waited" not in str(failed.value)
