"""One transaction that takes slices of a connection's windows and places, and gives back what was not used.

The row of the connection is the referee's desk: whoever holds its lock decides alone, with the database server's time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import and_, delete, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from connectors.contract.limits import Purpose
from gateway.budget.sharing import counts_until, granted, lease_s, places, slot_of, slot_s
from gateway.budget.tables import budget, budget_place, budget_told, budget_used
from gateway.config.budget import BudgetRules, Window
from gateway.storage.database import dumps, insert, loads

PLACES_S = 10.0
"""How long places are a worker's without being renewed."""
ASKING_S = 30.0
"""So long after somebody asked for it in vain or not, a share is not lent."""

LATE_S = 2.0
"""A worker that was told when to ask again, and does not by this much later, is not waited for."""

Referee = Callable[[AsyncConnection], Awaitable[float]]
"""The time that counts for all workers."""
_NOW = text("SELECT extract(epoch FROM clock_timestamp())")


def referee_of(clock: Clock) -> Referee:
    """The server's time where there is a server; on SQLite everybody is on one machine, whose time it is."""

    async def now(tx: AsyncConnection) -> float:
        return clock.now() if tx.dialect.name == "sqlite" else float((await tx.execute(_NOW)).scalar_one())

    return now


class Unused(msgspec.Struct, frozen=True):
    """A part of a slice that was not sent and will not be."""

    window: Window
    slot: int
    purpose: Purpose
    requests: int


class Slice(msgspec.Struct, frozen=True):
    """Requests that may be sent until the slot's end; 0: none, and `wait_s` until asking again makes sense."""

    requests: int
    slot: int = 0
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Ask:
    """What a worker wants."""

    connection: str
    worker: str
    rules: BudgetRules
    monotonic: Callable[[], float]
    """The worker's own: what tells it when a lease is over."""
    wants: Mapping[Purpose, Mapping[Window, int]] = field(default_factory=dict)
    """A purpose gets something of all of these windows, or nothing."""
    unused: Sequence[Unused] = ()
    in_flight: int = 0
    places: int | None = None
    """Wanted altogether; 0: none any more; None: left as it is."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What it got."""

    slices: Mapping[tuple[Window, Purpose], Slice]
    places: int | None
    at: float
    """On the worker's monotonic clock, not later than the time by which the database reckoned."""


async def take(tx: AsyncConnection, ask: Ask, referee: Referee) -> Taken:
    """Inside the caller's write transaction; what is granted counts as soon as that commits."""
    desk = await _desk(tx, ask.connection)
    at = ask.monotonic()
    now = await referee(tx)
    await _give_back(tx, ask)
    slices: dict[tuple[Window, Purpose], Slice] = {}
    if ask.wants:
        desk.open(ask, now)
        slices = await _slices(tx, ask, desk, now)
        desk.went(ask.worker, slices, now)
        said = dumps(msgspec.to_builtins(desk))
        await tx.execute(update(budget).where(budget.c.connection == ask.connection).values(desk=said))
    return Taken(slices, await _places(tx, ask, now) if ask.places is not None else None, at)


class Desk(msgspec.Struct):
    """What the referee remembers of a connection."""

    asked: dict[str, float] = {}
    """Purpose -> when some worker last asked for it."""
    empty: dict[str, dict[str, float]] = {}
    """Purpose -> worker that went away with nothing for it -> until when it is expected back; who has waited longest
    is the first.
    """

    def open(self, ask: Ask, now: float) -> None:
        """Somebody asks."""
        self.asked |= dict.fromkeys(map(str, ask.wants), now)
        for waiting in self.empty.values():
            for worker in [each for each, until in waiting.items() if until <= now]:
                del waiting[worker]

    @property
    def asking(self) -> frozenset[Purpose]:
        last = max(self.asked.values(), default=0.0)
        return frozenset(Purpose(name) for name, at in self.asked.items() if last - at <= ASKING_S)

    def before(self, worker: str, purpose: Purpose) -> int:
        """How many workers went away empty before this one did. For each of them its part of a window is kept, until it
        comes back or is too late.
        """
        waiting = list(self.empty.get(purpose, {}))
        return waiting.index(worker) if worker in waiting else len(waiting)

    def went(self, worker: str, slices: Mapping[tuple[Window, Purpose], Slice], now: float) -> None:
        """It got these."""
        for (_, purpose), got in slices.items():
            waiting = self.empty.setdefault(str(purpose), {})
            if got.wait_s > 0:
                waiting[worker] = now + got.wait_s + LATE_S
            else:
                waiting.pop(worker, None)


async def _desk(tx: AsyncConnection, connection: str) -> Desk:
    """Takes the lock; what was asked for lately."""
    await tx.execute(insert(tx, budget).values(connection=connection, desk="{}").on_conflict_do_nothing())
    mine = budget.c.connection == connection
    said = (await tx.execute(select(budget.c.desk).where(mine).with_for_update())).scalar_one()
    return msgspec.convert(loads(said), Desk)


async def _give_back(tx: AsyncConnection, ask: Ask) -> None:
    row = budget_used.c
    for each in ask.unused:
        mine = and_(row.connection == ask.connection, row.per_ms == per_ms(each.window), row.slot == each.slot)
        less = {"requests": row.requests - each.requests}
        await tx.execute(update(budget_used).where(mine, row.purpose == str(each.purpose)).values(less))


async def _slices(tx: AsyncConnection, ask: Ask, desk: Desk, now: float) -> dict[tuple[Window, Purpose], Slice]:
    used = await used_at(tx, ask.connection, ask.rules.windows, now, forget=True)
    found: dict[tuple[Window, Purpose], Slice] = {}
    for purpose in sorted(ask.wants, key=list(Purpose).index):  # a leaver first
        wanted = ask.wants[purpose]
        queue = 0 if purpose is Purpose.LEAVER else desk.before(ask.worker, purpose)
        given = {
            window: granted(
                window.requests - queue * (window.requests // (queue + 1)),
                totals(used[window]),
                ask.rules.shares,
                desk.asking,
                purpose,
                count,
            )
            for window, count in wanted.items()
        }
        full = [window for window, count in given.items() if count == 0]
        for window, count in given.items():
            slot = slot_of(window, now + lease_s(window))
            if full:
                wait_s = max(_frees_s(each, used[each], now) for each in full)
                found[(window, purpose)] = Slice(0, wait_s=wait_s)
                continue
            found[(window, purpose)] = Slice(count, slot)
            used[window][(slot, purpose)] = used[window].get((slot, purpose), 0) + count
            await _add(tx, ask.connection, window, slot, purpose, count)
    return found


def _frees_s(window: Window, used: Mapping[tuple[int, Purpose], int], now: float) -> float:
    """Until something of a full window is free again. Never nothing: what others lend back comes unannounced."""
    ends = [counts_until(window, slot) - now for (slot, _), count in used.items() if count > 0]
    return max(slot_s(window), min(ends, default=0.0))


async def _add(tx: AsyncConnection, connection: str, window: Window, slot: int, purpose: Purpose, count: int) -> None:
    key = {"connection": connection, "per_ms": per_ms(window), "slot": slot, "purpose": str(purpose)}
    statement = insert(tx, budget_used).values(**key, requests=count)
    more = {"requests": budget_used.c.requests + count}
    await tx.execute(statement.on_conflict_do_update(index_elements=list(key), set_=more))


async def used_at(
    tx: AsyncConnection, connection: str, windows: Sequence[Window], now: float, *, forget: bool = False
) -> dict[Window, dict[tuple[int, Purpose], int]]:
    """What counts now, by window, slot and purpose. `forget`: rows that count no more are deleted, with those of a slot
    too far ahead to have been taken since the clock was last set back.
    """
    row = budget_used.c
    counted: dict[Window, dict[tuple[int, Purpose], int]] = {}
    for window in windows:
        mine = and_(row.connection == connection, row.per_ms == per_ms(window))
        over = slot_of(window, now - window.per_s)  # the last slot whose end lies a whole window back
        over -= counts_until(window, over) > now
        ahead = slot_of(window, now + lease_s(window))
        if forget:
            await tx.execute(delete(budget_used).where(mine, or_(row.slot <= over, row.slot > ahead)))
        query = select(row.slot, row.purpose, row.requests).where(mine, row.slot > over, row.slot <= ahead)
        counted[window] = {(slot, Purpose(name)): count for slot, name, count in await tx.execute(query)}
    return counted


def totals(used: Mapping[tuple[int, Purpose], int]) -> dict[Purpose, int]:
    """By purpose."""
    found: dict[Purpose, int] = {}
    for (_, purpose), count in used.items():
        found[purpose] = found.get(purpose, 0) + count
    return found


def per_ms(window: Window) -> int:
    """A window's length as it is stored."""
    return round(window.per_s * 1000)


async def _places(tx: AsyncConnection, ask: Ask, now: float) -> int:
    row = budget_place.c
    await tx.execute(
        delete(budget_place).where(
            row.connection == ask.connection, or_(row.until <= now, row.until > now + 2 * PLACES_S)
        )
    )
    mine = and_(row.connection == ask.connection, row.worker == ask.worker)
    if not ask.places:
        await tx.execute(delete(budget_place).where(mine))
        return 0
    found = list(await tx.execute(select(budget_place).where(row.connection == ask.connection)))
    wanted = {each.worker: each.wanted for each in found} | {ask.worker: ask.places}
    held = {each.worker: each.places for each in found}
    got = places(ask.rules.concurrent or 0, wanted, held, ask.worker)
    values = {"places": max(got, ask.in_flight), "wanted": ask.places, "until": now + PLACES_S}
    statement = insert(tx, budget_place).values(connection=ask.connection, worker=ask.worker, **values)
    await tx.execute(statement.on_conflict_do_update(index_elements=["connection", "worker"], set_=values))
    return got


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What a system said of one limit, on the time of all workers."""

    name: str
    limit: int | None = None
    remaining: int | None = None
    per_s: float | None = None
    told_at: float
    until: float | None = None


async def tell(tx: AsyncConnection, connection: str, heard: Sequence[Heard]) -> None:
    """Writes down what was heard, unless another worker has heard something later."""
    for each in heard:
        values: dict[str, Any] = msgspec.structs.asdict(each)
        name = values.pop("name")
        statement = insert(tx, budget_told).values(connection=connection, name=name, **values)
        newer = budget_told.c.told_at < each.told_at
        await tx.execute(
            statement.on_conflict_do_update(index_elements=["connection", "name"], set_=values, where=newer)
        )


async def heard(tx: AsyncConnection) -> dict[str, list[Heard]]:
    """By connection, what its system said last of each limit."""
    found: dict[str, list[Heard]] = {}
    for row in (
        await tx.execute(select(budget_told).order_by(budget_told.c.connection, budget_told.c.name))
    ).mappings():
        fields = dict(row)
        found.setdefault(fields.pop("connection"), []).append(Heard(**fields))
    return found
