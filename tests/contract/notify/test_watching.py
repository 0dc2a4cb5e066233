"""What is told of cases and runs: one thread for each group, whatever happens between two looks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event, insert, select, update

from dead_letter import store, work
from dead_letter.approvals import Actor
from dead_letter.fingerprint import fingerprint
from dead_letter.grouping import merge
from dead_letter.tables import case_history, cases
from dead_letter.values import CaseClass, NewCase
from gateway.config.notifications import LOG, Rule, quiet_of
from gateway.notify import groups
from gateway.notify.tables import delivery
from gateway.notify.threads import CALM_S
from replay.tables import places, run_items, runs
from tests.support.telling import BASE, Desk


async def test_three_hundred_cases_of_one_cause_are_one_thread_that_is_told_six_times(desk: Desk) -> None:
    for start in range(0, 300, 6):
        await desk.open(*(f"refused:r{n}:jira" for n in range(start, start + 6)))
        await desk.turn()
    # 6, then every doubling from 10 on as the looks found it, not one for each case.
    assert [told["data"]["open"] for told in desk.ops.events] == [6, 12, 24, 48, 96, 192]
    assert desk.ops.kinds == ["case.opened", *["case.growing"] * 5]
    (shown,) = desk.ops.messages.values()
    assert shown["data"]["link"] == f"{BASE}/c/{shown['data']['case']}"
    assert [told["sequence"] for told in desk.ops.events] == [f"{n:010d}" for n in range(1, 7)]
    assert len(set(desk.ops.ids)) == 6


async def test_the_message_ends_as_recovered_and_begins_again_as_came_back(desk: Desk) -> None:
    await desk.open("a", "b")
    await desk.turn()
    await desk.close("a", "b")
    await desk.turn()
    assert desk.ops.kinds == ["case.opened"]
    await desk.turn(after_s=CALM_S)
    assert desk.ops.kinds == ["case.opened", "case.recovered"]
    assert desk.ops.events[-1]["data"]["open"] == 0
    await desk.open("c")
    await desk.turn()
    assert desk.ops.kinds == ["case.opened", "case.recovered", "case.came_back"]
    assert len(desk.ops.messages) == 1


async def test_a_connection_that_can_sign_in_again_is_told_as_recovered(desk: Desk) -> None:
    await desk.open(
        "credentials:jira", cls=CaseClass.CREDENTIALS, cause="credentials.dead", fingerprint="credentials.dead jira"
    )
    await desk.turn()
    await desk.close("credentials:jira")
    await desk.turn()
    await desk.turn(after_s=CALM_S)
    assert [(each["type"], each["data"]["cause"]) for each in desk.ops.events] == [
        ("dev.lockstep.case.opened.v1", "credentials.dead"),
        ("dev.lockstep.case.recovered.v1", "credentials.dead"),
    ]
    assert "sign in" in desk.ops.events[0]["data"]["text"]


async def test_due_times_are_told_when_they_are_near_and_when_they_are_missed(desk: Desk) -> None:
    await desk.open("a")
    await desk.turn()
    async with desk.database.read() as tx:
        warn_at, due_at = (await tx.execute(select(cases.c.warn_at, cases.c.due_at))).one()
    assert desk.clock.now() < warn_at < due_at
    desk.clock.wall = warn_at
    await desk.turn()
    assert desk.ops.kinds[1:] == ["case.sla_near"]
    desk.clock.wall = due_at
    await desk.turn()
    assert desk.ops.kinds[2:] == ["case.sla_missed"]
    await desk.turn()
    assert len(desk.ops.kinds) == 3


async def test_a_due_time_that_moved_moves_what_is_near(desk: Desk) -> None:
    await desk.open("a")
    await desk.turn()
    near = desk.clock.now() + 30
    async with desk.database.begin("ranked") as tx:
        await tx.execute(update(cases).values(warn_at=near, due_at=near + 60))
    await desk.turn()
    assert len(desk.ops.kinds) == 1
    await desk.turn(after_s=30)
    assert desk.ops.kinds[1:] == ["case.sla_near"]


async def test_an_escalation_is_told_once(desk: Desk) -> None:
    (number,) = await desk.open("a")
    await desk.turn()
    step = work.Work(name=work.WorkName.ESCALATE, text="nobody is at it")
    async with desk.database.begin("worked") as tx:
        who = Actor(name="Ann Smith", person="user:ann")
        await work.do(tx, number, step, by=who, expected=None, marks={}, now=desk.clock.now())
    await desk.turn()
    await desk.turn()
    assert desk.ops.kinds == ["case.opened", "case.escalated"]
    assert "Ann" not in desk.ops.bodies[-1]
    assert "nobody is at it" not in desk.ops.bodies[-1]


async def test_a_line_that_is_committed_late_is_not_passed_over(desk: Desk) -> None:
    """On PostgreSQL the line with the lower id becomes visible after a look that has seen the higher one."""
    first, second = (
        await desk.open("a", cause="target.refused", fingerprint="one"),
        await desk.open("b", cause="tries.exhausted", fingerprint="two"),
    )
    await desk.turn()
    desk.ops.forget()
    if desk.database.sqlite:
        # One transaction writes at a time: there is no such order. What is there in order is told.
        async with desk.database.begin("late") as tx:
            await tx.execute(insert(case_history), [_escalated(first[0]), _escalated(second[0])])
        await desk.turn()
    else:
        async with desk.database.engine.connect() as late, late.begin() as tx:
            await late.execute(insert(case_history), [_escalated(first[0])])
            async with desk.database.begin("early") as early:
                await early.execute(insert(case_history), [_escalated(second[0])])
            await desk.turn()
            assert desk.ops.kinds == ["case.escalated"]
            await desk.turn()
            assert desk.ops.kinds == ["case.escalated"]
            await tx.commit()
        await desk.turn()
    assert [(each["type"], each["data"]["cause"]) for each in desk.ops.events].count(
        ("dev.lockstep.case.escalated.v1", "target.refused")
    ) == 1
    await desk.turn()
    assert len(desk.ops.kinds) == 2


def _escalated(number: str) -> dict[str, object]:
    texts = dict.fromkeys(("choice", "reason", "proof", "code", "approver"), "")
    row = {"number": int(number.removeprefix("FO-")), "at": 0.0, "name": "worked", "version": 1, "state": "open"}
    return {**row, **texts, "actor": "x", "action": "escalate", "changed": "[]", "work": 1}


async def test_cases_whose_numbers_are_committed_late_are_counted(desk: Desk) -> None:
    if desk.database.sqlite:
        await desk.open("a")
        await desk.open(*(f"b{n}" for n in range(11)))
        await desk.turn()
    else:
        async with desk.database.engine.connect() as late, late.begin() as tx:
            new = [_wish("a")]
            await store.open_cases(late, new, now=desk.clock.now())
            await desk.open(*(f"b{n}" for n in range(11)))
            await desk.turn()
            assert [each["data"]["open"] for each in desk.ops.events] == [11]
            await tx.commit()
        await desk.turn()
        await desk.open(*(f"c{n}" for n in range(10)))
        await desk.turn()
        assert [each["data"]["open"] for each in desk.ops.events] == [11, 22]
    assert len(desk.ops.messages) == 1


def _wish(key: str) -> NewCase:
    return NewCase(
        key=key,
        cls=CaseClass.REFUSED,
        cause="target.refused",
        title="x",
        flow="incidents",
        connection="jira",
        field="status",
        fingerprint=fingerprint("target.refused", flow="incidents", connection="jira"),
    )


async def test_groups_that_people_put_together_end_as_moved(desk: Desk) -> None:
    await desk.open("a", fingerprint="one")
    await desk.open("b", fingerprint="two")
    await desk.turn()
    async with desk.database.begin("merged") as tx:
        await merge(tx, ["two"], "one", title="", actor="ann", reason="one cause", now=desk.clock.now())
    await desk.turn()
    await desk.turn(after_s=CALM_S)
    assert desk.ops.kinds == ["case.opened", "case.opened", "case.recovered"]
    assert desk.ops.events[-1]["data"]["why"] == "moved"


async def test_a_run_is_told_once_when_it_ended(desk: Desk) -> None:
    await desk.turn()
    await _run(desk, "rr_1", "running", 0.0)
    await desk.turn()
    assert desk.ops.kinds == []
    async with desk.database.begin("ended") as tx:
        await tx.execute(update(runs).values(state="done", ended_at=desk.clock.now()))
    await desk.turn()
    await desk.turn()
    (told,) = desk.ops.events
    assert told["type"] == "dev.lockstep.run.finished.v1"
    assert told["data"]["counts"] == {"applied": 2, "failed": 1}
    assert told["data"]["connections"] == ["jira"]
    assert told["data"]["link"] == f"{BASE}/runs/rr_1"


async def test_a_run_that_ended_before_anybody_looked_is_history(desk: Desk) -> None:
    await _run(desk, "rr_0", "done", desk.clock.now() - 1)
    await desk.turn()
    assert desk.ops.kinds == []


async def _run(desk: Desk, id: str, state: str, ended_at: float) -> None:
    now = desk.clock.now()
    row = {
        "id": id,
        "plan": f"rp_{id}",
        "digest": "d",
        "state": state,
        "limits": "{}",
        "step": 1,
        "count": 3,
        "at": now,
    }
    row |= {"by_name": "Ann Smith", "by_human": "user:ann", "ended_at": ended_at, "reason": "", "stopped_by": ""}
    row |= {"in_a_row": 0, "next_at": 0.0, "owner": "", "lease_until": 0.0}
    item = {"run": id, "step": 1, "subject": "FO-1", "record": "r", "connection": "jira", "object_key": "OPS-1"}
    item |= {
        "action": "update",
        "decision": "retry",
        "state": "done",
        "settled_by": "",
        "reason": "",
        "case_number": "",
    }
    item |= {"version": 1, "handed_at": now, "ended_at": now}
    outcomes = ["applied", "applied", "failed"]
    async with desk.database.begin("run") as tx:
        await tx.execute(runs.insert().values(**row))
        await tx.execute(places.insert().values(plan=f"rp_{id}", connection="jira", flow="incidents"))
        await tx.execute(run_items.insert(), [{**item, "seq": n, "outcome": each} for n, each in enumerate(outcomes)])


async def test_no_value_of_a_record_and_no_name_of_a_person_is_in_any_body(desk: Desk) -> None:
    secret = "Marta Kowalska"
    await desk.open(
        f"refused:{secret}:jira",
        title=f"{secret} is no assignee",
        object="issue",
        object_id=f"id of {secret}",
        object_key="OPS-4711",
        record=f"record of {secret}",
        evidence={"request": {"assignee": secret}, "answer": f"{secret} unknown"},
        fingerprint=f"value.unknown flow=incidents connection=jira field=assignee value={secret}",
        cause="value.unknown",
        cls=CaseClass.MAPPING,
    )
    await desk.turn()
    async with desk.database.begin("owned") as tx:
        await tx.execute(update(cases).values(owner=secret, escalated=1, reasons=f'[[1, "{secret}"]]'))
    await desk.turn(after_s=7 * 86400)
    await desk.close(f"refused:{secret}:jira")
    await desk.turn()
    await desk.turn(after_s=CALM_S)
    assert desk.ops.kinds == ["case.opened", "case.sla_missed", "case.recovered"]
    for told in [*desk.ops.bodies, *map(str, desk.ops.headers)]:
        for part in ("Marta", "Kowalska", "OPS-4711"):
            assert part not in told


async def test_of_two_workers_one_looks_until_its_lease_is_over(desk: Desk) -> None:
    first, second = desk.worker("w1")[0], desk.worker("w2")[0]
    await desk.open("a")
    assert await first.once()
    await desk.open("b", fingerprint="other")
    assert not await second.once()
    desk.clock.advance(61)
    assert await second.once()
    assert not await desk.worker("w1")[0].once()
    await desk.send()
    assert desk.ops.kinds == ["case.opened", "case.opened"]


async def test_of_two_looks_at_the_same_time_one_is_stored(desk: Desk) -> None:
    await desk.open("a")
    first, second = desk.worker("w1")[0], desk.worker("w2")[0]
    await first._turn(desk.clock.now())
    now = desk.clock.now()
    async with desk.database.read() as tx:
        mine = await first._look(tx, now)
    async with desk.database.read() as tx:
        others = await second._look(tx, now)
    assert await first._store(mine, now)
    assert not await second._store(others, now)
    await desk.send()
    assert desk.ops.kinds == ["case.opened"]


async def test_a_look_that_dies_before_its_commit_is_made_again_by_the_next(desk: Desk) -> None:
    await desk.open("a")
    watcher = desk.worker("w1")[0]
    await watcher._turn(desk.clock.now())
    async with desk.database.read() as tx:
        await watcher._look(tx, desk.clock.now())
    await desk.turn(after_s=0)
    assert desk.ops.kinds == ["case.opened"]


async def test_quiet_hours_hold_what_can_wait_and_tell_in_the_morning_how_it_is_then(desk: Desk) -> None:
    desk.rules = (Rule("ops", quiet=quiet_of("22:00-06:00 UTC")), Rule("duty", least="critical"))
    assert _hour(desk) == 22
    await desk.open("a")
    await desk.turn()
    await desk.open(*(f"b{n}" for n in range(20)))
    await desk.turn()
    assert desk.ops.kinds == []
    await desk.turn(after_s=8 * 3600)
    assert [(kind, told["data"]["open"]) for kind, told in zip(desk.ops.kinds, desk.ops.events, strict=True)] == [
        ("case.growing", 21)
    ]
    assert desk.duty.kinds == []
    async with desk.database.read() as tx:
        states = [state for (state,) in await tx.execute(select(delivery.c.state))]
    assert sorted(states) == ["delivered", "folded"]


def _hour(desk: Desk) -> int:
    return int(desk.clock.now() // 3600 % 24)


async def test_what_goes_to_the_log_is_delivered(desk: Desk) -> None:
    desk.rules = (Rule(LOG),)
    await desk.open("a")
    await desk.turn()
    async with desk.database.read() as tx:
        assert (await tx.execute(select(delivery.c.state, delivery.c.answer))).one() == ("delivered", "logged")


async def test_counting_reads_an_index_and_no_case(desk: Desk) -> None:
    asked: list[tuple[str, Any]] = []
    engine = desk.database.engine.sync_engine

    def heard(*told: Any) -> None:
        asked.append((told[2], told[3]))

    event.listen(engine, "before_cursor_execute", heard)
    async with desk.database.read() as tx:
        await groups.open_groups(tx)
        (statement, given) = asked[-1]
        if desk.database.sqlite:
            wanted, explain = "USING COVERING INDEX cases_open_group", "EXPLAIN QUERY PLAN"
        else:
            # Of a table without rows the planner reads the whole, unless that is made dear.
            await tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
            await tx.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
            wanted, explain = "Index Only Scan using cases_open_group", "EXPLAIN"
        plan = (await tx.exec_driver_sql(f"{explain} {statement}", given)).all()
    event.remove(engine, "before_cursor_execute", heard)
    assert wanted in "\n".join(str(row[-1]) for row in plan)
