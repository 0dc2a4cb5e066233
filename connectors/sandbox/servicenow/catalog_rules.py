"""What the instance does to requests, requested items, catalogue tasks and changes before they are stored. Pure: a row
in, a row out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from connectors.sandbox.people import Person
from connectors.sandbox.servicenow.answers import business_rule, data_policy
from connectors.sandbox.servicenow.rules import Row

COMPLETE, INCOMPLETE, SKIPPED = "3", "4", "7"
ENDED = frozenset({COMPLETE, INCOMPLETE, SKIPPED})
_REQUEST_STATES = {COMPLETE: "closed_complete", INCOMPLETE: "closed_incomplete", SKIPPED: "closed_skipped"}
_ENDS = {**{name: code for code, name in _REQUEST_STATES.items()}, "closed_cancelled": INCOMPLETE}
_CLOSED_RULE = ("Closed tasks are read-only", "5f3a9c1e87a24c0eb1de7a3a0d1f00ab")
_CHANGE_RULE = ("Change state model", "5f3a9c1e87a24c0eb1de7a3a0d1f00ac")
_CANCELED, _CLOSED = "4", "3"
_ORDERS = {
    "normal": ("-5", "-4", "-3", "-2", "-1", "0", "3"),
    "standard": ("-5", "-2", "-1", "0", "3"),
    "emergency": ("-5", "-3", "-2", "-1", "0", "3"),
}
"""facts.md 1.6 [SND c_ChangeStateModel]."""


def insert_task(table: str, wanted: Row, *, person: Person, now: str) -> Row:
    """A new row of the catalogue, or a change, with everything the instance computes."""
    row = dict(wanted)
    row["opened_at"] = row["opened_at"] or now
    row["opened_by"] = row["opened_by"] or person.sys_id
    if table == "change_request":
        _end(row, ended=frozenset({_CLOSED, _CANCELED}), person=person, now=now)
    else:
        _settle(table, row, asked=wanted, person=person, now=now)
    return row


def update_task(table: str, before: Mapping[str, str], asked: Mapping[str, str], *, person: Person, now: str) -> Row:
    """The row after an update of the fields asked. Equal to `before` where nothing changes. Raises Refusal."""
    row = dict(before) | {name: value for name, value in asked.items() if name in before}
    if row["assignment_group"] != before["assignment_group"] and "assigned_to" not in asked:
        row["assigned_to"] = ""  # facts.md 1.5 [SND]
    if table == "change_request":
        _moved(before, row)
        _end(row, ended=frozenset({_CLOSED, _CANCELED}), person=person, now=now)
        return row
    _settle(table, row, asked=asked, person=person, now=now)
    if before["state"] in ENDED and row != before and not person.admin:
        raise business_rule(table, *_CLOSED_RULE)
    return row


def rolled_up(states: Sequence[str]) -> str:
    """How an item stands by its tasks, and a request by its items: complete if all are, incomplete if one is, skipped
    if all are [SND state-closure-request]; complete and skipped together are complete [M]. "" while one is open.
    """
    if not states or not all(state in ENDED for state in states):
        return ""
    if INCOMPLETE in states:
        return INCOMPLETE
    return SKIPPED if set(states) == {SKIPPED} else COMPLETE


def _settle(table: str, row: Row, *, asked: Mapping[str, str], person: Person, now: str) -> None:
    if table == "sc_request":
        told = row["request_state"]
        if asked.get("request_state") and "state" not in asked and told in _ENDS:
            row["state"] = _ENDS[told]
        elif row["state"] in ENDED and told not in _ENDS:
            row["request_state"] = _REQUEST_STATES[row["state"]]
    if table == "sc_req_item" and row["state"] in ENDED and "stage" not in asked:
        row["stage"] = "complete" if row["state"] == COMPLETE else _REQUEST_STATES[row["state"]]
    _end(row, ended=ENDED, person=person, now=now)


def _end(row: Row, *, ended: frozenset[str], person: Person, now: str) -> None:
    over = row["state"] in ended
    row["active"] = "false" if over else "true"
    row["closed_at"] = (row["closed_at"] or now) if over else ""
    row["closed_by"] = (row["closed_by"] or person.sys_id) if over else ""


def _moved(before: Mapping[str, str], row: Mapping[str, str]) -> None:
    """States in their order, forwards; canceled from anywhere before review; back to New when rejected."""
    was, now = before["state"], row["state"]
    if was == now:
        return
    order = _ORDERS.get(row["type"], _ORDERS["normal"])
    following = dict(pairwise(order)).get(was)
    may = now == following or (now == "-5" and was != _CLOSED) or (now == _CANCELED and was not in ("0", _CLOSED))
    if was == _CANCELED or not may:
        raise business_rule("change_request", *_CHANGE_RULE)
    missing = [name for name in ("close_code", "close_notes") if now == _CLOSED and not row[name].strip()]
    if missing:
        raise data_policy(*(name.replace("_", " ").capitalize() for name in missing))
