"""Records, cases and people's decisions, made by the product's own functions as an outage and its repair would."""

from __future__ import annotations

import time
from typing import Any

from connectors.contract.values import Change, ChangeKind, Snapshot
from dead_letter import store
from dead_letter.classify import Cause
from dead_letter.values import CaseFilter
from gateway.config.parts import PART
from gateway.sync.tables import connection_state
from gateway.work import cases, drafts, replays
from gateway.work import replay_planning as planning
from gateway.work.pages_records import find
from replay.values import Wish
from tests.browser.stage import Stage
from tests.support.cases import wish

ARCHIVED = "Jira refuses the issue type: the project OPS is archived"
TITLES = {
    Cause.TARGET_REFUSED: ARCHIVED,
    Cause.VALUE_UNKNOWN: "The mapping does not know the priority “5 - Planning (deferred)”",
    Cause.CONFLICT_MANUAL: "ServiceNow and Jira changed the assignee within the same minute",
    Cause.OUTCOME_UNKNOWN: "Nobody answered our create in Jira; it may have taken effect",
}
WORDS = ("Mail is down", "VPN drops every hour", "Printer on floor 3", "Payroll export is late", "Badge reader offline")


async def fill(stage: Stage, *, refused: int = 118) -> None:
    """About as much as a bad night leaves behind."""
    records = await _records(stage, 24)
    now = time.time()
    async with stage.gateway.database.begin("test.cases") as tx:
        await store.open_cases(tx, [_refused(at, records) for at in range(refused - 18)], now=now - 8400)
        await store.open_cases(tx, [_refused(at, records) for at in range(refused - 18, refused)], now=now - 1500)
        await store.open_cases(tx, _others(records, now), now=now - 2700)
    await _circuits(stage, now)
    await _decisions(stage)
    await _replays(stage)
    await _draft(stage)


async def _draft(stage: Stage) -> None:
    """A connection that somebody has begun to register, and whose address is no good yet."""
    part = "connections:\n  hub:\n    connector: hubspot\n    url: nowhere\n    auth: {bearer: {token: secret:token}}\n"
    ada = stage.principal("ada")
    draft = await drafts.begin_draft(stage.gateway.place, ada, "hub", {PART: part}, "settings")
    stage.known["draft"] = draft.id


async def _circuits(stage: Stage, now: float) -> None:
    """ServiceNow works; Jira asks for patience, as it does under load."""
    rows = [
        {"connection": "snow", "state": "closed", "reason": "", "since": now - 86_000, "until": 0.0},
        {
            "connection": "jira",
            "state": "throttled",
            "reason": "429, Retry-After 60",
            "since": now - 40,
            "until": now + 20,
        },
    ]
    async with stage.gateway.database.begin("test.circuits") as tx:
        await tx.execute(connection_state.insert(), rows)


async def _replays(stage: Stage) -> None:
    """One plan that was run (nobody carries it out here), and one that waits."""
    place, nadia = stage.gateway.place, stage.principal("nadia")
    everything = (await replays.select(place, nadia, Wish(connection="jira")))["selection"]
    plan = await replays.plan(place, nadia, everything)
    stage.known["stale"] = plan["plan"]
    found = await replays.items(place, nadia, plan["plan"], action="update")
    assert found is not None
    numbers = tuple(item["subject"] for item in found["items"][:3])
    few = await replays.plan(place, nadia, (await replays.select(place, nadia, Wish(numbers=numbers)))["selection"])
    stage.known["run"] = (await replays.run(place, nadia, few["plan"], few["digest"]))["run"]
    stage.known["plan"] = (await replays.plan_again(place, nadia, plan["plan"]))["plan"]
    stage.known["making"] = (await planning.begin(place, nadia, everything))["plan"]  # nobody makes it here
    stage.known["given_up"] = (await planning.begin(place, nadia, everything))["plan"]
    await planning.cancel(place, nadia, stage.known["given_up"], reason="the wrong ones")


async def _records(stage: Stage, count: int) -> list[str]:
    """Incidents that both systems hold: ServiceNow's come first, Jira's carry our mark."""
    now = time.time()
    await stage.gateway.decider.accept([incident(at, now - 3300 + at * 110) for at in range(count)])
    who = stage.principal("ada")
    found = [(await find(stage.gateway.place, who, f"INC00100{at:02}"))[0].record for at in range(count)]
    await stage.gateway.decider.accept([_issue(at, record, now - 3290 + at * 118) for at, record in enumerate(found)])
    return found


def incident(at: int, when: float) -> Change:
    """A change as ServiceNow brings it."""
    raw: dict[str, Any] = {
        "sys_id": f"{at:032x}",
        "number": f"INC00100{at:02}",
        "short_description": f"{WORDS[at % len(WORDS)]} ({at})",
        "description": "Reported by phone.",
        "state": "2",
        "impact": "2",
        "urgency": "2",
        "priority": "3",
        "assigned_to": {"value": "ann@example.com"},
    }
    snapshot = Snapshot(
        object="incident", id=f"{at:032x}", key=f"INC00100{at:02}", version=1, updated_at=when, raw=raw, actor="dana"
    )
    return Change(
        connection="snow", delivery_key=f"s{at}", kind=ChangeKind.SNAPSHOT, snapshot=snapshot, received_at=when
    )


def _issue(at: int, record: str, when: float) -> Change:
    fields = {
        "summary": f"{WORDS[at % len(WORDS)]} ({at})",
        "description": "Reported by phone.",
        "status": {"name": "In Progress"},
        "priority": {"name": "Medium" if at % 3 else "High"},
        "assignee": {"emailAddress": "ann@example.com", "accountId": "5b10"},
        "labels": ["phone"] if at % 2 else [],
    }
    snapshot = Snapshot(
        object="issue",
        id=f"{10000 + at}",
        key=f"OPS-{at + 1}",
        updated_at=when,
        raw={"id": f"{10000 + at}", "key": f"OPS-{at + 1}", "fields": fields},
        correlation=record,
    )
    return Change(
        connection="jira", delivery_key=f"j{at}", kind=ChangeKind.SNAPSHOT, snapshot=snapshot, received_at=when
    )


def _refused(at: int, records: list[str]) -> Any:
    record = records[at % len(records)] if at < len(records) else f"r{at:026}"
    return wish(
        record,
        title=ARCHIVED,
        object_key=f"OPS-{at + 1}",
        object_id=f"{10000 + at}",
        evidence={
            "request": {"method": "PUT", "path": f"/rest/api/3/issue/{10000 + at}", "fields": {"priority": "High"}},
            "answer": {"status": 400, "body": {"errorMessages": ["The project OPS is archived."]}},
        },
    )


def _others(records: list[str], now: float) -> list[Any]:
    return [
        wish(
            records[5],
            Cause.OUTCOME_UNKNOWN,
            title=TITLES[Cause.OUTCOME_UNKNOWN],
            object_key="OPS-6",
            evidence={"sent": {"summary": "Mail is down (5)"}, "settles_at": now + 290, "looks": 2},
            fingerprint="outcome.unknown:jira",
        ),
        *(
            wish(
                records[at],
                Cause.VALUE_UNKNOWN,
                title=TITLES[Cause.VALUE_UNKNOWN],
                connection="snow",
                object="incident",
                object_key=f"INC00100{at:02}",
                field="priority",
                evidence={"value": "5 - Planning (deferred)", "known": ["1", "2", "3", "4"]},
                fingerprint="value.unknown:snow:priority",
            )
            for at in (6, 7, 8)
        ),
        wish(
            records[10],
            Cause.WINDOW_UNREAD,
            title="Somebody may have edited OPS-11 while it was written",
            object_key="OPS-11",
            evidence={"fields": ["summary"]},
            fingerprint="window.unread:jira",
        ),
        wish(
            records[9],
            Cause.CONFLICT_MANUAL,
            title=TITLES[Cause.CONFLICT_MANUAL],
            object_key="OPS-10",
            field="assignee",
            evidence={"sides": {"canonical": "ann@example.com", "jira": "bob@example.com"}, "canonical_from": "snow"},
            fingerprint="conflict.manual:jira:assignee",
        ),
    ]


async def _decisions(stage: Stage) -> None:
    """What people did since: taken, parked, noted, closed, asked for."""
    place, nadia = stage.gateway.place, stage.principal("nadia")
    found = await cases.list_cases(place, nadia, CaseFilter(limit=200))
    by_cause = {str(case.cause): case for case in found.cases}
    stage.known |= {
        "conflict": by_cause["conflict.manual"].number,
        "unknown": by_cause["outcome.unknown"].number,
        "closed": by_cause["window.unread"].number,
        "refused": next(case.number for case in found.cases if case.object_key == "OPS-4"),
    }
    await cases.act(place, nadia, by_cause["conflict.manual"].number, "claim")
    await cases.act(place, nadia, by_cause["value.unknown"].number, "park", {"until": "7d"})
    refused = [case for case in found.cases if case.cause == "target.refused"]
    await cases.act(place, nadia, refused[0].number, "comment", {"text": "Asked the Jira admins, ticket ADM-77."})
    await cases.act(place, nadia, refused[1].number, "discard", {"reason": "The issue was deleted with its project."})
    window = by_cause["window.unread"].number
    await cases.act(place, nadia, window, "close", {"reason": "Asked Ann: nothing is missing."})
