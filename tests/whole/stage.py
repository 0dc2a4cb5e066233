"""One run from beginning to end: servers, stand-ins, workers, people, troubles, drain, verdict."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import orjson

from gateway.demo.children import Child, Children, free_port
from gateway.demo.configuration import SECRET
from gateway.demo.desks import Api, Desk, JiraDesk, ServiceNowDesk
from gateway.demo.drain import drain
from gateway.demo.editors import Editors, Words
from gateway.demo.evidence import Evidence
from gateway.demo.flows import PROJECT
from gateway.demo.gather import evidence
from gateway.demo.judge import judge
from gateway.demo.stand_ins import JIRA, PAIR, SNOW, SYSTEMS, StandIn
from gateway.demo.terms import load_terms
from gateway.demo.verdict import Verdict
from gateway.demo.watch import Watch
from gateway.storage.database import Database
from scripts.real_parts import Servers
from tests.support.waiting import until
from tests.whole.acts import Acts
from tests.whole.crew import Crew
from tests.whole.front import Front, front
from tests.whole.place import PARTITIONS, Place
from tests.whole.remains import Remains, remains
from tests.whole.schedule import Event

CALL_S = 10.0
DRAIN_S = 240.0
TELL_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Order:
    """What a run was asked to be."""

    seed: int
    kills: int
    seconds: float
    workers: int
    edits_per_s: float
    without: tuple[str, ...] = ()
    """Mechanisms that all workers lack, to see that the judge notices."""


class Stage:
    """Everything that is running. Built and left inside one stack."""

    def __init__(self, order: Order, place: Place, servers: Servers, http: aiohttp.ClientSession) -> None:
        self.order, self.place, self.servers, self.http = order, place, servers, http
        self._chance = random.Random()  # for ports: two runs of one seed may be side by side
        ports = {name: free_port(self._chance) for name in PAIR}
        self.stand_ins = {name: StandIn(name, f"http://127.0.0.1:{port}", http) for name, port in ports.items()}
        self.crew = Crew(place, http, self._chance, order.without)
        self.acts = Acts(self.crew, servers, self.stand_ins, self.say)
        self.watch = Watch(self.stand_ins)
        self.database = Database(servers.urls["{database}"], pool_size=1)
        self._ports, self._began = ports, time.monotonic()

    def say(self, line: str) -> None:
        """One line of progress."""
        sys.stderr.write(f"{time.monotonic() - self._began:7.1f} s  {line}\n")
        sys.stderr.flush()

    async def build(self, stack: AsyncExitStack) -> None:
        """Starts everything and waits until the workers take webhooks."""
        stack.push_async_callback(self.database.close)
        children = await stack.enter_async_context(Children())
        await children.start(*(self._stand_in(name) for name in PAIR))
        door = Front(self.crew.urls, self.http, Random(self.order.seed))
        url = await stack.enter_async_context(front(free_port(self._chance), door))
        for name, stand_in in self.stand_ins.items():
            await stand_in.register_webhook(f"{url}/hooks/{name}", SECRET[name])
        urls = {name: stand_in.url for name, stand_in in self.stand_ins.items()}
        places = self.servers.urls
        self.place.write_config(stream=places["{stream}"], database=places["{database}"], urls=urls)
        stack.push_async_callback(self.crew.end)
        for _ in range(self.order.workers):
            await self.crew.add().start()
        await self._until_idle()
        self.say(f"{self.order.workers} workers, the broker, the database and both stand-ins are up")

    def _stand_in(self, name: str) -> Child:
        stand_in, system = self.stand_ins[name], SYSTEMS[name]
        command = [sys.executable, "-m", "connectors.sandbox", system, "--port", str(self._ports[name])]
        command += ["--seed", str(self.order.seed), "--data", str(self.place.path / f"{system}.db")]
        command += ["--time-scale", "0.001"]
        return Child(f"the {system} stand-in", command, self.place.logs / f"{system}.log", stand_in.alive)

    async def _until_idle(self) -> None:
        await until(lambda: self.crew.are_idle(PARTITIONS), what="the workers to be up", timeout_s=DRAIN_S)

    async def work(self, events: list[Event]) -> Editors:
        """People edit while everything goes wrong."""
        desks: dict[str, Desk] = {
            SNOW: ServiceNowDesk(Api(self.stand_ins[SNOW].url, self.http)),
            JIRA: JiraDesk(Api(self.stand_ins[JIRA].url, self.http, email_signs_in=True), PROJECT),
        }
        editors = Editors(desks, Words(f"w{self.order.seed}"), self.order.seed, self.watch.where)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as background:
            standing = [background.create_task(work) for work in (self.watch.follow(), self.crew.watch(), self._tell())]
            async with asyncio.TaskGroup() as work:
                work.create_task(editors.work(self.order.edits_per_s, stop))
                await self.acts.carry_out(events)
                stop.set()
            for task in standing:
                task.cancel()
        return editors

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            entries = [entry for found in self.watch.entries.values() for entry in found]
            people = sum(entry.by_human for entry in entries)
            self.say(f"so far {people} edits by people, {len(entries) - people} writes, {dict(self.acts.done)}")

    async def calm_down(self) -> bool:
        """Nobody edits and nothing breaks any more. Whether it went quiet in time."""
        await self.acts.heal()
        supervisor = asyncio.create_task(self.crew.watch())
        try:
            return await drain(
                at_most_s=DRAIN_S, idle=self._idle, last_news_at=lambda: self.watch.last_news_at, agree=self._agree
            )
        finally:
            supervisor.cancel()
            await asyncio.gather(supervisor, return_exceptions=True)

    async def _idle(self) -> bool:
        await self.watch.read()
        waiting = [await stand_in.webhooks_waiting() for stand_in in self.stand_ins.values()]
        return not any(waiting) and await self.crew.are_idle(PARTITIONS)

    async def _agree(self) -> bool:
        return judge(await self.evidence()).ok

    async def evidence(self) -> Evidence:
        """Everything the judge needs."""
        return await evidence(self.watch, self.stand_ins, load_terms(PAIR), self.database)


async def perform(order: Order, events: list[Event], place: Place, servers: Servers) -> dict[str, Any]:
    """The summary; `ok` tells whether every promise held."""
    timeout = aiohttp.ClientTimeout(total=CALL_S)
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        http = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        await stack.enter_async_context(http)
        stage = Stage(order, place, servers, http)
        await stage.build(stack)
        editors = await stage.work(events)
        stage.say("nobody edits and nothing breaks any more; what is under way arrives")
        calm_from = time.monotonic()
        quiet = await stage.calm_down()
        drained_s = time.monotonic() - calm_from
        stage.say(f"all quiet after {drained_s:.0f} s" if quiet else f"not quiet after {drained_s:.0f} s")
        await stage.crew.end()
        verdict, left = judge(await stage.evidence()), await remains(stage.database)
        if not quiet:
            left.problems.append(f"not quiet {DRAIN_S:g} s after the last trouble")
        return _summary(order, stage, verdict, left) | {
            "quiet": quiet,
            "drained_s": round(drained_s, 1),
            "elapsed_s": round(time.monotonic() - began, 1),
            "refused_edits": editors.tally.not_made.total(),
        }


def _summary(order: Order, stage: Stage, verdict: Verdict, left: Remains) -> dict[str, Any]:
    defects = _defects(stage.place.logs)
    return {
        "ok": verdict.ok and verdict.records > 0 and not left.problems and not defects,
        "seed": order.seed,
        "kills": stage.acts.done["kill"],
        "workers": order.workers,
        "events": dict(sorted(stage.acts.done.items())),
        **verdict.as_json(),
        "cases_by_cause": dict(left.causes),
        "problems": left.problems,
        "defects": defects,
        "ended_by_themselves": stage.crew.ended,
    }


def _defects(logs: Path) -> dict[str, int]:
    """Log lines that tell of a defect of ours, by their text."""
    found: dict[str, int] = {}
    for log in sorted(logs.glob("worker-*.log")):
        for line in log.read_text(errors="replace").splitlines():
            if "defect" in line or '"level": "critical"' in line:
                event = _event(line)
                found[event] = found.get(event, 0) + 1
    return found


def _event(line: str) -> str:
    try:
        return str(orjson.loads(line).get("event", line))
    except (orjson.JSONDecodeError, AttributeError):
        return line.strip()[:200]
