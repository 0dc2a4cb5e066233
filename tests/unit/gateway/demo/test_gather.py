"""Ledger and cases as the judge gets them, read from the real tables."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import insert

from dead_letter.tables import cases as case_table
from gateway.demo.comments import FIELD as COMMENTS
from gateway.demo.evidence import CaseRow, LedgerRow
from gateway.demo.gather import is_used, ledger_and_cases
from gateway.storage.database import Database, dumps
from gateway.sync.tables import conflict_ledger, link, metadata, record

LINKS = [("r1", "snow", "I1"), ("r1", "jira", "J1"), ("r2", "snow", "I2")]
BOTH = frozenset({("snow", "I1"), ("jira", "J1")})


@pytest.fixture
async def database(tmp_path: Any) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", pool_size=1)
    async with database.engine.begin() as tx:
        await tx.run_sync(metadata.create_all)
        await tx.run_sync(case_table.metadata.create_all)
    async with database.begin() as tx:
        rows = [
            {
                "record": owner,
                "connection": connection,
                "object": "o",
                "object_id": number,
                "object_key": "",
                "state": "primary",
            }
            for owner, connection, number in LINKS
        ]
        await tx.execute(insert(link), rows)
    yield database
    await database.close()


async def read(database: Database) -> tuple[tuple[LedgerRow, ...], tuple[CaseRow, ...]]:
    async with database.read() as tx:
        return await ledger_and_cases(tx)


async def add_case(database: Database, *, number: int = 1, closed_at: float | None = None, **values: Any) -> None:
    row: dict[str, Any] = {
        column.name: "" for column in case_table.c if not column.nullable and column.server_default is None
    }
    row |= {"key": f"k{number}", "cls": "refused", "cause": "target.refused", "evidence": "{}", "record": "r1"}
    row |= {"version": 1, "count": 1, "first_seen": 1.0, "last_seen": 1.0, "state": "closed" if closed_at else "open"}
    async with database.begin() as tx:
        await tx.execute(insert(case_table), [row | values | {"number": number, "closed_at": closed_at}])


async def add_ledger(database: Database, object_id: str) -> None:
    row: dict[str, Any] = {
        "id": "cl1",
        "record": "r1",
        "flow": "f",
        "connection": "snow",
        "object_id": object_id,
        "field": "summary",
    }
    row |= {"value": dumps("left"), "version": None, "reason": "latest", "source": "n1", "at": 12.5}
    async with database.begin() as tx:
        await tx.execute(insert(conflict_ledger), [row])


async def test_a_ledger_row_names_its_object(database: Database) -> None:
    await add_ledger(database, "I1")
    ledger, _ = await read(database)
    assert ledger == (LedgerRow(frozenset({("snow", "I1")}), "summary", "left", 12.5),)


async def test_a_ledger_row_without_an_object_stands_for_the_record(database: Database) -> None:
    await add_ledger(database, "")
    ledger, _ = await read(database)
    assert ledger[0].things == BOTH


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({}, None),
        ({"cls": "mapping", "field": "priority"}, frozenset({"priority"})),
        ({"cls": "refused", "cause": "item.refused"}, frozenset({COMMENTS})),
        ({"cls": "overwrite", "evidence": dumps({"fields": ["summary"]})}, frozenset({"summary"})),
        ({"cls": "duplicate", "object_id": "J1", "connection": "jira"}, frozenset()),
        ({"cls": "unknown_outcome"}, None),
    ],
)
async def test_what_an_open_case_holds(database: Database, values: dict[str, Any], fields: Any) -> None:
    await add_case(database, **values)
    _, cases = await read(database)
    assert cases == (CaseRow("FO-1", BOTH, fields),)


async def test_a_closed_case_holds_nothing(database: Database) -> None:
    await add_case(database, closed_at=5.0)
    _, cases = await read(database)
    assert cases == ()


async def test_a_case_of_an_object_nobody_linked(database: Database) -> None:
    await add_case(database, record="", connection="jira", object_id="J9")
    _, cases = await read(database)
    assert cases[0].things == frozenset({("jira", "J9")})


async def test_whether_a_database_is_used(database: Database, tmp_path: Any) -> None:
    empty = Database(f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}", pool_size=1)
    assert not await is_used(empty)
    await empty.close()
    assert not await is_used(database)
    async with database.begin() as tx:
        row: dict[str, Any] = {
            "id": "r1",
            "flow": "f",
            "natural": None,
            "rev": 1,
            "tombstoned": False,
            "created_at": 1.0,
        }
        await tx.execute(insert(record), [row | {"updated_at": 1.0, "doc": "{}"}])
    assert await is_used(database)
