"""What goes when its retention is over, found without walking through what stays."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, func, select, text, update

from dead_letter import grouping, store
from dead_letter.tables import case_groups, case_regroupings
from dead_letter.values import Case
from gateway.sync import retention
from gateway.sync import tables as t
from gateway.sync.retention import sweep
from tests.scenarios.world_of_two import Two, two
from tests.support.cases import wish

DAY = 86_400.0


async def forget(w: Two, **ages: Any) -> Any:
    given = {"journal_s": 30 * DAY, "receipts_s": 30 * DAY, "cases_s": 365 * DAY, "audit_s": 400 * DAY}
    return await sweep(w.g.database, now=w.g.clock.now(), **{**given, **ages})


async def count(w: Two, table: Any) -> int:
    async with w.g.database.read() as tx:
        return int((await tx.execute(select(func.count()).select_from(table))).scalar_one())


async def opened(w: Two, *records: str) -> list[Case]:
    found = []
    async with w.g.database.begin() as tx:
        numbers = await store.open_cases(tx, [wish(record) for record in records], now=w.g.clock.now())
        for number in sorted(numbers.values()):
            case = await store.get_case(tx, number)
            assert case is not None
            found.append(case)
    return found


async def closed(w: Two, *chosen: Case) -> None:
    async with w.g.database.begin() as tx:
        for case in chosen:
            await grouping.note_closed(tx, case.group, int(case.number[3:]))
        keys = [case.key for case in chosen]
        await store.obsolete(tx, keys, reason="gone", now=w.g.clock.now())


async def test_a_group_goes_with_its_last_case(store_url: str) -> None:
    async with two(store_url, linked=False) as w:
        one, other = await opened(w, "r1", "r2")
        how: dict[str, Any] = {"actor": "ann", "reason": "a bug", "now": w.g.clock.now()}
        async with w.g.database.begin() as tx:
            await grouping.split(tx, [one], title="of its own", part="key", **how)
            split = await store.get_case(tx, one.number)
        assert split is not None and split.group != other.group
        await closed(w, split, other)
        w.g.clock.advance(300 * DAY)
        (later,) = await opened(w, "r3")
        assert later.group == other.group
        await forget(w)
        assert (await count(w, case_groups), await count(w, case_regroupings)) == (2, 1)
        w.g.clock.advance(100 * DAY)
        await forget(w)
        async with w.g.database.read() as tx:
            left = [row.group_key for row in await tx.execute(select(case_groups))]
        assert left == [later.group], "the split was of a case that nobody knows any more"
        assert await count(w, case_regroupings) == 0
        assert [c.number for c in await w.g.cases()] == [later.number]


async def test_what_was_merged_leaves_no_name_behind(store_url: str) -> None:
    async with two(store_url, linked=False) as w:
        one, other = await opened(w, "r1", "r2")
        how: dict[str, Any] = {"actor": "ann", "reason": "a bug", "now": w.g.clock.now()}
        async with w.g.database.begin() as tx:
            key = await grouping.split(tx, [one], title="of its own", part="key", **how)
            await grouping.merge(tx, [key], other.group, title="", **how)
        assert await count(w, case_groups) == 0
        await closed(w, one, other)
        w.g.clock.advance(366 * DAY)
        await forget(w)
        assert (await count(w, case_groups), await count(w, case_regroupings)) == (0, 0)


async def left_long_ago(w: Two) -> str:
    """A record whose object was closed as that of somebody who has left."""
    (record,) = await w.g.records()
    async with w.g.database.begin() as tx:
        await tx.execute(update(t.record).values(tombstoned=True, left_at=t.record.c.updated_at))
    w.g.decider.cache.forget([record.id])
    return record.id


async def test_lineage_goes_with_the_audit_of_records_that_left(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    async with two(store_url) as w:
        w.edit_a(x="1")
        await w.g.settle()
        kept = await count(w, t.field_version)
        assert kept > 4
        w.g.clock.advance(401 * DAY)
        assert (await forget(w)).lineage == 0 and await count(w, t.field_version) == kept, "it is still in step"
        await left_long_ago(w)
        assert (await forget(w, audit_s=402 * DAY)).lineage == 0, "not old enough"
        assert (await forget(w)).lineage == kept and await count(w, t.field_version) == 0
        assert (await forget(w)).lineage == 0
        assert len(await w.g.records()) == 1, "that it left is known for good"


async def test_lineage_of_what_somebody_still_looks_at_stays(store_url: str) -> None:
    async with two(store_url) as w:
        record = await left_long_ago(w)
        await opened(w, record)
        w.g.clock.advance(401 * DAY)
        assert (await forget(w)).lineage == 0


async def test_lineage_is_found_without_walking(store_url: str) -> None:
    """Neither through the versions of what is in step, nor through what was forgotten before."""
    async with two(store_url) as w:
        await left_long_ago(w)
        w.g.clock.advance(401 * DAY)
        await forget(w)
        heard: list[tuple[str, Any]] = []

        def hear(_c: Any, _cursor: Any, sql: str, given: Any, _context: Any, _many: bool) -> None:
            heard.append((sql, given))

        async with w.g.database.begin() as tx:
            engine = tx.engine.sync_engine  # the one that writes
        event.listen(engine, "before_cursor_execute", hear)
        await forget(w)
        event.remove(engine, "before_cursor_execute", hear)
        assert not [sql for sql, _ in heard if "field_version" in sql], "what was forgotten is looked for again"
        (sql, given) = next(each for each in heard if "record.left_at" in each[0])
        sqlite = w.g.database.sqlite
        async with w.g.database.begin() as tx:
            if not sqlite:
                await tx.execute(text("SET LOCAL enable_seqscan = off"))
            explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
            plan = "\n".join(str(tuple(row)) for row in await tx.exec_driver_sql(explain + sql, given))
        assert "record_left" in plan, plan
