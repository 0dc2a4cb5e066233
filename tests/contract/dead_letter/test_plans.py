"""Lists, groups and upkeep stay fast with a hundred thousand cases: found through an index, in its order, never sorted.

`LOCKSTEP_MANY_CASES=100000` measures it, too; the figures are in docs/adr/0073.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter import store, upkeep
from dead_letter.rows import observe, opened_row
from dead_letter.store import _PLAIN
from dead_letter.tables import cases
from dead_letter.values import CaseFilter, Sort
from gateway.storage.database import Database
from gateway.sync import retried
from gateway.sync.batch import Topology
from tests.support.cases import NOW, wish
from tests.support.tables import make_tables

Ask = Callable[[AsyncConnection], Awaitable[Any]]


def page(cursor: str = "", **narrow: Any) -> Ask:
    return lambda tx: store.list_cases(tx, CaseFilter(**narrow), cursor or None)


ASKED: dict[str, tuple[Ask, str, bool]] = {
    "newest": (page("FO-70"), "", True),
    "by priority": (page("20:FO-70", sort=Sort.PRIORITY), "cases_by_priority", True),
    "by due time": (page(f"{NOW}:FO-70", sort=Sort.DUE), "cases_by_due", True),
    "somebody's": (page("FO-970", owner="p3"), "cases_by_owner", True),
    "nobody's by priority": (page("20:FO-970", owner="", sort=Sort.PRIORITY), "cases_by_owner_priority", True),
    "that a person had looked at again": (
        lambda tx: retried.end_retried(tx, Topology({}, {}), now=NOW),
        "cases_asked_again",
        True,
    ),
    "of a group": (page("FO-70", group="g"), "cases_", True),
    "groups": (lambda tx: store.open_groups(tx, limit=5), "cases_open_group", False),
    "to rank": (lambda tx: upkeep.to_rank(tx, NOW), "cases_to_rank", True),
    "to tell": (lambda tx: upkeep.tell_due(tx, NOW), "cases_untold", True),
    "parked": (lambda tx: upkeep.unpark_over(tx, {}, NOW), "cases_parked", True),
}


FILLED = frozenset({"somebody's", "nobody's by priority"})
"""Of an empty table, PostgreSQL holds two indexes for equally good here."""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """With tables of its own: what PostgreSQL thinks of a table comes from all that ever was in it."""
    url = f"sqlite+aiosqlite:///{tmp_path}/cases.db"
    database = Database(request.getfixturevalue("postgres_url") if request.param == "postgres" else url)
    await make_tables(database)
    yield database
    await database.close()


@contextmanager
def statements(db: Database) -> Iterator[list[tuple[str, Any]]]:
    """What is asked of the database meanwhile."""
    found: list[tuple[str, Any]] = []

    def heard(_c: Any, _cursor: Any, sql: str, given: Any, _context: Any, _many: bool) -> None:
        found.append((sql, given))

    engine = db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", heard)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", heard)


@pytest.mark.parametrize("asked", ASKED)
async def test_an_index_gives_it_in_its_order(db: Database, asked: str) -> None:
    ask, index, ordered = ASKED[asked]
    if asked in FILLED:
        await _fill(db, 1000)
    with statements(db) as heard:
        async with db.read() as tx:
            await ask(tx)
    sql, given = next(each for each in heard if each[0].startswith(("SELECT", "WITH")) and "cases" in each[0])
    async with db.begin() as tx:
        if not db.sqlite:
            await tx.execute(text("SET LOCAL enable_seqscan = off"))
            await tx.execute(text("SET LOCAL enable_bitmapscan = off"))
        explain = "EXPLAIN QUERY PLAN " if db.sqlite else "EXPLAIN "
        plan = "\n".join(str(tuple(row)) for row in await tx.exec_driver_sql(explain + sql, given))
    assert index in plan, plan
    if ordered:
        assert "Sort" not in plan and "TEMP B-TREE FOR ORDER BY" not in plan, f"{asked} sorts all of it: {plan}"


MANY = int(os.environ.get("LOCKSTEP_MANY_CASES", "300"))
"""100,000 of them are measured by hand."""


async def test_many(db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    await _fill(db, MANY)
    took: dict[str, float] = {}
    for sort in Sort:
        async with db.read() as tx:
            first = await store.list_cases(tx, CaseFilter(sort=sort))
            middle = (await tx.execute(select(cases).where(cases.c.number == MANY // 2))).mappings().one()
        at = {Sort.PRIORITY: f"{middle['priority']}:", Sort.DUE: f"{middle['due_at']!r}:"}.get(sort, "")
        for name, cursor in (("first", None), ("middle", f"{at}FO-{MANY // 2}")):
            took[f"{sort} {name}"] = await _measured(db, page(cursor or "", sort=sort))
        assert first.next
    took["rare cause by priority"] = await _measured(db, page(sort=Sort.PRIORITY, cause="outcome.unknown"))
    took["nobody's by priority"] = await _measured(db, page(sort=Sort.PRIORITY, owner=""))
    took["text that nothing has"] = await _measured(db, page(text="no such text"))
    took["groups"] = await _measured(db, lambda tx: store.open_groups(tx, limit=5))
    took["by connection"] = await _measured(db, lambda tx: store.group_cases(tx, CaseFilter(), by="connection"))
    with capsys.disabled():
        sys.stdout.write(
            f"\n{MANY} cases, sqlite {db.sqlite}, ms: { ({k: round(s * 1000, 1) for k, s in took.items()}) }\n"
        )


async def _measured(db: Database, ask: Ask) -> float:
    best = 9e9
    for _ in range(5):
        begin = time.perf_counter()
        async with db.read() as tx:
            await ask(tx)
        best = min(best, time.perf_counter() - begin)
    return best


async def _fill(db: Database, many: int) -> None:
    evidence = {"answer": {"status": 400, "body": "x" * 1500}}
    (seen,) = observe([wish(evidence=evidence)], _PLAIN).values()
    plain = opened_row(seen, None, "g", NOW, back=False)
    for start in range(0, many, 500):
        rows = [
            {**plain, "key": f"k{n}", "priority": n * 7919 % 100, "due_at": NOW + n * 104729 % 99991}
            | {"owner": f"p{n % 11}" if n % 3 else "", "ranked_at": NOW if n % 50 else 0.0, "told": 0 if n % 60 else 2}
            | {"group_key": f"g{n % 40}", "connection": f"c{n % 5}", "title": f"jira refuses to write OPS-{n}"}
            | ({"cause": "outcome.unknown"} if n % 5000 == 0 else {})
            for n in range(start, min(start + 500, many))
        ]
        async with db.begin() as tx:
            await tx.execute(insert(cases), rows)
    async with db.begin() as tx:
        await tx.exec_driver_sql("ANALYZE")
