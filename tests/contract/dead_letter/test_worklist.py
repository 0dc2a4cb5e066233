"""Lists, pages, counts and groups."""

from __future__ import annotations

import pytest

from dead_letter import store
from dead_letter.classify import Cause
from dead_letter.values import CaseClass, CaseFilter, CaseState, Ending, NewCase
from gateway.storage.database import Database
from tests.support.cases import NOW, wish


async def _fill(db: Database, *batches: NewCase) -> list[str]:
    """One batch per case, so that numbers and times grow in this order."""
    numbers = []
    for at, new in enumerate(batches):
        async with db.begin() as tx:
            numbers.append((await store.open_cases(tx, [new], now=NOW + at))[new.key])
    return numbers


async def _list(db: Database, filter: CaseFilter | None = None) -> list[str]:
    async with db.read() as tx:
        return [case.number for case in (await store.list_cases(tx, filter or CaseFilter())).cases]


async def test_open_cases_newest_first_and_closed_ones_only_when_asked_for(db: Database) -> None:
    first, second, third = await _fill(db, wish("r1"), wish("r2"), wish("r3"))
    async with db.begin() as tx:
        await store.close_cases(tx, [wish("r2").key], decision=Ending.APPLIED, reason="", now=NOW)
    assert await _list(db) == [third, first]
    assert await _list(db, CaseFilter(states=(CaseState.CLOSED,))) == [second]
    assert await _list(db, CaseFilter(states=(CaseState.OPEN, CaseState.CLOSED))) == [third, second, first]
    assert await _list(db, CaseFilter(states=(CaseState.PARKED,))) == []


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        (CaseFilter(classes=(CaseClass.CONFLICT, CaseClass.POISON)), [2]),
        (CaseFilter(cause="target.refused"), [1]),
        (CaseFilter(flow="deployments"), [3]),
        (CaseFilter(record="r2"), [2]),
        (CaseFilter(connection="snow"), [3]),
        (CaseFilter(fingerprint="odd one"), [3]),
        (CaseFilter(text="CHG00"), [3]),
        (CaseFilter(text="chg00"), [3]),
        (CaseFilter(text="100%"), [3]),
        (CaseFilter(text="of r"), [2, 1]),
        (CaseFilter(text="%"), [3]),
        (CaseFilter(text="conflict.man"), [2]),
        (CaseFilter(cause="target.refused", record="r2"), []),
    ],
)
async def test_every_filter_narrows(db: Database, filter: CaseFilter, found: list[int]) -> None:
    other = wish(
        "r3",
        cause=Cause.TARGET_MOVING,
        connection="snow",
        flow="deployments",
        object_key="CHG0030001",
        fingerprint="odd one",
        title="100% refused",
    )
    await _fill(db, wish("r1"), wish("r2", cause=Cause.CONFLICT_MANUAL), other)
    assert await _list(db, filter) == [f"FO-{number}" for number in found]


async def test_pages_join_without_gap_although_cases_arrive(db: Database) -> None:
    numbers = await _fill(db, *(wish(f"r{n}") for n in range(7)))
    async with db.begin() as tx:
        first = await store.list_cases(tx, CaseFilter(limit=3))
        await store.open_cases(tx, [wish("late")], now=NOW)
        second = await store.list_cases(tx, CaseFilter(limit=3), first.next)
        third = await store.list_cases(tx, CaseFilter(limit=3), second.next)
    pages = [[case.number for case in page.cases] for page in (first, second, third)]
    assert pages == [numbers[6:3:-1], numbers[3:0:-1], numbers[:1]]
    assert third.next is None


async def test_a_full_last_page_has_no_next(db: Database) -> None:
    await _fill(db, wish("r1"), wish("r2"))
    async with db.read() as tx:
        page = await store.list_cases(tx, CaseFilter(limit=2))
    assert (len(page.cases), page.next) == (2, None)


async def test_counts_by_cause_and_connection(db: Database) -> None:
    await _fill(db, wish("r1"), wish("r2"), wish("r3", cause=Cause.CONFLICT_MANUAL), wish("r4", connection="snow"))
    async with db.begin() as tx:
        await store.close_cases(tx, [wish("r4").key], decision=Ending.APPLIED, reason="", now=NOW)
        counts = await store.open_counts(tx)
    assert [(each.cls, each.cause, each.connection, each.count, each.oldest) for each in counts] == [
        (CaseClass.REFUSED, "target.refused", "jira", 2, NOW),
        (CaseClass.CONFLICT, "conflict.manual", "jira", 1, NOW + 2),
    ]


async def test_groups_are_cases_with_one_fingerprint(db: Database) -> None:
    alike = wish("r1", fingerprint="archived", title="the oldest")
    await _fill(db, wish("r0"), alike, wish("r2", fingerprint="archived"), wish("r3", fingerprint="archived"))
    async with db.read() as tx:
        large, small = await store.open_groups(tx)
        (only,) = await store.open_groups(tx, limit=1)
    assert (large.fingerprint, large.count, large.sample, large.title) == ("archived", 3, "FO-2", "the oldest")
    assert (large.oldest, large.last_seen) == (NOW + 1, NOW + 3)
    assert small.count == 1
    assert only == large


async def test_what_is_not_there(db: Database) -> None:
    async with db.read() as tx:
        assert await store.get_case(tx, "FO-1") is None
        assert await store.get_case(tx, "one") is None
        assert await store.history(tx, "FO-1") == []
        assert await store.history(tx, "one") == []
        assert (await store.list_cases(tx, CaseFilter())).cases == ()
        assert await store.open_groups(tx) == []
