"""Where a run takes place: a fresh stand-in of the sandbox, a stand-in that already runs, or a staging system."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp
import httpx
import msgspec

from connectors.conformance.bench import MARK, PATIENT_S, Bench
from connectors.conformance.byhand import ThroughConnector
from connectors.conformance.elsewhere import Elsewhere
from connectors.conformance.leaving import LeavingBench
from connectors.conformance.receiver import Receiver
from connectors.conformance.subject import Subject
from connectors.conformance.witness import HandWitness, StandInWitness, Witness
from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import ConfigError
from connectors.contract.fixture import Fixture, Hand
from connectors.contract.furnished import AccessFixture

SETTLES_S = 0.5
"""What a stand-in settles in: the kit knows when a late request has landed, so this only covers its index."""
INDEX_LAG_S = 0.1
SECRET = "conformance-hook-secret"  # noqa: S105 - of a run's own webhooks, which leave this machine never
TIME_SCALE = 0.001


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Which system to test against. None of both: a stand-in is started for the run."""

    stand_in: str = ""
    """URL of a stand-in that runs already, with its admin API."""
    staging: ConnectionSettings | None = None
    """A configured connection to a system that is nobody's production."""

    @property
    def name(self) -> str:
        """As the report says it."""
        return f"staging connection {self.staging.name}" if self.staging else "sandbox"


@asynccontextmanager
async def benches(subject: Subject, place: Place, *, clock: Clock, seed: int) -> AsyncIterator[list[Bench]]:
    """A bench for each object type. What a run made in a system that stays is taken away at the end; what could not
    be is left in `Bench.made`.
    """
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(_http())
        elsewhere = Elsewhere()
        await elsewhere.start()
        stack.push_async_callback(elsewhere.close)
        opening = _Opening(stack, subject, place, http, elsewhere, clock)
        made = [await opening.bench(fixture, seed) for fixture in subject.fixtures]
        try:
            yield made
        finally:
            if place.staging or place.stand_in:
                for bench in made:
                    await _tidied(bench)


def _http() -> aiohttp.ClientSession:
    """For the proxies: as many connections as it takes, none used twice, nothing repeated."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=60.0)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout)


@asynccontextmanager
async def leaving(subject: Subject, place: Place, *, clock: Clock) -> AsyncIterator[LeavingBench | None]:
    """Where people come and leave; None for a connector that does not end access."""
    if subject.access is None:
        yield None
        return
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(_http())
        elsewhere = Elsewhere()
        await elsewhere.start()
        stack.push_async_callback(elsewhere.close)
        opening = _Opening(stack, subject, place, http, elsewhere, clock)
        bench = await opening.leaving(subject.access)
        try:
            yield bench
        finally:
            await bench.tidied()


class _Site(NamedTuple):
    """A stand-in, who says what happened in it, and where its webhooks go: one of each, however many object types."""

    url: str
    witness: Witness
    receiver: Receiver


class _Opening:
    """Opens what benches stand on, each once."""

    def __init__(
        self,
        stack: AsyncExitStack,
        subject: Subject,
        place: Place,
        http: aiohttp.ClientSession,
        elsewhere: Elsewhere,
        clock: Clock,
    ) -> None:
        self._stack, self._subject, self._place = stack, subject, place
        self._http, self._elsewhere, self._clock = http, elsewhere, clock
        self._sites: dict[str, _Site] = {}

    async def bench(self, fixture: Fixture, seed: int) -> Bench:
        make = self._subject.maker(self._clock)
        staging = self._place.staging
        site = None if staging else await self._site(fixture.system)
        settings, person = (staging, staging) if staging else _in_sandbox(fixture, site.url if site else "")
        settings = msgspec.structs.replace(settings, timeout_s=PATIENT_S, webhook_secret=SECRET)
        hand = fixture.hand(person) if fixture.hand else ThroughConnector(make(person), fixture)
        self._stack.push_async_callback(hand.close)
        if staging:
            await self._reached(fixture, hand)
        return Bench(
            fixture=fixture,
            settings=settings,
            make=make,
            hand=hand,
            witness=site.witness if site else HandWitness(hand),
            http=self._http,
            elsewhere=self._elsewhere,
            clock=self._clock,
            receiver=site.receiver if site and fixture.sign else None,
            seed=seed,
            shows_s=INDEX_LAG_S * 1.4 if site else make(settings).specs[fixture.object].settles_s,
            deletes=fixture.hand is not None and fixture.deletes,
            two_users=person.auth != settings.auth,
        )

    async def leaving(self, fixture: AccessFixture) -> LeavingBench:
        url = (await self._site(fixture.system)).url
        ours = msgspec.structs.replace(fixture.sandbox(url, "lockstep"), settles_s=SETTLES_S)
        clerk = fixture.clerk(fixture.sandbox(url, "ann"))
        self._stack.push_async_callback(clerk.close)
        return LeavingBench(
            fixture=fixture,
            settings=msgspec.structs.replace(ours, timeout_s=PATIENT_S),
            make=self._subject.maker(self._clock),
            clerk=clerk,
            http=self._http,
            elsewhere=self._elsewhere,
        )

    async def _reached(self, fixture: Fixture, hand: Hand) -> None:
        """Whether there is a system to be tested. Raises ConfigError before anything is written to it."""
        if fixture.hand is None:
            raise self._refused("hand", "its fixture has no hand, and a staging system has no other witness")
        try:
            await hand.search(f"{MARK}-is-anybody-there")
        except (AssertionError, httpx.HTTPError) as error:
            said = f"the system does not let the kit's hand in ({type(error).__name__}: {error})"
            raise self._refused("staging", f"{said}; nothing was written; try lockstep check --connections") from error

    def _refused(self, rule: str, said: str) -> ConfigError:
        return ConfigError([f"connector {self._subject.name}: error[{rule}]: {said}"])

    async def _site(self, system: str) -> _Site:
        if system not in self._sites:
            url = self._place.stand_in or await self._started(system)
            receiver = Receiver(SECRET, self._clock)
            await receiver.start()
            self._stack.push_async_callback(receiver.close)
            try:
                await self._told(url, receiver)
            except aiohttp.ClientError as error:
                raise self._refused("stand-in", f"nobody answers as a stand-in at {url} ({error})") from error
            self._sites[system] = _Site(url, StandInWitness(url, self._http), receiver)
        return self._sites[system]

    async def _told(self, url: str, receiver: Receiver) -> None:
        """The stand-in's search shows changes late, where it has one, and its webhooks come here."""
        async with self._http.patch(f"{url}/_sandbox/options", json={"index_lag_s": INDEX_LAG_S}) as answer:
            await answer.read()
        registration = {"url": receiver.url, "secret": SECRET}
        async with self._http.post(f"{url}/_sandbox/webhooks", json=registration) as answer:
            await answer.read()

    async def _started(self, system: str) -> str:
        from connectors.sandbox import SYSTEMS, start

        if system not in SYSTEMS:
            tip = f"there are {', '.join(SYSTEMS)}; try --connection with a staging system"
            raise self._refused("sandbox", f"there is no stand-in {system!r}; {tip}")
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lockstep-conformance-"))
        stand_in = await start(system, data=Path(folder) / f"{system}.db", time_scale=TIME_SCALE)
        self._stack.push_async_callback(stand_in.stop)
        return stand_in.url


def _in_sandbox(fixture: Fixture, url: str) -> tuple[ConnectionSettings, ConnectionSettings]:
    """Settings of the integration user, and of a person."""
    ours = msgspec.structs.replace(fixture.sandbox(url, "lockstep"), settles_s=SETTLES_S)
    return ours, fixture.sandbox(url, "ann")


async def _tidied(bench: Bench) -> None:
    """Takes away what the run made; what resists stays in `made`, to be told."""
    if not bench.deletes:
        return  # the fixture has no hand: everything is left, and told
    await asyncio.sleep(bench.shows_s)  # a search may lag behind what was created last
    for text in bench.sent:
        bench.made |= set(await bench.hand.search(text))
    there = sorted(bench.made)
    await asyncio.gather(*(bench.hand.delete(id) for id in there), return_exceptions=True)
    held = await asyncio.gather(*(bench.hand.held(id) for id in there), return_exceptions=True)
    bench.made = {id for id, found in zip(there, held, strict=True) if found is not None}
    bench.taken_away = len(there) - len(bench.made)
