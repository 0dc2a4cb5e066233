"""Reports for auditors: each figure against what was done, narrowed to the reader, and the reading in the trail."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from io import StringIO
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import orjson
import pytest
from sqlalchemy import select, update

from dead_letter.classify import Cause
from dead_letter.store import close_cases, open_cases
from dead_letter.tables import cases as rows
from dead_letter.values import Ending, NewCase
from gateway.access.rights import NotAllowed, Principal, Role
from gateway.audit.tables import audit
from gateway.sync import tables as t
from gateway.sync.state import FieldState, FieldVersion, MemberState, RecordState
from gateway.work import cases, reports
from gateway.work.reports import NoSuchReport, NoTime, Report
from gateway.work.workplace import Workplace
from tests.contract.dead_letter.place import Clock, known, person
from tests.support.cases import NOW, wish

ANN, BOB = person("ann", Role.OPERATOR), person("bob", Role.OPERATOR, Role.APPROVER)
EVE = person("eve", Role.AUDITOR)
NARROW = person("nora", Role.AUDITOR, connections=frozenset({"jira"}))
ELSEWHERE: dict[str, Any] = {"connection": "snow", "title": "of another system"}
DAY_S = 86_400.0
UNKNOWN = Cause.OUTCOME_UNPROVABLE
SEEN = {"reason": "=1+1", "proof": "OPS-1 shows it"}


async def opened(place: Workplace, *new: NewCase, at: float = NOW) -> list[str]:
    async with place.database.begin() as tx:
        found = await open_cases(tx, new, now=at)
    return [found[each.key] for each in new]


async def read(place: Workplace, name: str, who: Principal = EVE, **more: float) -> Report:
    return await reports.read_report(place, who, name, **{"since": NOW - DAY_S, "until": NOW + DAY_S, **more})


def records(report: Report) -> list[dict[str, Any]]:
    return [dict(zip([column.name for column in report.columns], row, strict=True)) for row in report.rows]


async def test_completion_counts_what_came_what_ended_and_what_stands(place: Workplace) -> None:
    await known(place.database, ANN, BOB)
    first, second, _ = await opened(place, wish("r1"), wish("r2", key="r2"), wish("r3", key="r3", **ELSEWHERE))
    await opened(place, wish("r4", key="r4"), at=NOW - 2 * DAY_S)
    async with place.database.begin() as tx:
        await close_cases(tx, [wish("r1").key], decision=Ending.APPLIED, reason="it works again", now=NOW + 4)
    await cases.act(place, ANN, second, "discard", {"reason": "seen to"})
    found = await read(place, "completion")
    assert found.totals == {"opened": 3, "closed": 2, "closed_by_people": 1, "open_at_the_end": 2}
    jira = next(row for row in records(found) if row["connection"] == "jira")
    assert (jira["opened"], jira["closed"], jira["closed_by_people"], jira["open_at_the_end"]) == (2, 2, 1, 1)
    assert jira["mean_s"] == pytest.approx((4 + place.now() - NOW) / 2, abs=0.01)
    assert (await read(place, "completion", NARROW)).totals["opened"] == 2
    assert first.startswith("FO-")


async def test_what_came_after_the_time_is_not_in_it(place: Workplace) -> None:
    await opened(place, wish("r1"), at=NOW)
    assert (await read(place, "completion", until=NOW)).totals["opened"] == 0
    assert (await read(place, "completion", until=NOW + 0.001)).totals["opened"] == 1


async def test_deadlines_show_the_late_ones_first(place: Workplace, clock: Clock) -> None:
    names = [wish("r1"), wish("r2", key="r2"), wish("r3", key="r3"), wish("r4", key="r4", **ELSEWHERE)]
    in_time, late, open_late, hidden = await opened(place, *names)
    async with place.database.begin() as tx:
        await tx.execute(update(rows).values(due_at=NOW + 5))
        await close_cases(tx, [wish("r1").key], decision=Ending.APPLIED, reason="fine", now=NOW + 5)
        await close_cases(tx, ["r2"], decision=Ending.APPLIED, reason="too late", now=NOW + 7)
    found = await read(place, "sla", NARROW)
    assert [row["case"] for row in records(found)] == [open_late, late, in_time]
    assert [row["in_time"] for row in records(found)] == [False, False, True]
    assert [row["over_s"] for row in records(found)] == [pytest.approx(clock.now() - NOW - 5), pytest.approx(2), None]
    assert found.totals["late"] == 2 and found.totals["in_time"] == 1 and found.totals["share_in_time"] == 0.3333
    assert hidden in {row["case"] for row in records(await read(place, "sla"))}


async def test_approvals_tell_who_asked_who_agreed_and_how_long_it_took(place: Workplace, clock: Clock) -> None:
    await known(place.database, ANN, BOB)
    mine, other = await opened(place, wish("r1", UNKNOWN), wish("r2", UNKNOWN, key="r2", **ELSEWHERE))
    asked = await cases.act(place, ANN, mine, "declare_applied", SEEN)
    assert asked.approval
    await cases.act(place, ANN, other, "declare_applied", SEEN)
    clock.advance(60)
    await cases.approve(place, BOB, asked.approval, note="looked")
    found = await read(place, "approvals")
    assert found.totals == {"requests": 2, "by_one_person": 0, "approved": 1, "pending": 1}
    first = next(row for row in records(found) if row["about"] == mine)
    assert (first["asked_by"], first["answered_by"], first["took_s"], first["note"]) == (
        "ann",
        "bob",
        pytest.approx(60),
        "looked",
    )
    assert [row["about"] for row in records(await read(place, "approvals", NARROW))] == [mine]


async def test_one_person_on_both_sides_is_a_finding_whatever_the_names(place: Workplace) -> None:
    from dead_letter.tables import case_approvals

    await known(place.database, ANN, BOB)
    (mine,) = await opened(place, wish("r1", UNKNOWN))
    asked = await cases.act(place, ANN, mine, "declare_applied", SEEN)
    assert asked.approval
    async with place.database.begin() as tx:
        forged = {"state": "approved", "decided_by": "somebody else", "decided_person": ANN.person}
        await tx.execute(update(case_approvals).values(decided_at=NOW + 20, **forged))
    assert (await read(place, "approvals")).totals["by_one_person"] == 1


async def test_exceptions_are_decisions_against_what_came(place: Workplace) -> None:
    await known(place.database, ANN, BOB)
    mine, retried = await opened(place, wish("r1", UNKNOWN), wish("r2", key="r2"))
    asked = await cases.act(place, ANN, mine, "declare_applied", SEEN)
    assert asked.approval
    assert (await read(place, "exceptions")).rows == ()
    await cases.approve(place, BOB, asked.approval)
    found = await read(place, "exceptions")
    assert found.totals == {"exceptions": 1, "without_a_second_person": 0, "declare_applied": 1}
    (row,) = records(found)
    assert (row["case"], row["by"], row["second"], row["reason"]) == (mine, "ann", "bob", "=1+1")
    assert retried not in str(found.rows)


async def test_a_report_can_be_taken_away(place: Workplace) -> None:
    await known(place.database, ANN, BOB)
    (mine,) = await opened(place, wish("r1", UNKNOWN))
    asked = await cases.act(place, ANN, mine, "declare_applied", SEEN)
    assert asked.approval
    await cases.approve(place, BOB, asked.approval)
    found = await read(place, "exceptions")
    sheet = list(csv.DictReader(StringIO(reports.as_csv(found))))
    assert sheet[0]["Reason"] == "'=1+1"
    told = orjson.loads(reports.as_json(found))
    assert told["rows"][0]["reason"] == "=1+1"
    assert told["rows"][0]["at"] == told["made_at"] and told["made_at"].endswith("Z")


async def test_too_many_rows_are_cut_and_counted_all_the_same(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened(place, *(wish(f"r{n}", key=f"r{n}") for n in range(4)))
    async with place.database.begin() as tx:
        await tx.execute(update(rows).values(due_at=NOW + 5))
    for module in (reports, "gateway.work.report_cases"):
        monkeypatch.setattr(module if not isinstance(module, str) else __import__(module, fromlist=["x"]), "MOST", 2)
    found = await read(place, "sla")
    assert (len(found.rows), found.cut, found.totals["due"]) == (2, True, 4)


async def test_the_reading_is_in_the_trail_and_asks_for_the_right(place: Workplace) -> None:
    await read(place, "sla")
    async with place.database.read() as tx:
        told = (await tx.execute(select(audit.c.actor, audit.c.detail).where(audit.c.kind == "report_read"))).all()
    assert [row.actor for row in told] == ["eve"]
    assert orjson.loads(told[0].detail)["report"] == "sla"
    with pytest.raises(NotAllowed):
        await read(place, "sla", ANN)
    with pytest.raises(NotAllowed):
        await reports.list_reports(place, ANN)


async def test_what_there_is_not_is_said(place: Workplace) -> None:
    with pytest.raises(NoSuchReport, match="completion, sla, approvals, exceptions, departures, changes"):
        await read(place, "slaa")
    with pytest.raises(NoTime):
        await read(place, "sla", until=NOW - 2 * DAY_S)
    for since, until in ((-1e12, NOW), (NOW, 1e12)):
        with pytest.raises(NoTime):
            await reports.read_report(place, EVE, "sla", since=since, until=until)
    assert [each.name for each in await reports.list_reports(place, EVE)] == list(reports.makers())


def changed(**values: Any) -> RecordState:
    """A record with these fields, seen in one system."""
    fields = {name: FieldState(FieldVersion(value, 1, "snow", 0.0, 0.0)) for name, value in values.items()}
    id_ = values.get("number") or values["id"]
    return RecordState(id=id_, flow="", fields=fields, members={"snow": MemberState(id=id_, key=id_)})


async def test_deployments_are_held_against_the_windows_of_changes(place: Workplace) -> None:
    def at(hour: int) -> str:
        return datetime.fromtimestamp(NOW + hour * 3600, UTC).isoformat().replace("+00:00", "Z")

    def change(number: str, approval: str, begin: int, end: int, kind: str = "normal") -> RecordState:
        return changed(number=number, approval=approval, kind=kind, starts=at(begin), ends=at(end))

    def deployed(id: str, hour: int, stage: str = "prod", references: tuple[str, ...] = ()) -> RecordState:
        return changed(id=id, created=at(hour), stage=stage, references=list(references), state="succeeded")

    changes = [
        change("CHG1", "approved", 0, 2),
        change("CHG2", "requested", 3, 5),
        change("CHG3", "not_requested", 6, 7, kind="standard"),
    ]
    deployments = [
        deployed("in", 1),
        deployed("early", -1, references=("CHG1",)),
        deployed("asked", 4),
        deployed("named", 1, references=("CHG2", "OPS-1")),
        deployed("standard", 6),
        deployed("alone", 9),
        deployed("test", 1, stage="test"),
    ]
    async with place.database.begin() as tx:
        for flow, states in (("changes", changes), ("deployments", deployments)):
            for state in states:
                state.flow = flow
                row = {"id": state.id, "flow": flow, "rev": 1, "tombstoned": False, "created_at": NOW}
                doc = msgspec.json.encode(state).decode()
                await tx.execute(t.record.insert().values(**row, updated_at=NOW + 60, doc=doc))
    flows = {"changes": "change_request", "deployments": "deployment"}
    config = SimpleNamespace(flows={name: SimpleNamespace(type=SimpleNamespace(type=of)) for name, of in flows.items()})
    there = msgspec.structs.replace(place, config=cast(Any, config))
    found = await read(there, "changes")
    assert {row["deployment"]: (row["verdict"], row["change"]) for row in records(found)} == {
        "in": ("approved", "CHG1"),
        "early": ("outside its window", "CHG1"),
        "asked": ("not approved", "CHG2"),
        "named": ("not approved", "CHG2"),
        "standard": ("approved", "CHG3"),
        "alone": ("no change", ""),
    }
    assert [row["verdict"] == "approved" for row in records(found)] == [False] * 4 + [True] * 2
    assert (found.totals["deployments"], found.totals["approved"], found.totals["no_change"]) == (6, 2, 1)
    elsewhere = person("nora", Role.AUDITOR, connections=frozenset({"jira"}))
    assert (await read(there, "changes", elsewhere)).rows == ()
