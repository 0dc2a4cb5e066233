"""What the instance does to an incident before it is stored: computed fields, state rules, data policies. Pure: a row
in, a row out.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.sandbox.people import Person
from connectors.sandbox.servicenow.answers import business_rule, data_policy

NEW, IN_PROGRESS, ON_HOLD, RESOLVED, CLOSED, CANCELED = "1", "2", "3", "6", "7", "8"
AWAITING_CALLER = "1"
_ENDED = frozenset({CLOSED, CANCELED})
_DONE = frozenset({RESOLVED, CLOSED})
_CLOSED_RULE = ("Closed incidents are read-only", "5f3a9c1e87a24c0eb1de7a3a0d1f00aa")
_JOURNALS = frozenset({"comments", "work_notes"})

Row = dict[str, str]


def insert_incident(wanted: Row, *, person: Person, now: str) -> Row:
    """A new incident with everything the instance computes. `wanted` has the defaults merged in. Raises Refusal."""
    row = dict(wanted)
    row["opened_at"] = row["opened_at"] or now
    row["opened_by"] = row["opened_by"] or person.sys_id
    _compute(row, before=None, asked=wanted, person=person, now=now)
    return row


def update_incident(before: Mapping[str, str], asked: Mapping[str, str], *, person: Person, now: str) -> Row:
    """The row after an update of the fields asked. Equal to `before` where nothing changes. Raises Refusal."""
    row = dict(before) | {name: value for name, value in asked.items() if name not in _JOURNALS}
    if "incident_state" in asked and "state" not in asked:
        row["state"] = row["incident_state"]
    if before["state"] in _ENDED and not person.admin:
        _guard_ended(before, row)
    if row["assignment_group"] != before["assignment_group"] and "assigned_to" not in asked:
        row["assigned_to"] = ""  # facts.md 1.5 [SND]
    if _moved(before, row, "assigned_to") and row["assigned_to"] and before["assigned_to"]:
        row["reassignment_count"] = str(int(row["reassignment_count"] or "0") + 1)
    if _caller_answered(before, asked, person):
        row["state"] = IN_PROGRESS
    _compute(row, before=before, asked=asked, person=person, now=now)
    return row


def priority_of(impact: str, urgency: str) -> str:
    """The priority look-up (facts.md 1.5): 67 recorded incidents agree. Unknown values give no priority."""
    if impact not in {"1", "2", "3"} or urgency not in {"1", "2", "3"}:
        return ""
    return str(int(impact) + int(urgency) - 1)


def _compute(row: Row, *, before: Mapping[str, str] | None, asked: Mapping[str, str], person: Person, now: str) -> None:
    if before is None and asked.get("incident_state") and not asked.get("state"):
        row["state"] = row["incident_state"]
    row["incident_state"] = row["state"]
    row["priority"] = priority_of(row["impact"], row["urgency"])
    was = NEW if before is None else before["state"]
    if row["state"] != ON_HOLD:
        row["hold_reason"] = ""
    if was in _DONE and row["state"] not in (*_DONE, *_ENDED):
        _reopen(row)
    if row["state"] in _DONE and (before is None or was not in _DONE):
        row["resolved_at"] = row["resolved_at"] or now
        row["resolved_by"] = row["resolved_by"] or person.sys_id
    if row["state"] in _ENDED and (before is None or was not in _ENDED):
        row["closed_at"] = row["closed_at"] or now
        row["closed_by"] = row["closed_by"] or person.sys_id
    row["active"] = "false" if row["state"] in _ENDED else "true"
    _check_policies(row)


def _check_policies(row: Mapping[str, str]) -> None:
    if row["state"] == ON_HOLD and not row["hold_reason"]:
        raise data_policy("On hold reason")
    if row["state"] in _DONE:
        missing = [label for name, label in _CLOSE_FIELDS.items() if not row[name].strip()]
        if missing:
            raise data_policy(*missing)


_CLOSE_FIELDS = {"close_code": "Resolution code", "close_notes": "Resolution notes"}


def _reopen(row: Row) -> None:
    for name in ("close_code", "close_notes", "resolved_at", "resolved_by", "closed_at", "closed_by"):
        row[name] = ""
    row["reopen_count"] = str(int(row["reopen_count"] or "0") + 1)


def _guard_ended(before: Mapping[str, str], row: Mapping[str, str]) -> None:
    """A closed incident takes comments, and a closed one may be reopened; a cancelled one stays so."""
    if all(row[name] == before[name] for name in row):
        return
    if before["state"] == CLOSED and row["state"] in {NEW, IN_PROGRESS}:
        return
    raise business_rule("incident", *_CLOSED_RULE)


def _caller_answered(before: Mapping[str, str], asked: Mapping[str, str], person: Person) -> bool:
    """facts.md 1.5 [SND]: when the caller updates while the incident awaits the caller, work goes on."""
    awaited = before["state"] == ON_HOLD and before["hold_reason"] == AWAITING_CALLER
    return awaited and before["caller_id"] == person.sys_id and bool(asked.get("comments"))


def _moved(before: Mapping[str, str], row: Mapping[str, str], name: str) -> bool:
    return row[name] != before[name]
