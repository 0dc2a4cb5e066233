"""The stand-ins' administrators change a field and an option list: it is noticed, and the shipped mappings it breaks
are named before a record fails.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from connectors.contract.fields import FieldInfo, TellsFields
from dead_letter.tables import cases
from gateway.drift.store import latest
from gateway.storage.database import Database
from gateway.sweeps.book import Book
from gateway.sweeps.schema import SchemaSweep
from gateway.sweeps.sweeper import Sweeper
from gateway.work.drift import in_words, schemas
from mappings.loader import load_mapping
from tests.contract.connectors.bench import Bench, bench
from tests.support.tables import make_tables
from tests.support.world import FakeClock

HOUR_S = 3600.0


class Look:
    """One connection, swept when a test says so."""

    def __init__(self, at: Bench, database: Database, mapping: str) -> None:
        self.at, self.database, self.clock = at, database, FakeClock()
        member = SimpleNamespace(object=at.object, mapping=load_mapping(mapping), connection=at.system)
        flow = SimpleNamespace(members={at.system: member})
        topology: Any = SimpleNamespace(flows={"f": flow})
        self.config: Any = SimpleNamespace(members_of=lambda _: ((flow, member),))
        assert isinstance(at.connector, TellsFields)
        self.kind = SchemaSweep(at.system, [at.object], at.connector, topology, database, self.clock, 6 * HOUR_S)
        self.sweeper = Sweeper(at.system, [self.kind], Book(database, self.clock, "one"), sleep=self.asleep)

    async def asleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def sweep(self) -> list[str]:
        self.clock.advance(6 * HOUR_S + 1)
        done = await self.sweeper.once()
        if not done:  # entered for the first time, and due at once
            done = await self.sweeper.once()
        return done

    async def told(self) -> list[tuple[str, str]]:
        async with self.database.read() as tx:
            (view,) = await schemas(tx, self.config, self.at.system)
        return [each for each in in_words(view, lambda _: "then") if not each[0].startswith("fields of")]

    async def cases(self) -> list[Any]:
        async with self.database.read() as tx:
            return list(await tx.execute(select(cases).where(cases.c.closed_at.is_(None))))

    async def administrator(self, **fields: Any) -> None:
        await self.at.options(fields=fields)


@asynccontextmanager
async def looking(system: str, mapping: str, place: Path) -> AsyncIterator[Look]:
    database = Database(f"sqlite+aiosqlite:///{place}/store.db")
    await make_tables(database)
    async with bench(system, place) as at:
        yield Look(at, database, mapping)
    await database.close()


async def test_servicenow_describes_inherited_columns_and_their_choices(tmp_path: Path) -> None:
    async with looking("servicenow", "servicenow-incident", tmp_path) as look:
        connector: Any = look.at.connector
        found = {each.name: each for each in await connector.fields("incident")}
        assert found["short_description"] == FieldInfo(
            name="short_description", kind="string", label="Short description", required=True
        ), "of task, which incident extends"
        assert found["state"].options[:2] == ("1", "2") and found["state"].labels[:2] == ("New", "In Progress")
        assert found["assigned_to"].kind == "reference"


async def test_a_removed_column_that_a_mapping_uses_is_a_case_until_it_is_back(tmp_path: Path) -> None:
    async with looking("servicenow", "servicenow-incident", tmp_path) as look:
        assert await look.sweep() == ["schema"]
        assert (await look.told(), await look.cases()) == ([], [])
        await look.administrator(close_notes={"removed": True}, u_region={"kind": "string", "label": "Region"})
        await look.sweep()
        (case,) = await look.cases()
        assert (case.cls, case.cause, case.connection) == ("schema", "schema.breaks", "servicenow")
        assert "close_notes (Close notes) is gone" in case.title and "servicenow-incident@1" in case.title
        told = await look.told()
        assert ("changed", "then: field added: u_region, Region") in told, "of no concern to any mapping"
        assert [name for name, _ in told if name == "breaks"]
        await look.sweep()
        assert len(await look.cases()) == 1
        await look.administrator()
        await look.sweep()
        assert await look.cases() == []
        assert not [name for name, _ in await look.told() if name == "breaks"]


async def test_a_new_choice_that_the_table_does_not_know_is_told_and_opens_no_case(tmp_path: Path) -> None:
    states = {"1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled"}
    async with looking("servicenow", "servicenow-incident", tmp_path) as look:
        await look.sweep()
        await look.administrator(state={"options": {**states, "9": "Pending Vendor"}})
        await look.sweep()
        told = dict(await look.told())
        assert told["may break"].startswith(
            "servicenow-incident@1: state can be '9' (Pending Vendor) now, which status does not know"
        )
        assert (told["changed"], await look.cases()) == ("then: option added: state, 9 (Pending Vendor)", [])


async def test_a_choice_that_is_written_and_is_gone_breaks(tmp_path: Path) -> None:
    async with looking("servicenow", "servicenow-incident", tmp_path) as look:
        await look.sweep()
        await look.administrator(state={"options": {"1": "New", "2": "In Progress", "6": "Resolved", "7": "Closed"}})
        await look.sweep()
        (case,) = await look.cases()
        assert "state does not take '3' (On Hold) any more, which is written for status" in case.title


async def test_a_column_that_came_under_another_name_is_named(tmp_path: Path) -> None:
    async with looking("servicenow", "servicenow-incident", tmp_path) as look:
        await look.sweep()
        await look.administrator(u_labels={"removed": True}, u_tags={"kind": "string", "label": "Labels"})
        await look.sweep()
        told = await look.told()
        assert ("changed", "then: field renamed: u_labels, u_labels -> u_tags") in told
        assert any(name == "breaks" and "u_tags came in its place" in text for name, text in told)


async def test_an_account_that_may_not_read_the_dictionary_any_more_tells_nothing(tmp_path: Path) -> None:
    """Taken at its word, it would break every mapping."""
    async with looking("servicenow", "servicenow-incident", tmp_path) as look:
        await look.sweep()
        connector: Any = look.at.connector
        names = [each.name for each in await connector.fields("incident")]
        await look.administrator(**{name: {"removed": True} for name in names[5:]})
        await look.sweep()
        assert (await look.told(), await look.cases()) == ([], [])


async def test_jiras_fields_and_priorities_are_watched_the_same_way(tmp_path: Path) -> None:
    async with looking("jira", "jira-issue", tmp_path) as look:
        await look.sweep()
        priorities = {"1": "Highest", "2": "High", "3": "Medium", "5": "Lowest", "6": "Blocker"}
        await look.administrator(priority={"options": priorities}, labels={"kind": "string"})
        await look.sweep()
        told = await look.told()
        assert ("changed", "then: option removed: priority, Low (4)") in told
        (case,) = await look.cases()
        assert "priority does not take 'Low' (4) any more" in case.title and "jira-issue@1" in case.title
        texts = [text for name, text in told if name == "may break"]
        assert any("priority can be 'Blocker' (6) now, which priority does not know" in text for text in texts)
        assert any("labels was of kind array of string and is of kind string" in text for text in texts)
        async with look.database.read() as tx:
            assert [each.version for each in await latest(tx)] == [2]
