"""Two stand-ins, a gateway that can be killed on order, people, and the judge: one stage for many kills in turn."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import orjson

from gateway.demo.children import Child, ChildFailed, Children, free_port
from gateway.demo.configuration import SECRET
from gateway.demo.desks import Api, Desk, JiraDesk, ServiceNowDesk
from gateway.demo.drain import drain
from gateway.demo.editors import Editors, Words
from gateway.demo.evidence import Evidence
from gateway.demo.flows import PROJECT
from gateway.demo.gather import evidence
from gateway.demo.home import Home
from gateway.demo.judge import judge
from gateway.demo.plan import Plan
from gateway.demo.stand_ins import JIRA, PAIR, SNOW, SYSTEMS, StandIn
from gateway.demo.terms import load_terms
from gateway.demo.verdict import Verdict
from gateway.demo.watch import Watch
from gateway.storage.database import Database
from tests.crash.process import done, give
from tests.support import warm
from tests.support.warm import WarmChild

REPOSITORY = Path(__file__).parents[2]
PROGRAM = "tests.crash.process"
EDITS_PER_S = 8.0
PATIENCE_S = 80.0
"""How long a point may take to be reached; a loaded machine needs some of it."""
DRAIN_S = 90.0
CALL_S = 10.0
HOOK_TIME_SCALE = 0.001


@dataclass
class Stage:
    """Everything that runs. The gateway is killed and started; the stand-ins stay, and their logs grow."""

    home: Home
    plan: Plan
    http: aiohttp.ClientSession
    gateway: Child
    url: str
    stand_ins: Mapping[str, StandIn]
    database: Database
    watch: Watch
    desks: Mapping[str, Desk]
    editors: Editors
    words: Words
    config: str
    serial: int = 0
    told: set[str] = field(default_factory=set)
    """Violations that an earlier kill was blamed for."""

    @property
    def order(self) -> Path:
        """Where the gateway's orders lie."""
        return self.home.path / "order"

    @property
    def kafka(self) -> bool:
        """Whether the stream is Kafka's."""
        return bool(self.plan.stream)

    def api(self, connection: str) -> Api:
        """A system's own API, as people use it."""
        return Api(self.stand_ins[connection].url, self.http, email_signs_in=connection == JIRA)

    async def arm(self, connection: str, kind: str, **options: Any) -> None:
        """Arms a fault of a stand-in."""
        await self.stand_ins[connection]._post("/_sandbox/faults", {"kind": kind, **options})

    async def heal(self, connection: str) -> None:
        """Disarms all faults of a stand-in."""
        url = f"{self.stand_ins[connection].url}/_sandbox/faults"
        async with self.http.delete(url, raise_for_status=True) as answer:
            await answer.read()

    # The gateway.

    def wish(self, point: str, passing: int) -> None:
        """Orders the gateway's death. From here on its end is no failure."""
        self.serial += 1
        give(self.order, point, passing, self.serial)
        self.gateway.sent_away = True

    def withdraw(self) -> None:
        """Takes an order back that was not reached."""
        self.order.unlink(missing_ok=True)

    async def start(self) -> None:
        """Starts the gateway. One that dies on order while it starts is no failure."""
        try:
            await self.gateway.start()
        except ChildFailed:
            if not done(self.order).exists():
                raise
        self.gateway.sent_away = self.order.exists() or done(self.order).exists()

    async def stop(self) -> None:
        """Stops the gateway as a supervisor would."""
        await self.gateway.stop()

    async def is_dead(self, patience_s: float = PATIENCE_S) -> bool:
        """Waits until the order was carried out; False if the point was not reached in that time."""
        process = self.gateway.process
        assert process is not None
        try:
            await asyncio.wait_for(process.wait(), patience_s)
        except TimeoutError:
            return False
        return done(self.order).exists()

    async def revive(self) -> None:
        """Has the gateway run, with no order standing."""
        self.withdraw()
        done(self.order).unlink(missing_ok=True)
        process = self.gateway.process
        if process is None or process.returncode is not None:
            await self.start()
        self.gateway.sent_away = False

    async def command(self, *arguments: str, order: Path | None = None) -> int:
        """Runs a `lockstep` command to its end; its exit code. `order`: it may be told to kill itself."""
        order = order or self.home.path / "no-order"
        words = (str(order), *arguments, "--config", str(self.home.config))
        env = _environment(self.home, self.plan)
        with (self.home.logs / "commands.log").open("ab") as log, warm.nothing() as none:
            streams = none.fileno(), log.fileno(), log.fileno()
            process = await warm.start(PROGRAM, *words, cwd=Path.cwd(), env=env, streams=streams)
            return await process.wait()

    # People, and what became of their work.

    @asynccontextmanager
    async def people_edit(self) -> AsyncIterator[None]:
        """Meanwhile people edit in both systems. Edits under way at the end are finished."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            following = group.create_task(self.watch.follow())
            editing = group.create_task(self.editors.work(EDITS_PER_S, stop))
            try:
                yield
            finally:
                stop.set()
                await editing
                following.cancel()

    async def quiet(self) -> bool:
        """Waits until nothing moves any more; False if that takes too long."""
        return await drain(
            at_most_s=DRAIN_S,
            idle=self._is_idle,
            last_news_at=lambda: self.watch.last_news_at,
            agree=self._agree,
        )

    async def _is_idle(self) -> bool:
        self.gateway.check()
        await self.watch.read()
        if any([await stand_in.webhooks_waiting() for stand_in in self.stand_ins.values()]):
            return False
        try:
            async with self.http.get(f"{self.url}/v1/now", headers=self.home.signed_in) as answer:
                return bool(orjson.loads(await answer.read()).get("quiet"))
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def _agree(self) -> bool:
        return not self._news(judge(await self.evidence()))

    async def evidence(self) -> Evidence:
        """Everything the judge needs, as it is now."""
        return await evidence(self.watch, self.stand_ins, load_terms(PAIR), self.database)

    async def verdict(self) -> tuple[Verdict, list[str]]:
        """The verdict on all that ever happened here, and the violations that nobody was blamed for yet."""
        verdict = judge(await self.evidence())
        news = self._news(verdict)
        self.told.update(news)
        return verdict, news

    def _news(self, verdict: Verdict) -> list[str]:
        found = (f"{one.kind}: {one.object} {one.field} {one.value!r}: {one.why}" for one in verdict.violations)
        return [text for text in found if text not in self.told]

    def rewrite(self, more: str = "") -> None:
        """Puts the configuration back, with `more` at its end."""
        self.home.config.write_text(self.config + more)

    def rename_stream(self) -> None:
        """From the next start on the stream has another name."""
        name = f"crash-{secrets.token_hex(4)}"
        lines = (f"name: {name}" if line.startswith("name: ") else line for line in self.config.splitlines())
        self.config = "".join(f"{line}\n" for line in lines)
        self.rewrite()


@asynccontextmanager
async def stage(directory: Path, *, stream: str = "", database: str = "", seed: int = 1) -> AsyncIterator[Stage]:
    """A running stage in a new directory. `stream`, `database`: as of `lockstep demo`; the database must be empty."""
    plan = Plan(seed=seed, stream=stream, database=database, data=directory)
    home = Home.make(directory)
    timeout = aiohttp.ClientTimeout(total=CALL_S)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as http:
        made = _made(home, plan, http)
        async with Children() as children:
            await children.start(*(_stand_in(home, one, seed) for one in made.stand_ins.values()))
            for name, one in made.stand_ins.items():
                await one.register_webhook(f"{made.url}/hooks/{name}", SECRET[name])
            try:
                await children.start(made.gateway)
                yield made
            finally:
                await made.database.close()


def _made(home: Home, plan: Plan, http: aiohttp.ClientSession) -> Stage:
    chance = Random()  # not seeded: stages run side by side, and each needs ports of its own
    port, *ports = [free_port(chance) for _ in range(3)]
    stand_ins = {name: StandIn(name, f"http://127.0.0.1:{one}", http) for name, one in zip(PAIR, ports, strict=True)}
    home.write_config(
        plan,
        name=f"crash-{secrets.token_hex(4)}",
        port=port,
        urls={name: one.url for name, one in stand_ins.items()},
    )
    url = f"http://127.0.0.1:{port}"
    desks: dict[str, Desk] = {
        SNOW: ServiceNowDesk(Api(stand_ins[SNOW].url, http)),
        JIRA: JiraDesk(Api(stand_ins[JIRA].url, http, email_signs_in=True), PROJECT),
    }
    words, watch = Words(f"c{plan.seed}"), Watch(stand_ins)
    return Stage(
        home=home,
        plan=plan,
        http=http,
        gateway=_gateway(home, plan, url, http),
        url=url,
        stand_ins=stand_ins,
        database=Database(home.database(plan), pool_size=1),
        watch=watch,
        desks=desks,
        editors=Editors(desks, words, plan.seed, watch.where),
        words=words,
        config=home.config.read_text(),
    )


def _gateway(home: Home, plan: Plan, url: str, http: aiohttp.ClientSession) -> Child:
    async def ready() -> bool:
        try:
            async with http.get(f"{url}/readyz") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    command = (sys.executable, "-m", PROGRAM, str(home.path / "order"), "run", "--config", str(home.config))
    return WarmChild("the gateway", command, home.logs / "gateway.log", ready, _environment(home, plan))


def _stand_in(home: Home, one: StandIn, seed: int) -> Child:
    system, port = SYSTEMS[one.connection], one.url.rpartition(":")[2]
    command = (sys.executable, "-m", "connectors.sandbox", system, "--port", port, "--seed", str(seed))
    options = ("--data", str(home.path / f"{system}.db"), "--time-scale", str(HOOK_TIME_SCALE))
    return WarmChild(f"the {system} stand-in", (*command, *options), home.logs / f"{system}.log", one.alive)


def _environment(home: Home, plan: Plan) -> dict[str, str]:
    return {"PYTHONPATH": str(REPOSITORY), **home.environment(plan)}
