"""Questions people ask about records, lanes and connections. Reads only; every answer is plain data."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter import store as cases
from dead_letter.values import CaseFilter
from gateway.delivery.pauses import OUT, Pause, disabled, pauses_at
from gateway.storage.database import Database, loads
from gateway.sync import tables as t
from gateway.sync.attempts import PEOPLE_SEE, Outcome
from gateway.sync.state import Lane, LaneState, LinkState, RecordState
from gateway.sync.store import lane_of, load_records
from gateway.work.backlog import notices_waiting


async def find_record(tx: AsyncConnection, connection: str, key_or_id: str) -> str | None:
    """The record of an object, by what people call it or by its id."""
    link = t.link.c
    by_name = or_(link.object_key == key_or_id, link.object_id == key_or_id)
    query = select(link.record).where(link.connection == connection, by_name)
    if connection in ("", "record"):
        return (await tx.execute(select(t.record.c.id).where(t.record.c.id == key_or_id))).scalar()
    return (await tx.execute(query)).scalar()


async def record_show(database: Database, connection: str, key_or_id: str) -> dict[str, Any] | None:
    """The record with both sides, its lanes, open cases, lost values and last attempts. None: not known."""
    async with database.read() as tx:
        record_id = await find_record(tx, connection, key_or_id)
        if record_id is None:
            return None
        state = (await load_records(tx, [record_id]))[record_id]
        lanes = [lane_of(row) for row in await tx.execute(select(t.lane).where(t.lane.c.record == record_id))]
        attempts = await _attempts(tx, record_id)
        ledger = [dict(r) for r in (await tx.execute(_ledger(record_id))).mappings()]
        waiting = await _waiting(tx, record_id)
        gates = {row.connection: row._asdict() for row in await tx.execute(select(t.connection_state))}
        gates |= {each.connection: _paused(each) for each in await pauses_at(tx, time.time()) if each.direction == OUT}
        gates |= {name: _disabled(each) for name, each in (await disabled(tx)).items()}
        page = await cases.list_cases(tx, CaseFilter(record=record_id))
    for row in ledger:
        row["value"] = loads(row["value"])
    return {
        "record": record_id,
        "flow": state.flow,
        "tombstoned_at": state.tombstoned_at,
        "fields": _fields(state),
        "members": _members(state),
        "lanes": [_lane(lane) for lane in lanes],
        "attempts": attempts,
        "ledger": ledger,
        "notices_waiting": waiting,
        "connections": {name: gates[name] for name in state.members if name in gates},
        "cases": [msgspec.to_builtins(each) for each in page.cases],
    }


async def _attempts(tx: AsyncConnection, record_id: str, limit: int = 10) -> list[dict[str, Any]]:
    query = (
        select(t.attempt).where(t.attempt.c.record == record_id).order_by(t.attempt.c.started_at.desc()).limit(limit)
    )
    return [
        {
            "id": row.id,
            "connection": row.connection,
            "kind": row.kind,
            "outcome": PEOPLE_SEE[Outcome(row.outcome)],
            "started_at": row.started_at,
            "finished_at": row.finished_at,
            "fields": sorted(loads(row.doc).get("fields", {})),
            "answer": loads(row.answer),
        }
        for row in await tx.execute(query)
    ]


def moment(at: float | None) -> str:
    """In a sentence."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%MZ") if at else ""


def _paused(pause: Pause) -> dict[str, Any]:
    """As the row of a gate: a person's word goes before what the gate itself knows."""
    reason = f"{pause.actor}, until {moment(pause.until)}: {pause.reason}"
    return {"connection": pause.connection, "state": "paused", "reason": reason} | {
        "since": pause.since,
        "until": pause.until,
    }


def _disabled(off: Pause) -> dict[str, Any]:
    reason = f"{off.actor}: {off.reason}"
    return {"connection": off.connection, "state": "disabled", "reason": reason, "since": off.since, "until": 0.0}


def _ledger(record_id: str) -> Any:
    ledger = t.conflict_ledger
    return select(ledger).where(ledger.c.record == record_id).order_by(ledger.c.at)


async def _waiting(tx: AsyncConnection, record_id: str) -> int:
    return await notices_waiting(tx, t.notice.c.record == record_id)


def _fields(state: RecordState) -> list[dict[str, Any]]:
    return [
        {
            "field": name,
            "value": field.now.value,
            "from": field.now.source,
            "version": field.now.fver,
            "systems": {
                connection: {
                    "shows": held.shadow[name].ext,
                    "in_step": held.shadow[name].carried == field.now.fver,
                    "held_by": held.shadow[name].held or None,
                }
                for connection, held in state.members.items()
                if name in held.shadow
            },
        }
        for name, field in state.fields.items()
    ]


def _members(state: RecordState) -> dict[str, Any]:
    return {
        connection: {
            "link": str(held.link),
            "id": held.id,
            "key": held.key,
            "version": held.seen,
            "closed": held.closed,
            "duplicates": held.duplicates,
            "comments_waiting": len(held.items),
        }
        for connection, held in state.members.items()
    }


def _lane(lane: Lane) -> dict[str, Any]:
    return {
        "connection": lane.connection,
        "state": str(lane.state),
        "dirty": lane.dirty,
        "waits_for": lane.wait_reason or None,
        "next_try_at": lane.next_try_at or None,
        "tries": lane.tries,
        "case": lane.case or None,
        "withheld": lane.withheld.partition(":")[0] or None,
    }


def record_why(shown: dict[str, Any], awaits: Sequence[str] = ()) -> dict[str, Any]:
    """Why a record is not in step, in one sentence with a code, and what to do. `awaits`: what it waits for besides its
    lanes, in words.
    """
    names = [member["key"] or member["id"] or f"(none in {name})" for name, member in shown["members"].items()]
    code, sentence, then = _verdict(shown, awaits)
    return {
        "record": shown["record"],
        "objects": names,
        "in_step": code == "in_step",
        "code": code,
        "sentence": sentence,
        "you_can": then,
        "cases": [each["number"] for each in shown["cases"]],
    }


def _verdict(shown: dict[str, Any], awaits: Sequence[str]) -> tuple[str, str, list[str]]:
    case_steps = [f"lockstep case show {each['number']}" for each in shown["cases"][:3]]
    if shown["tombstoned_at"] is not None:
        return "tombstoned", "the record has left; its objects are closed and nothing re-opens them", case_steps
    for lane in shown["lanes"]:
        told = _lane_verdict(lane, shown["connections"].get(lane["connection"]))
        if told is not None:
            return told[0], told[1], case_steps or told[2]
    held = [
        (field["field"], name)
        for field in shown["fields"]
        for name, side in field["systems"].items()
        if side["held_by"]
    ]
    if held:
        where = ", ".join(f"{field} in {name}" for field, name in held)
        return "held", f"held until somebody decides: {where}", case_steps
    if shown["notices_waiting"]:
        shut = [gate for gate in shown["connections"].values() if gate["state"] != "closed"]
        waiting = f"{shown['notices_waiting']} notice(s) wait for a read of the object"
        return _gate_verdict(shut[0]) if shut else ("reading", waiting, [])
    missing = [name for name, member in shown["members"].items() if member["link"] == LinkState.NONE]
    behind = [lane["connection"] for lane in shown["lanes"] if lane["dirty"]]
    if behind:
        return "waiting", f"changes wait to be written to {', '.join(behind)}", []
    if awaits:
        return "awaits", "; ".join(awaits), case_steps
    if missing:
        return "unmapped", f"the flow's rules create no object in {', '.join(missing)}", []
    return "in_step", "every mapped field agrees", []


_GATES = {
    "disabled": "{connection} is disabled ({reason}); its changes wait in order, and no try is used up",
    "paused": "{connection} is paused ({reason}); its changes wait in order, and no try is used up",
    "open": "{connection} is down ({reason}); its changes wait in order, and no try is used up",
    "throttled": "{connection} asked us to wait ({reason}); its changes wait in order, and no try is used up",
    "credentials": "{connection} does not accept our credentials ({reason}); renew them; its changes wait meanwhile",
}


_STAGES = {
    "shadow": "its flow is in shadow: what {connection} lacks is planned and not written",
    "disabled": "its flow is disabled: what {connection} lacks waits until it is enabled",
    "draft": "its flow is a draft: nothing is written to {connection}",
}


def _gate_verdict(gate: dict[str, Any]) -> tuple[str, str, list[str]]:
    return gate["state"], _GATES[gate["state"]].format_map(gate), ["lockstep now"]


def _lane_verdict(lane: dict[str, Any], gate: dict[str, Any] | None) -> tuple[str, str, list[str]] | None:
    connection, state, reason = lane["connection"], lane["state"], lane["waits_for"]
    if state == LaneState.UNKNOWN:
        return "outcome_unknown", f"nobody answered our last write to {connection}; its outcome is being proved", []
    if state == LaneState.PARKED:
        return "parked", f"the lane to {connection} waits for a decision: {reason or 'see its case'}", []
    if lane["withheld"] and lane["dirty"]:
        return f"flow_{lane['withheld']}", _STAGES[lane["withheld"]].format(connection=connection), []
    if gate is not None and gate["state"] != "closed" and (lane["dirty"] or reason):
        return _gate_verdict(gate)
    if reason:
        return reason.replace(" ", "_"), f"{connection}: {reason}; nothing is lost and no try is used up", []
    return None


async def conflict_ledger(database: Database, *, since: float = 0.0) -> Sequence[dict[str, Any]]:
    """Values that lost, oldest first."""
    ledger = t.conflict_ledger
    async with database.read() as tx:
        rows = (await tx.execute(select(ledger).where(ledger.c.at >= since).order_by(ledger.c.at))).mappings().all()
    return [{**row, "value": loads(row["value"])} for row in rows]
