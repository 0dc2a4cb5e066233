"""A worker's feeds over a real database, with entries to feed them and a real clock; receivers are the test's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from sqlalchemy import select

from connectors.contract.clock import SystemClock
from gateway.access.outbound import Guard
from gateway.audit.chain import append
from gateway.config.siem import Siem, Sink, Target
from gateway.core.ids import new_id
from gateway.core.signing import Signer
from gateway.siem import store
from gateway.siem.forms.sender import Sender
from gateway.siem.place import Place
from gateway.siem.sinks import Sinks
from gateway.siem.tables import spool
from gateway.storage.database import Database, dumps
from tests.support.waiting import until

SIGNER = Signer(b"s" * 32)
KIND = "token_created"
"""Of the entries that tests write: high."""


class Chance:
    """No jitter."""

    def random(self) -> float:
        return 0.0


def sink_of(name: str, target: Target, **more: Any) -> Sink:
    """A sink with short times, for tests."""
    given: dict[str, Any] = {
        "form": "ocsf",
        "least": 1,
        "kinds": frozenset(),
        "personal": False,
        "since": "beginning",
        "largest": None,
        "spool": 1 << 30,
        "warn": 0.8,
        "keep_s": 3600.0,
        "segment": 100,
        "heartbeat_s": 3600.0,
    }
    return Sink(name=name, target=target, **{**given, **more})


def place_of(database: Database, *sinks: Sink, worker: str = "w1", personal: Sequence[str] = ()) -> Place:
    """Of one worker."""
    return Place(
        database=database,
        clock=SystemClock(),
        chance=Chance(),
        worker=worker,
        siem=Siem("lockstep.test", {each.name: each for each in sinks}),
        sender=Sender(host="lockstep.test", version="0"),
        signer=lambda: SIGNER,
        guard=Guard(["127.0.0.1", "localhost", "127.0.0.0/8"]),
        personal=frozenset(personal),
    )


async def write(database: Database, count: int, *, kind: str = KIND, detail: Mapping[str, Any] | None = None) -> None:
    """Entries, each with its number in the detail; of one transaction."""
    now = SystemClock().now()
    rows = [
        {
            "id": new_id("au", at=now),
            "at": now,
            "kind": kind,
            "actor": "ada",
            "detail": dumps({"n": n, "name": "ci", **(detail or {})}),
        }
        for n in range(count)
    ]
    async with database.begin("test") as tx:
        append(tx, rows)


@asynccontextmanager
async def feeding(place: Place) -> AsyncIterator[Sinks]:
    """The feeds of a worker while the block runs; then they end at once."""
    sinks = Sinks(place)
    await sinks.start()
    try:
        yield sinks
    finally:
        await sinks.stop()


async def stands(database: Database, name: str) -> store.Standing | None:
    """How a sink stands; None: it was not fed yet."""
    async with database.read() as tx:
        return await store.standing(tx, name)


async def standing(database: Database, name: str) -> store.Standing:
    """How a sink stands that was fed."""
    found = await stands(database, name)
    assert found is not None
    return found


async def arrived(database: Database, name: str, count: int, *, timeout_s: float = 60.0) -> store.Standing:
    """Waits until the receiver is known to have so many events, and no more wait."""

    async def there() -> store.Standing | None:
        found = await stands(database, name)
        return found if found and found.sent >= count and found.sent == found.number else None

    found: store.Standing = await until(there, what=f"{count} events at {name}", timeout_s=timeout_s)
    return found


async def spooled(database: Database, name: str) -> list[dict[str, Any]]:
    """All rows of a spool."""
    async with database.read() as tx:
        query = select(spool).where(spool.c.sink == name).order_by(spool.c.number)
        return [dict(each) for each in (await tx.execute(query)).mappings()]


class Stores(Protocol):
    """A receiver, by what it stored."""

    @property
    def lines(self) -> list[str]: ...


def stored(receiver: Stores, least: int) -> bool:
    """Whether it has stored so many lines."""
    return len(receiver.lines) >= least


def numbers(lines: Sequence[str]) -> list[int]:
    """Of the feed, as a receiver of JSON stored them, in the order in which they came."""
    return [chain_of(json.loads(each))["number"] for each in lines]


def chain_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The chain's part of an event, wherever its form has it."""
    if "chain" in body:
        return body["chain"]  # type: ignore[no-any-return]
    return next(each for each in (found_in(value) for value in body.values()) if each)


def found_in(value: Any) -> Mapping[str, Any]:
    """The chain below a value; empty: it has none."""
    if isinstance(value, Mapping):
        if "chain" in value:
            return value["chain"]  # type: ignore[no-any-return]
        return next((each for each in map(found_in, value.values()) if each), {})
    return {}
