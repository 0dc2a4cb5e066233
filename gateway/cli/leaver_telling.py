"""Departures in words and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gateway.cli.output import data, moment, say, table, told

if TYPE_CHECKING:
    from gateway.work.leaver_planning import LeaverPlan
    from gateway.work.leaver_telling import LeaverRow
    from gateway.work.leaver_views import LeaverDetail, LeaverStep, LeaverView

LIST = ("leaver", "name", "what", "state", "ends", "due", "systems")
STEPS = ("system", "what", "name", "state", "due", "proof", "step")
HISTORY = ("at", "who", "system", "what")


def show_list(found: Sequence[LeaverView]) -> None:
    """One line each."""
    if not found:
        data("Nobody leaves.")
        return
    table([_row(each) for each in found], LIST)
    late = [each for each in found if each.past_due]
    if late:
        privileged = sum(each.privileged for each in late)
        say(f"{len(late)} of {len(found)} past due{f'; {privileged} privileged' if privileged else ''}")


def _row(each: LeaverView) -> dict[str, Any]:
    marks = [word for word, there in (("urgent", each.urgent), ("privileged", each.privileged)) if there]
    return {
        "leaver": each.label,
        "name": each.name or "-",
        "what": " ".join([each.kind, *marks]),
        "state": "guarded" if each.guarded else each.state,
        "ends": f"{each.last_day} {each.zone}" if each.last_day else moment(each.ends_at),
        "due": f"{moment(each.due_at)}{' PAST DUE' if each.past_due else ''}" if each.due_at else None,
        "systems": ", ".join(f"{one.connection}: {one.state}" for one in each.systems),
    }


def show_detail(found: LeaverDetail) -> None:
    """All of it."""
    one = found.leaver
    data(f"{one.label}  {one.name or '-'}  {one.kind}  {one.state}{'  PAST DUE' if one.past_due else ''}")
    ends = f"end of {one.last_day} in {one.zone}" if one.last_day else moment(one.ends_at)
    data(f"ends: {ends}; told by {one.source or '-'}{f' ({one.said_by})' if one.said_by else ''}")
    for name in ("user_name", "email", "employee_number", "department", "title", "manager"):
        if value := found.person.get(name):
            data(f"{name.replace('_', ' ')}: {value}")
    _waits(one)
    for each in found.accounts:
        chosen = each.by or "to be chosen: lockstep leaver which"
        data(f"account in {each.connection}: {each.name} ({each.id}), {'on' if each.active else 'off'}, by {chosen}")
    table([_step(each) for each in found.steps], STEPS)
    for connection, kinds in found.unseen.items():
        for kind, why in kinds.items():
            told(f"not seen in {connection}: {kind}: {why}")
    rows = [
        {"at": moment(each.at), "who": each.actor, "system": each.connection, "what": each.text}
        for each in found.history
    ]
    if rows:
        table(rows, HISTORY)


def _waits(one: LeaverView) -> None:
    if one.question:
        data(f"asks: {one.question}; answers: {', '.join(one.choices)} (lockstep leaver answer {one.label})")
    if one.guarded:
        data(f"stopped with others: {one.guarded}")
    if one.hold_ends_at is not None:
        data(f"held until {moment(one.hold_ends_at)}: {one.hold_reason}")
    for each in one.systems:
        if each.why:
            data(f"{each.connection} waits: {each.why}")


def _step(each: LeaverStep) -> dict[str, Any]:
    return {
        "system": each.connection,
        "what": each.kind,
        "name": each.name,
        "state": each.state + (" PAST DUE" if each.past_due else ""),
        "due": moment(each.due_at),
        "proof": _proof(each),
        "step": each.id,
    }


def _proof(each: LeaverStep) -> str:
    if each.said_at is not None:
        return f"{each.said_by} {moment(each.said_at)}: {each.note or each.file}"
    if each.gone_at is not None:
        return f"read back {moment(each.checked_at or each.gone_at)}"
    return each.error or each.instruction or each.why


def show_plan(found: LeaverPlan) -> None:
    """What would be done, system by system."""
    data(f"{found.person}: what would end if it were now ({found.event}); nothing was written")
    rows = []
    for system in found.systems:
        name = system.connection
        if system.question:
            ids = ", ".join(f"{each.name} ({each.id})" for each in system.accounts)
            say(f"{name}: which account? {system.question}: {ids}")
        elif system.why:
            say(f"{name}: {system.why}")
        elif not system.accounts and not system.steps:
            say(f"{name}: no account")
        rows += [_step(each) for each in system.steps]
        if system.successor:
            say(f"{name}: open work goes to {system.successor}")
    table(rows, ("system", "what", "name", "state", "due", "proof"))


def show_rows(found: Sequence[LeaverRow]) -> None:
    """What came of a file."""
    rows = [{"row": each.row, "leaver": each.label, "became": each.became, "why": each.why} for each in found]
    table(rows, ("row", "leaver", "became", "why"))
