"""Where a run takes place: a fresh stand-in of the sandbox, a stand-in that already runs, or a staging system."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from connectors.conformance.bench import PATIENT_S, Bench, Make
from connectors.conformance.byhand import ThroughConnector
from connectors.conformance.elsewhere import Elsewhere
from connectors.conformance.receiver import Receiver
from connectors.conformance.subject import Subject
from connectors.conformance.witness import HandWitness, StandInWitness, Witness
from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import ConfigError
from connectors.contract.fixture import Fixture

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
async def benches(
    subject: Subject, place: Place, *, clock: Clock, seed: int
) -> AsyncIterator[list[tuple[Fixture, Bench]]]:
    """A bench for each object type. What a run has made is taken away at the end; what could not be is in
    `Bench.made`.
    """
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(_http())
        elsewhere = Elsewhere()
        await elsewhere.start()
        stack.push_async_callback(elsewhere.close)
        urls: dict[str, str] = {}
        made = []
        for fixture in subject.fixtures:
            if place.staging is None and fixture.system not in urls:
                urls[fixture.system] = place.stand_in or await _started(stack, subject, fixture)
            bench = await _bench(
                stack, subject, fixture, place, urls.get(fixture.system, ""), http, elsewhere, clock, seed
            )
            made.append((fixture, bench))
        yield made
        for _, bench in made:
            await _tidied(bench)


def _http() -> aiohttp.ClientSession:
    """For the proxies: as many connections as it takes, none used twice, nothing repeated."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=60.0)
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout, auto_decompress=True
    )


async def _started(stack: AsyncExitStack, subject: Subject, fixture: Fixture) -> str:
    from connectors.sandbox import SYSTEMS, start

    if fixture.system not in SYSTEMS:
        known = ", ".join(SYSTEMS)
        said = f"there is no stand-in {fixture.system!r} (there are {known}); try --connection with a staging system"
        raise ConfigError([f"connector {subject.name}: error[sandbox]: {said}"])
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lockstep-conformance-"))
    stand_in = await start(fixture.system, data=Path(folder) / f"{fixture.system}.db", time_scale=TIME_SCALE)
    stack.push_async_callback(stand_in.stop)
    return stand_in.url


async def _bench(
    stack: AsyncExitStack,
    subject: Subject,
    fixture: Fixture,
    place: Place,
    url: str,
    http: aiohttp.ClientSession,
    elsewhere: Elsewhere,
    clock: Clock,
    seed: int,
) -> Bench:
    make = subject.maker(clock)
    if place.staging is not None:
        settings, person = place.staging, place.staging
    else:
        ours = fixture.sandbox(url, "lockstep")
        settings = msgspec.structs.replace(ours, settles_s=SETTLES_S, webhook_secret=SECRET)
        person = fixture.sandbox(url, "ann")
        await _lagging(http, url)
    settings = msgspec.structs.replace(settings, timeout_s=PATIENT_S)
    hand = fixture.hand(person) if fixture.hand else ThroughConnector(make(person), fixture)
    stack.push_async_callback(hand.close)
    witness: Witness = HandWitness(hand) if place.staging else StandInWitness(url, http)
    receiver = None if place.staging else await _listening(stack, http, url, clock)
    return Bench(
        fixture=fixture,
        settings=settings,
        make=make,
        hand=hand,
        witness=witness,
        http=http,
        elsewhere=elsewhere,
        clock=clock,
        receiver=receiver if fixture.sign else None,
        seed=seed,
        shows_s=make(settings).specs[fixture.object].settles_s if place.staging else INDEX_LAG_S * 1.4,
        deletes=fixture.hand is not None,
        two_users=person.auth != settings.auth,
    )


async def _lagging(http: aiohttp.ClientSession, url: str) -> None:
    """A search that shows changes late, where the stand-in has one."""
    async with http.patch(f"{url}/_sandbox/options", json={"index_lag_s": INDEX_LAG_S}) as answer:
        await answer.read()


async def _listening(stack: AsyncExitStack, http: aiohttp.ClientSession, url: str, clock: Clock) -> Receiver:
    receiver = Receiver(SECRET, clock)
    await receiver.start()
    stack.push_async_callback(receiver.close)
    async with http.post(f"{url}/_sandbox/webhooks", json={"url": receiver.url, "secret": SECRET}) as answer:
        await answer.read()
    return receiver


async def _tidied(bench: Bench) -> None:
    """Takes away what the run made; what resists stays in `made`, to be told."""
    if not bench.deletes:
        return
    gone = await asyncio.gather(*(bench.hand.delete(id) for id in sorted(bench.made)), return_exceptions=True)
    bench.made = {id for id, error in zip(sorted(bench.made), gone, strict=True) if error is not None}


__all__ = ["Make", "Place", "benches"]
