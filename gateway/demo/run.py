"""One demo from beginning to end: processes, people, troubles, story, drain, verdict."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import orjson
from sqlalchemy import text

from connectors.contract.errors import ConfigError
from gateway.demo import processes
from gateway.demo.cast import Cast
from gateway.demo.children import Child, Children
from gateway.demo.configuration import SECRET
from gateway.demo.departed import Departed, departure_violations
from gateway.demo.drain import drain
from gateway.demo.editors import Editors, Words
from gateway.demo.evidence import Evidence
from gateway.demo.gather import evidence, has_left, is_used
from gateway.demo.home import Home
from gateway.demo.judge import judge
from gateway.demo.leaver import WHO, Leaver
from gateway.demo.plan import Plan
from gateway.demo.post import Post, post
from gateway.demo.scene import Scene
from gateway.demo.service import Service
from gateway.demo.stand_ins import CRM, DIR, HOOKED, NAMES, OTHERS, PAIR, SYSTEMS, StandIn
from gateway.demo.story import Story
from gateway.demo.talk import Talk
from gateway.demo.terms import Terms, load_terms
from gateway.demo.troubles import Troubles
from gateway.demo.verdict import Sums, Verdict
from gateway.demo.watch import Watch
from gateway.storage.database import Database, loads

CALL_S = 10.0
"""For calls to the demo's own processes."""
TELL_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Result:
    """How it ended."""

    verdict: Verdict
    systems: Mapping[str, Sums]
    summary: dict[str, Any]
    config: Path
    kept: bool
    departed: Departed | None = None

    @property
    def ok(self) -> bool:
        """Nothing was broken, and there was something to judge in each system."""
        return self.verdict.ok and self.verdict.records > 0 and not self.silent

    @property
    def silent(self) -> list[str]:
        """Systems in which nobody edited, or nothing was written: nothing was shown of them."""
        return [name for name, found in self.systems.items() if not (found.edits and found.writes)]


async def demo(plan: Plan, talk: Talk) -> Result:
    """Runs it. Raises ConfigError for what cannot start and ChildFailed if a process ends by itself.

    Whatever happens, no process is left behind; data is removed only after a good run that nobody wants to keep.
    """
    home = Home.make(plan.data)
    result: Result | None = None
    try:
        async with AsyncExitStack() as stack:
            stage = await _Stage.build(plan, talk, home, stack)
            result = await stage.perform()
        return result
    finally:
        if result is None or result.kept or not result.ok:
            talk.plain(f"data, configuration and logs of this run: {home.path}")
        else:
            home.remove()


@dataclass(slots=True)
class _Stage:
    """Everything that is running."""

    plan: Plan
    talk: Talk
    home: Home
    http: aiohttp.ClientSession
    children: Children
    gateway: Child
    gateway_url: str
    stand_ins: dict[str, StandIn]
    database: Database
    terms: Terms
    post: Post
    gone_already: bool
    """Whoever leaves has left in an earlier run on this database, and stays gone."""

    @classmethod
    async def build(cls, plan: Plan, talk: Talk, home: Home, stack: AsyncExitStack) -> _Stage:
        """Starts the stand-ins, writes the configuration, starts the gateway."""
        timeout = aiohttp.ClientTimeout(total=CALL_S)
        http = await stack.enter_async_context(
            aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        )
        database = Database(home.database(plan), pool_size=1)
        stack.push_async_callback(database.close)
        await _refuse_used(plan, database)
        children = await stack.enter_async_context(Children())
        ports, port = processes.ports_of(plan, Random())  # not seeded: two demos with one seed may run side by side
        stand_ins = {name: StandIn(name, f"http://127.0.0.1:{ports[name]}", http) for name in SYSTEMS}
        home.write_config(plan, name=_name(), port=port, urls={name: one.url for name, one in stand_ins.items()})
        gateway_url = f"http://127.0.0.1:{port}"
        gateway = processes.gateway(plan, home, gateway_url, http)
        gone = plan.reuse and await has_left(database, f"{WHO}@example.com")
        carrier = await stack.enter_async_context(post(gateway_url, http))
        stage = cls(
            plan, talk, home, http, children, gateway, gateway_url, stand_ins, database, load_terms(), carrier, gone
        )
        await stage._start(ports)
        return stage

    async def _start(self, ports: Mapping[str, int]) -> None:
        pair = (processes.stand_in(self.home, self.stand_ins[name], ports[name], self.plan) for name in PAIR)
        others = [self.stand_ins[name] for name in OTHERS]
        await self.children.start(*pair, processes.stand_ins(self.home, others, ports[OTHERS[0]], self.plan))
        for name in HOOKED:
            await self.stand_ins[name].register_webhook(f"{self.post.url}/hooks/{name}", SECRET[name])
        await self.children.start(self.gateway)
        *names, last = NAMES.values()
        self.talk.line(f"{', '.join(names)} and {last} (stand-ins) and the gateway are up on this machine")
        self.talk.look(f"export LOCKSTEP_CONFIG={self.home.config}")

    async def perform(self) -> Result:
        """People work, things go wrong, the story is told; then quiet, then the verdict."""
        watch = Watch(self.stand_ins)
        cast = Cast.of(self.stand_ins, self.http)
        words = Words(f"d{self.plan.seed}")
        troubles = Troubles(self.plan, self.gateway, self.stand_ins, self.talk)
        editors = Editors(cast.pair, words, self.plan.seed, watch.where)
        scene = Scene(words, watch, self.talk)
        service = Service(self.gateway_url, self.home.signed_in, self.http)
        away = self.stand_ins[CRM]
        leaver = Leaver(
            scene, cast.clerks, cast.hr, away, service, self.post, self.home, troubles.later, self.gone_already
        )
        story = Story(cast.pair, scene, troubles, self._lost_values, cast.acts(scene, leaver))
        await self._work(watch, troubles, editors, story, leaver)
        self.talk.chapter("Nobody edits any more; what is under way arrives")
        quiet = await self._until_quiet(watch)
        self.talk.line("all quiet" if quiet else f"not quiet after {self.plan.drain_s:g} s; judged as it is")
        certified = await leaver.certify()
        await self.gateway.stop()
        verdict = judge(await self._evidence(watch))
        departed = await leaver.departed(certified)
        if not self.gone_already:
            verdict.violations += departure_violations(departed)
        shown = [name for name in SYSTEMS if not (name == DIR and self.gone_already)]
        systems = {NAMES[name]: Sums.of(watch.entries[name]) for name in shown}
        summary = self._summary(verdict, systems, troubles, editors, departed, quiet=quiet)
        kept = self.plan.keep or not self.home.ours
        return Result(verdict, systems, summary, self.home.config, kept, departed)

    async def _work(self, watch: Watch, troubles: Troubles, editors: Editors, story: Story, leaver: Leaver) -> None:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as background:
            standing = [background.create_task(work) for work in (watch.follow(), self._guard(), self._tell(watch))]
            async with asyncio.TaskGroup() as work:
                work.create_task(editors.work(self.plan.edits_per_s, stop))
                work.create_task(troubles.happen())
                work.create_task(leaver.settle_in())
                work.create_task(self._told(story, troubles))
                await asyncio.sleep(self.plan.for_s)
                stop.set()
            for task in standing:
                task.cancel()

    async def _told(self, story: Story, troubles: Troubles) -> None:
        try:
            await story.tell()
        finally:
            troubles.later.set()

    async def _guard(self) -> None:
        """Ends everything when a process ends by itself."""
        while True:
            self.children.check()
            await asyncio.sleep(0.25)

    async def _tell(self, watch: Watch) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            entries = [entry for found in watch.entries.values() for entry in found]
            people = sum(entry.by_human for entry in entries)
            self.talk.line(f"so far {people} edits by people, {len(entries) - people} writes by the gateway")

    async def _until_quiet(self, watch: Watch) -> bool:
        async def idle() -> bool:
            self.children.check()
            await watch.read()
            waiting = [await stand_in.webhooks_waiting() for stand_in in self.stand_ins.values()]
            return not any(waiting) and await self._gateway_is_idle()

        async def agree() -> bool:
            return judge(await self._evidence(watch)).ok

        return await drain(at_most_s=self.plan.drain_s, idle=idle, last_news_at=lambda: watch.last_news_at, agree=agree)

    async def _gateway_is_idle(self) -> bool:
        try:
            async with self.http.get(f"{self.gateway_url}/v1/now", headers=self.home.signed_in) as answer:
                now = orjson.loads(await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
        return is_idle(now)

    async def _evidence(self, watch: Watch) -> Evidence:
        return await evidence(watch, self.stand_ins, self.terms, self.database)

    async def _lost_values(self, connection: str, number: str) -> list[Any]:
        query = text("SELECT value FROM conflict_ledger WHERE connection = :connection AND object_id = :number")
        async with self.database.read() as tx:
            found = await tx.execute(query, {"connection": connection, "number": number})
            return [loads(value) for (value,) in found]

    def _summary(
        self,
        verdict: Verdict,
        systems: Mapping[str, Sums],
        troubles: Troubles,
        editors: Editors,
        departed: Departed | None,
        *,
        quiet: bool,
    ) -> dict[str, Any]:
        return {
            **verdict.as_json(),
            "systems": {name: asdict(found) for name, found in systems.items()},
            "leaver": departed.as_json() if departed else None,
            "seed": self.plan.seed,
            "elapsed_s": round(self.talk.elapsed_s, 1),
            "kills": troubles.kills,
            "outages": [str(outage) for outage in troubles.outages],
            "quiet": quiet,
            "refused_edits": editors.tally.not_made.total(),
            "stream": _scheme(self.plan.stream or "sqlite:"),
            "database": _scheme(self.home.database(self.plan)),
        }


def is_idle(now: Mapping[str, Any]) -> bool:
    """Whether `GET /v1/now` says that no notice waits and no lane has work."""
    return now.get("quiet") is True


async def _refuse_used(plan: Plan, database: Database) -> None:
    if plan.database and not plan.reuse and await is_used(database):
        shown = database.url.render_as_string(hide_password=True)
        raise ConfigError(
            [f"--database {shown}: there are records of another run in it; give an empty database, or --reuse to go on"]
        )


def _name() -> str:
    """Keeps this run's topics apart from those of other runs on the same broker."""
    return f"demo-{secrets.token_hex(4)}"


def _scheme(url: str) -> str:
    return url.partition(":")[0].partition("+")[0]
