"""How much of each connection's budget is used, what was learned of its system's limits, and what holds it up: for
people. Reads only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.limits import Purpose
from gateway.budget.found import Found, found
from gateway.budget.learned import PAUSE
from gateway.budget.sharing import counts_until, lease_s, slot_of
from gateway.budget.store import Heard, heard, per_ms, totals
from gateway.budget.tables import budget_place, budget_used
from gateway.config.budget import BudgetRules, Window


class WindowView(msgspec.Struct, frozen=True, kw_only=True):
    """One window of the budget of all workers."""

    window: str
    """As the configuration has it: `600/min`."""
    requests: int
    per_s: float
    used: int
    """Sent, or taken by a worker to be sent, in the last `per_s`."""
    left: int
    """Of `requests`."""
    used_for: dict[str, int]
    """The same by purpose: leaver, live, replay, backfill."""
    frees_at: float | None
    """When the oldest of it counts no more; null: nothing is used."""


class LearnedView(msgspec.Struct, frozen=True, kw_only=True):
    """What the system itself said last of one of its limits."""

    name: str
    """Of the header, or `retry-after` for a pause that it asked for."""
    limit: int | None
    remaining: int | None
    told_at: float
    until: float | None
    """It starts afresh then, and what was learned is over; null: the system did not say."""


class BudgetView(msgspec.Struct, frozen=True, kw_only=True):
    """What a connection may send, all workers together."""

    windows: tuple[WindowView, ...]
    concurrent: int | None
    """Requests in flight, of all workers; null: not limited."""
    places: int
    """Of these, how many workers have taken."""
    shares: dict[str, float]
    """Of each window, by purpose; what nobody asks for is lent."""
    learned: tuple[LearnedView, ...]
    found: tuple[Found, ...] = ()
    """How many requests at once each running worker has found the system to take well."""
    paused_until: float | None = None
    """Until when the system asked to be left alone; null: it did not."""
    waits: str
    """Why something waits for the budget now; empty: nothing has to."""


async def budgets(tx: AsyncConnection, rules: Mapping[str, BudgetRules], now: float) -> dict[str, BudgetView]:
    """By connection."""
    used: dict[tuple[str, int], dict[tuple[int, Purpose], int]] = {}
    row = budget_used.c
    query = select(row.connection, row.per_ms, row.slot, row.purpose, row.requests).where(row.connection.in_(rules))
    for name, length, slot, purpose, count in await tx.execute(query):
        used.setdefault((name, length), {})[(slot, Purpose(purpose))] = count
    place = budget_place.c
    held = select(place.connection, func.sum(place.places)).where(place.until > now).group_by(place.connection)
    taken = {name: int(count) for name, count in await tx.execute(held)}
    said = await heard(tx)
    limits = await found(tx, now)
    return {
        name: _view(
            each,
            {w: used.get((name, per_ms(w)), {}) for w in each.windows},
            taken.get(name, 0),
            said.get(name, []),
            limits.get(name, []),
            now,
        )
        for name, each in rules.items()
    }


def _view(
    rules: BudgetRules,
    used: Mapping[Window, Mapping[tuple[int, Purpose], int]],
    places: int,
    said: list[Heard],
    limits: list[Found],
    now: float,
) -> BudgetView:
    windows = tuple(_window(each, used[each], now) for each in rules.windows)
    learned = tuple(_learned(each) for each in said if each.until is None or each.until > now)
    return BudgetView(
        windows=windows,
        concurrent=rules.concurrent,
        places=places,
        shares={str(purpose): share for purpose, share in rules.shares.items()},
        learned=learned,
        found=tuple(limits),
        paused_until=next((each.until for each in learned if each.name == PAUSE), None),
        waits=_waits(windows, rules, places, learned),
    )


def _window(window: Window, used: Mapping[tuple[int, Purpose], int], now: float) -> WindowView:
    ahead = slot_of(window, now + lease_s(window))
    counts = {
        key: count
        for key, count in used.items()
        if count > 0 and counts_until(window, key[0]) > now and key[0] <= ahead
    }
    by = totals(counts)
    used_ = sum(by.values())
    return WindowView(
        window=window.words,
        requests=window.requests,
        per_s=window.per_s,
        used=used_,
        left=max(0, window.requests - used_),
        used_for={str(purpose): count for purpose, count in by.items()},
        frees_at=min((counts_until(window, slot) for slot, _ in counts), default=None),
    )


def _learned(found: Heard) -> LearnedView:
    return LearnedView(
        name=found.name, limit=found.limit, remaining=found.remaining, told_at=found.told_at, until=found.until
    )


def _waits(windows: tuple[WindowView, ...], rules: BudgetRules, places: int, learned: tuple[LearnedView, ...]) -> str:
    if any(each.name == PAUSE for each in learned):
        return "the system asked for a pause"
    full = next((each for each in windows if each.used >= each.requests), None)
    if full is not None:
        return f"{full.window} is used up"
    if any(each.remaining == 0 for each in learned):
        return "the system says that nothing is left of its own limit"
    if rules.concurrent is not None and places >= rules.concurrent:
        return f"all {rules.concurrent} requests at once are taken"
    return ""


def in_words(known: BudgetView, moment: Callable[[float | None], str]) -> list[tuple[str, str]]:
    """What people read of it. `moment` writes a time."""
    told = [(f"budget {each.window}", _used(each, moment)) for each in known.windows]
    if known.windows:
        parts = ", ".join(f"{name} {share:.0%}" for name, share in known.shares.items())
        told.append(("budget shares", f"{parts}; what nobody asks for is lent"))
    if known.concurrent is not None:
        told.append(("budget at once", f"{known.places} of {known.concurrent} taken"))
    told += [(f"at once in {each.worker}", _found(each, moment)) for each in known.found]
    for each in known.learned:
        until = f", until {moment(each.until)}" if each.until is not None else ""
        left = "asked for a pause" if each.name == PAUSE else f"{_number(each.remaining)} of {_number(each.limit)} left"
        told.append((f"learned from {each.name}", f"{left}{until}"))
    return [*told, ("waits", known.waits)] if known.waits else told


def _used(each: WindowView, moment: Callable[[float | None], str]) -> str:
    by = ", ".join(f"{name} {count}" for name, count in each.used_for.items())
    frees = f"; free again from {moment(each.frees_at)}" if each.used >= each.requests else ""
    return f"{each.used} of {each.requests} used{f' ({by})' if by else ''}, {each.left} left{frees}"


def _found(each: Found, moment: Callable[[float | None], str]) -> str:
    usual = f", answers usually in {each.usual_s:.2g} s" if each.usual_s else ""
    gave = f"; gave way to {each.gave_way_to} at {moment(each.gave_way_at)}" if each.gave_way_at is not None else ""
    return f"{each.at_once} of at most {each.most}, {each.in_flight} under way{usual}{gave}"


def _number(value: int | None) -> str:
    return "?" if value is None else str(value)
