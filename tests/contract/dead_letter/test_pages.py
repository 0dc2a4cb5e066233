"""Lists in every order: each case once, whatever page it is on; the same filters as the console's."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import update

from dead_letter import store
from dead_letter.errors import BadCursor
from dead_letter.tables import cases
from dead_letter.values import CaseFilter, CaseSummary, Sort
from gateway.storage.database import Database
from tests.contract.dead_letter.asking import opened, worked
from tests.support.cases import NOW, wish


async def _all(db: Database, filter: CaseFilter) -> list[CaseSummary]:
    found: list[CaseSummary] = []
    cursor: str | None = None
    while True:
        async with db.read() as tx:
            page = await store.list_cases(tx, filter, cursor)
        assert len(page.cases) <= filter.limit
        found += page.cases
        cursor = page.next
        if cursor is None:
            return found


async def _many(db: Database, seed: int = 4) -> None:
    """Many of equal priority and due time: what pages stumble over."""
    chance = random.Random(seed)
    await opened(db, *(wish(f"r{n}") for n in range(40)))
    async with db.begin() as tx:
        for number in range(1, 41):
            values = {"priority": chance.choice([10, 20, 30]), "due_at": NOW + chance.choice([0.1, 0.2, 1 / 3])}
            await tx.execute(update(cases).where(cases.c.number == number).values(**values))


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (Sort.NEWEST, lambda case: -int(case.number[3:])),
        (Sort.PRIORITY, lambda case: (-case.priority, -int(case.number[3:]))),
        (Sort.DUE, lambda case: (case.due_at, int(case.number[3:]))),
    ],
)
@pytest.mark.parametrize("limit", [1, 7, 40, 200])
async def test_every_case_once_in_order(db: Database, sort: Sort, order: Any, limit: int) -> None:
    await _many(db)
    found = await _all(db, CaseFilter(sort=sort, limit=limit))
    assert len(found) == 40 and found == sorted(found, key=order)


@pytest.mark.parametrize(
    ("sort", "cursor"), [("priority", "FO-3"), ("due", "x:FO-3"), ("newest", "30:FO-3"), ("newest", "soon")]
)
async def test_a_cursor_of_another_order_is_refused(db: Database, sort: str, cursor: str) -> None:
    async with db.read() as tx:
        with pytest.raises(BadCursor):
            await store.list_cases(tx, CaseFilter(sort=Sort(sort)), cursor)


async def test_filters(db: Database) -> None:
    one, two, three = await opened(db, wish("r1"), wish("r2", field="status", connection="snow", flow="changes")) + (
        await opened(db, wish("r3"), now=NOW + 100)
    )
    await worked(db, one, "claim")

    async def found(**narrow: Any) -> list[str]:
        return [case.number for case in await _all(db, CaseFilter(**narrow))]

    assert await found(owner="ann") == [one]
    assert await found(owner="") == [three, two]
    assert await found(field="status") == [two]
    assert await found(opened_since=NOW + 100) == [three]
    assert await found(opened_before=NOW + 100) == [two, one]
    assert await found(due_before=NOW) == []
    assert await found(due_before=NOW + 10**6) == [three, two, one]
    assert await found(level="normal", group=wish().fingerprint) == [three, two, one]
    assert await found(level="low") == []
    assert await found(connections=frozenset({"jira"})) == [three, one]
    assert await found(flows=frozenset({"changes"})) == [two]
    assert await found(connections=frozenset()) == []


async def test_what_is_of_no_connection_is_in_every_scope(db: Database) -> None:
    (number,) = await opened(db, wish(connection="", flow=""))
    found = await _all(db, CaseFilter(connections=frozenset({"snow"}), flows=frozenset()))
    assert [case.number for case in found] == [number]
