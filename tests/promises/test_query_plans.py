"""What is asked all the time is found through its index, however many lanes, notices and comments there are."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Select, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from dead_letter.tables import IS_CLOSED, cases
from gateway.audit.tables import audit
from gateway.delivery.due import astray, due, unknown
from gateway.delivery.waker import in_doubt, spoken_to
from gateway.storage.database import Database
from gateway.storage.migrate import migrate
from gateway.sync import retention
from gateway.sync import tables as t

HINTS = (t.notice.c.connection == "b", t.notice.c.object_id == "1", t.WAITING, t.notice.c.state == "hint")
ASKED: dict[str, tuple[Any, str]] = {
    "what is due": (due("b", 1.0, 9), "lane_work"),
    "clock set back": (astray("b", 1.0, 9), "lane_work"),
    "outcomes to look at": (unknown("b", 1.0, 9), "lane_stuck"),
    "length of the queue": (select(func.count(), func.sum(t.lane.c.writes_left)).where(t.WORK), "lane_work"),
    "notices that wait": (select(func.count()).select_from(t.notice).where(t.WAITING), "notice_waiting"),
    "hints that a read answers": (update(t.notice).where(*HINTS).values(state="done"), "notice_waiting"),
    "closed cases that are old": (
        select(cases.c.number).where(IS_CLOSED, cases.c.closed_at < 1.0).order_by(cases.c.closed_at).limit(9),
        "cases_by_end",
    ),
    "notices that are old": (
        select(t.notice.c.id).where(retention._old_notices(1.0)).order_by(t.notice.c.received_at).limit(9),
        "notice_by_age",
    ),
    "attempts that are old": (
        select(t.attempt.c.id).where(retention._old_attempts(1.0)).order_by(t.attempt.c.id).limit(9),
        "attempt_pkey|autoindex_attempt_1 (id<",
    ),
    "audit rows that are old": (
        select(audit.c.seq, audit.c.link, audit.c.at).order_by(audit.c.seq).limit(9),
        "audit_by_seq",
    ),
    "who was told something": (spoken_to(["tasks"]), "remark_by_flow|remark_to"),
    "references to look up": (in_doubt(["commits"], 1.0), "reference_due"),
    "who mentions a name": (
        select(t.reference.c.record).where(t.reference.c.connection == "b", t.reference.c.name.in_(["OPS-1"])),
        "reference_by_name",
    ),
    "records by natural key": (select(t.record.c.id).where(t.record.c.natural.in_(["k"])), "record_by_natural"),
}


@pytest.mark.parametrize("asked", ASKED)
async def test_an_index_will_do(asked: str, bare_url: str) -> None:
    """PostgreSQL takes a small table as a whole if it may; asked not to, it shows whether the index fits at all."""
    statement, index = ASKED[asked]
    database = Database(bare_url)
    await migrate(database)
    dialect = sqlite.dialect() if database.sqlite else postgresql.dialect()  # type: ignore[no-untyped-call]
    sql = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    async with database.begin() as tx:
        if not database.sqlite:
            await tx.execute(text("SET LOCAL enable_seqscan = off"))
            await tx.execute(text("SET LOCAL enable_bitmapscan = off"))
        explain = "EXPLAIN QUERY PLAN " if database.sqlite else "EXPLAIN "
        plan = "\n".join(str(tuple(row)) for row in await tx.exec_driver_sql(explain + sql))
    await database.close()
    assert any(name in plan for name in index.split("|")), plan
    if isinstance(statement, Select) and asked == "what is due":
        assert "SORT" not in plan.upper() and "TEMP B-TREE" not in plan, f"the order is not the index's: {plan}"
