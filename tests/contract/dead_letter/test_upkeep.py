"""What time does to cases, and never twice."""

from __future__ import annotations

from sqlalchemy import insert, select, update

from dead_letter import store, upkeep
from dead_letter.business import Deadlines
from dead_letter.classify import Cause
from dead_letter.parking import WORKS
from dead_letter.priority import Known, rank
from dead_letter.values import CaseState
from gateway.access.rights import Role
from gateway.audit.tables import audit
from gateway.storage.database import Database
from gateway.sync import tables as t
from gateway.work import cases
from gateway.work.case_upkeep import keep_up
from gateway.work.workplace import Workplace
from tests.contract.dead_letter.asking import look, opened, taken, worked
from tests.contract.dead_letter.place import person
from tests.support.cases import NOW, wish

MARKS = {"deploy": "v1", "connection:jira": "open"}


async def _unpark(db: Database, marks: dict[str, str], now: float) -> list[str]:
    async with db.begin() as tx:
        return await upkeep.unpark_over(tx, marks, now)


async def test_a_parked_case_comes_back_when_its_time_comes(db: Database) -> None:
    one, two = await opened(db, wish("r1"), wish("r2"))
    await worked(db, one, "claim")
    await worked(db, one, "park", until="1h", now=NOW)
    await worked(db, two, "park", until="2h", now=NOW)
    assert await _unpark(db, MARKS, NOW + 3599) == []
    assert await _unpark(db, MARKS, NOW + 3600) == [one]
    found, history = await look(db, one)
    assert (found.state, found.parked_until, found.version) == (CaseState.TAKEN, "", 1)
    assert (history[-1].actor, history[-1].action) == ("lockstep", "unpark")
    assert history[-1].reason.startswith("the time came")
    assert await _unpark(db, MARKS, NOW + 3600) == []


async def test_after_so_many_more_times(db: Database) -> None:
    (number,) = await opened(db, wish())
    await worked(db, number, "park", until="2x")
    await opened(db, wish())
    assert await _unpark(db, MARKS, NOW) == []
    await opened(db, wish())
    assert await _unpark(db, MARKS, NOW) == [number]


async def test_when_a_connection_works_again_or_another_version_is_there(db: Database) -> None:
    one, two = await opened(db, wish("r1"), wish("r2"))
    await worked(db, one, "park", until="connection", marks=MARKS)
    await worked(db, two, "park", until="deploy", marks=MARKS)
    assert await _unpark(db, MARKS, NOW) == []
    assert await _unpark(db, MARKS | {"connection:jira": WORKS}, NOW) == [one]
    assert await _unpark(db, MARKS | {"deploy": "v2"}, NOW) == [two]


async def test_a_closed_case_waits_for_nothing(db: Database) -> None:
    (number,) = await opened(db, wish())
    await worked(db, number, "park", until="1h", now=NOW)
    await taken(db, number, "discard", reason="x")
    assert await _unpark(db, MARKS, NOW + 9999) == []
    assert (await look(db, number))[0].parked_until == ""


async def test_a_new_case_has_a_priority_and_a_due_time_at_once(db: Database) -> None:
    (number,) = await opened(db, wish())
    found, _ = await look(db, number)
    assert found.priority == sum(reason.points for reason in found.reasons) > 0
    assert found.due_at > found.warn_at > NOW


async def test_what_the_gateway_knows_is_added_soon(db: Database) -> None:
    (number,) = await opened(db, wish())
    async with db.begin() as tx:
        (case,) = await upkeep.to_rank(tx, NOW + 15)
        better = rank(case, Known(group=118, waiting=3), now=NOW + 15)
        await upkeep.store_ranks(tx, [(case, better)], Deadlines(), NOW + 15)
    found, history = await look(db, number)
    assert (found.priority, found.level, found.version) == (better.points, "high", 1)
    assert found.reasons == better.reasons and len(history) == 1
    async with db.begin() as tx:
        assert await upkeep.to_rank(tx, NOW + 16) == []
        assert await upkeep.to_rank(tx, NOW + 16 + upkeep.RANK_EVERY_S) != []
        assert await upkeep.group_sizes(tx, [found.group]) == {found.group: 1}


async def test_a_due_time_is_told_twice_and_never_again(db: Database) -> None:
    (number,) = await opened(db, wish())
    found, _ = await look(db, number)

    async def told(now: float) -> list[tuple[str, str]]:
        async with db.begin() as tx:
            return await upkeep.tell_due(tx, now)

    assert await told(found.warn_at - 1) == []
    assert await told(found.warn_at) == [(number, "due_soon")]
    assert await told(found.warn_at + 1) == []
    assert await told(found.due_at) == [(number, "overdue")]
    assert await told(found.due_at + 9999) == []
    found, history = await look(db, number)
    assert [step.action for step in history[1:]] == ["due_soon", "overdue"]
    assert found.version == 1


async def test_a_case_that_another_holds_is_left_to_it(db: Database) -> None:
    """On SQLite the writer waits for its turn instead; the answer is the same."""
    (number,) = await opened(db, wish())
    await worked(db, number, "park", until="1h", now=NOW)
    if db.engine.dialect.name == "sqlite":
        return
    async with db.begin() as holder:
        assert await store.lock_case(holder, number) is not None
        assert await _unpark(db, MARKS, NOW + 9999) == []
    assert await _unpark(db, MARKS, NOW + 9999) == [number]


async def test_a_case_whose_notice_is_done_ends_with_the_upkeep(place: Workplace) -> None:
    ann = person("ann", Role.OPERATOR)
    poison = wish("", Cause.NOTICE_POISON, key="poison:jira:d1", evidence={"notice": "n1"}, flow="")
    told = {"id": "n1", "connection": "jira", "delivery_key": "d1", "object": "issue", "object_id": "10001", "rev": 0}
    told |= {"received_at": NOW, "state": "done", "disposition": "case", "reason": "", "payload": "{}"}
    async with place.database.begin() as tx:
        await tx.execute(insert(t.notice).values(**told))
    (number,) = await opened(place.database, poison)
    assert (await cases.act(place, ann, number, "retry")).state == CaseState.IN_RUN
    assert (await keep_up(place)).ended == [], "it is not read yet"
    async with place.database.begin() as tx:
        await tx.execute(update(t.notice).values(state="done", disposition="applied"))
    assert (await keep_up(place)).ended == [number]
    found, history = await look(place.database, number)
    assert (found.state, found.ending, history[-1].actor) == (CaseState.CLOSED, "applied", "lockstep")
    async with place.database.read() as tx:
        rows = (await tx.execute(select(audit.c.actor, audit.c.cause).where(audit.c.kind == "case_ended"))).all()
    assert [tuple(row) for row in rows] == [("lockstep", number)]
