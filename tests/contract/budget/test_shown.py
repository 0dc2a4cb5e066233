"""What workers found and learned of a system is seen by whoever asks another process, and goes with the worker."""

from __future__ import annotations

from connectors.contract.limits import Purpose, Told
from gateway.budget.budgets import Budgets
from gateway.budget.found import AGAIN_S, STALE_S, TELL_S
from gateway.console.rendering import environment
from gateway.storage.database import Database
from gateway.work.budgets import BudgetView, budgets, in_words
from tests.contract.budget.workers import World, rules


class Shown:
    """Two workers of one connection with a budget, and who looks at it."""

    def __init__(self, database: Database) -> None:
        self.rules = {"b": rules((10, 1.0), (600, 60.0))}
        self.world = World(database, self.rules["b"])
        self.workers = [
            Budgets(database, self.world.clock, name, self.rules, self.world.referee, {"b": 8})
            for name in ("one", "two")
        ]

    async def look(self) -> BudgetView:
        async with self.world.database.read() as tx:
            return (await budgets(tx, self.rules, self.world.clock.now()))["b"]

    async def passes(self, seconds: float) -> None:
        self.world.clock.advance(seconds)
        for each in self.workers:
            await each.once()


async def test_each_workers_limit_is_shown_with_why_it_gave_way(database: Database) -> None:
    shown = Shown(database)
    one, two = shown.workers
    await shown.passes(1)
    assert (await shown.look()).found == (), "no answer came yet: nothing was found"
    for each, status in ((one, 503), (two, 200)):
        budget = each.budgets["b"]
        assert await shown.world.send(budget) == 0.0
        shown.world.clock.advance(0.1)
        budget.answered(0.1, status, (), None)
    await shown.passes(1)
    found = (await shown.look()).found
    assert [(each.worker, each.at_once, each.most, each.gave_way_to) for each in found] == [
        ("one", 2, 8, "503"),
        ("two", 4, 8, ""),
    ]
    assert found[0].gave_way_at is not None and 0 < shown.world.clock.now() - found[0].gave_way_at < 2
    two.budgets["b"].answered(0.1, None, (), None)
    await shown.passes(TELL_S)
    assert [(each.at_once, each.gave_way_to) for each in (await shown.look()).found] == [(2, "503"), (2, "no answer")]
    shown.workers.remove(one)
    await one.stop()
    assert [each.worker for each in (await shown.look()).found] == ["two"]
    await shown.passes(AGAIN_S)
    shown.world.clock.advance(STALE_S - 1)
    assert len((await shown.look()).found) == 1, "idle, it still says so"
    shown.world.clock.advance(2)
    assert (await shown.look()).found == (), "dead, it does not"


async def test_people_read_what_is_taken_and_left_by_whom_and_until_when(database: Database) -> None:
    shown = Shown(database)
    budget = shown.workers[0].budgets["b"]
    for who in (Purpose.LIVE, Purpose.LIVE, Purpose.BACKFILL):
        assert await shown.world.send(budget, who) == 0.0
    budget.answered(0.1, 200, [Told(name="x-ratelimit", limit=100, remaining=20, resets_in_s=60.0)], 30.0)
    await shown.passes(1)
    known = await shown.look()
    second = known.windows[0]
    assert (second.used + second.left, second.requests) == (10, 10)
    assert second.used_for["backfill"] >= 1 and second.used_for["live"] >= 2
    assert known.paused_until is not None and 28 < known.paused_until - shown.world.clock.now() <= 30
    told = dict(in_words(known, lambda at: f"@{at:.0f}" if at else ""))
    assert told["budget 10/s"].endswith(f"{second.left} left")
    assert told["budget shares"] == "live 70%, replay 20%, backfill 10%; what nobody asks for is lent"
    assert told["at once in one"].startswith("4 of at most 8, 0 under way")
    assert told["learned from x-ratelimit"].startswith("20 of 100 left, until @")
    assert told["waits"] == "the system asked for a pause"
    page = environment().from_string('{% from "shapes.html" import shape, ago %}{% include "connection_budget.html" %}')
    text = page.render(budget=known, now=shown.world.clock.now())
    assert "the system asked for a pause, until <strong>" in text and "20 of 100 left" in text
    assert "that it takes well (at most 8)" in text and "backfill" in text
