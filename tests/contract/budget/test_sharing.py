"""Two workers on one database keep within one budget, whatever their clocks say, and after one of them has died."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from connectors.contract.clock import SystemClock
from connectors.contract.errors import BudgetSpent
from connectors.contract.limits import Purpose
from gateway.budget.sharing import lease_s, slot_s
from gateway.budget.store import PLACES_S, Ask, referee_of, take
from gateway.budget.tables import budget_place, budget_used
from gateway.config.budget import Window
from gateway.storage.database import Database
from tests.contract.budget.workers import STEP_S, World, rules
from tests.support.tables import make_tables

HOUR_S = 3600.0


async def test_together_they_never_send_more_than_a_window_allows_and_most_of_it(database: Database) -> None:
    """Whoever counted a slice when it was taken and not until it may have been used would let more through here."""
    world = World(database, rules((10, 1.0), (60, 10.0)))
    one, two = world.worker("one"), world.worker("two", wall_s=-HOUR_S, start_s=77.0)
    await world.run(25.0, world.greedy(one), world.greedy(two))
    vendor = world.vendor
    assert vendor.most(1.0) <= 10
    assert vendor.most(10.0) <= 60
    window = Window(10.0, 60)
    assert len(vendor.arrived) >= 25.0 * 6 * window.per_s / (window.per_s + lease_s(window) + slot_s(window)) - 60 * 0.2
    assert min(vendor.by["one:live"], vendor.by["two:live"]) > len(vendor.arrived) / 4, "none of them starves"
    assert world.transactions < len(vendor.arrived), "no write for each request"


async def test_a_worker_that_dies_leaves_a_window_that_is_never_overrun(database: Database) -> None:
    """What its last slice held may have been sent: it counts until a window after the lease, then it is free."""
    world = World(database, rules((20, 1.0)))
    one, two = world.worker("one"), world.worker("two", wall_s=HOUR_S)
    await world.run(2.0, world.greedy(one), world.greedy(two))
    at = world.clock.now()
    await world.run(10.0, world.greedy(two))  # one is never heard of again
    assert world.vendor.most(1.0) <= 20
    later = [each for each in world.vendor.arrived if each >= at + 2.0]
    assert len(later) >= 8.0 * 20 * 0.6, "the other one has all of it"


async def test_a_window_of_a_day_is_shared_without_a_write_for_each_request(database: Database) -> None:
    world = World(database, rules((100_000, 86_400.0)))
    one, two = world.worker("one"), world.worker("two")
    await world.run(1.0, world.greedy(one, most=4), world.greedy(two, most=4))
    assert len(world.vendor.arrived) == 1.0 / STEP_S * 8
    assert world.transactions < len(world.vendor.arrived) / 10


async def test_what_was_not_sent_goes_back_and_another_may_send_it(database: Database) -> None:
    window = Window(60.0, 40)
    world = World(database, rules((window.requests, window.per_s)))
    one, two = world.worker("one"), world.worker("two")
    assert await world.send(one) == 0.0
    world.clock.advance(lease_s(window))
    await one.tidy()
    async with database.read() as tx:
        assert (await tx.execute(select(budget_used.c.requests))).scalars().all() == [1]
    await world.run(20.0, world.greedy(two))
    assert len(world.vendor.arrived) == window.requests


async def test_places_are_shared_and_a_dead_worker_gives_them_back_by_the_end_of_its_lease(database: Database) -> None:
    world = World(database, rules(concurrent=3))
    one, two = world.worker("one"), world.worker("two", wall_s=HOUR_S)
    for _ in range(3):
        await one.enter(0.0)
    with pytest.raises(BudgetSpent, match="3 requests to b are under way"):
        await two.enter(0.0)
    one.leave()
    world.clock.advance(PLACES_S / 2 + 1)
    await one.tidy()  # it renews what it has under way, and no more
    await two.enter(0.0)
    with pytest.raises(BudgetSpent):
        await two.enter(0.0)
    async with database.read() as tx:
        assert sum((await tx.execute(select(budget_place.c.places))).scalars()) == 3
    world.clock.advance(PLACES_S)  # one died
    await two.enter(0.0)
    await two.enter(0.0)
    assert two.in_flight == 3


async def test_a_worker_that_lost_the_database_sends_nothing_more_when_its_lease_is_over(database: Database) -> None:
    world = World(database, rules((1000, 1.0), concurrent=5))
    one = world.worker("one")
    await one.enter(0.0)
    one.leave()
    await database.close()
    world.clock.advance(lease_s(Window(1.0, 1000)))

    async def away(_: object) -> float:
        raise AssertionError("it is not asked")

    assert one.wait_s() == 0.0, "it does not know yet"
    world.clock.advance(PLACES_S)
    assert not one._passes(Purpose.LIVE)


async def test_shares_no_class_starves_and_what_nobody_asks_for_is_lent(database: Database) -> None:
    world = World(database, rules((100, 1.0)))
    one, two = world.worker("one"), world.worker("two")
    await world.run(3.0, world.greedy(one, Purpose.REPLAY))
    alone = world.vendor.by["one:replay"]
    assert alone > 3 * 100 * 0.5, "live leaves most of its share while it has nothing to send"
    world.vendor.by.clear()
    senders = [world.greedy(one, Purpose.REPLAY), world.greedy(two), world.greedy(two, Purpose.BACKFILL)]
    await world.run(2.0, *senders)
    world.vendor.by.clear()
    await world.run(10.0, *senders)
    sent = sum(world.vendor.by.values())
    assert world.vendor.by["two:live"] / sent > 0.6
    assert world.vendor.by["one:replay"] / sent == pytest.approx(0.2, abs=0.07)
    assert world.vendor.by["two:backfill"] / sent == pytest.approx(0.1, abs=0.05)
    assert world.vendor.most(1.0) <= 100


async def test_a_leaver_takes_what_others_have_left_to_the_last_request(database: Database) -> None:
    world = World(database, rules((100, 60.0)))
    one = world.worker("one")
    await world.run(1.0, world.greedy(one))
    assert await world.send(one) > 0.0, "live has left the others what they may begin with"
    assert await world.send(one, Purpose.LEAVER) == 0.0


@pytest.mark.postgres
async def test_the_database_tells_the_time_and_not_the_worker(furnished_url: str) -> None:
    """A machine an hour ahead would think every slot of the others long over."""
    database = Database(furnished_url)
    await make_tables(database)
    ahead = SystemClock()
    real = ahead.now()
    wrong = type("Wrong", (), {"now": lambda _: real + HOUR_S, "monotonic": ahead.monotonic})()
    ask = Ask("b", "one", rules((5, 60.0)), ahead.monotonic, wants={Purpose.LIVE: {Window(60.0, 5): 1}})
    async with database.begin() as tx:
        taken = await take(tx, ask, referee_of(wrong))
    (got,) = taken.slices.values()
    await database.close()
    assert got.slot * slot_s(Window(60.0, 5)) < real + HOUR_S / 2
