"""The instance's rules on requests, items, tasks and changes, without an instance."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from connectors.sandbox.people import PEOPLE
from connectors.sandbox.servicenow.catalog_rules import insert_task, rolled_up, update_task
from connectors.sandbox.servicenow.query import compile_query
from connectors.sandbox.servicenow.records import Records
from connectors.sandbox.servicenow.schema import TABLES
from connectors.sandbox.site import Refusal, Site
from connectors.sandbox.store import Store

NOW = "2026-01-02 03:04:05"
ANN, ADMIN = (person for person in PEOPLE if person.name in ("ann", "admin"))


def row(table: str, **fields: str) -> dict[str, str]:
    kind = TABLES[table]
    wanted = dict.fromkeys(kind.columns, "") | dict(kind.defaults) | fields
    return insert_task(table, wanted, person=ANN, now=NOW)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], ""),
        (["3", "2"], ""),
        (["3", "3"], "3"),
        (["3", "4"], "4"),
        (["7", "7"], "7"),
        (["3", "7"], "3"),
    ],
)
def test_how_an_item_stands_by_its_tasks(states: list[str], expected: str) -> None:
    """[SND state-closure-request]."""
    assert rolled_up(states) == expected


def test_a_task_that_ended_is_inactive_and_read_only() -> None:
    ended = update_task("sc_task", row("sc_task"), {"state": "3"}, person=ANN, now=NOW)
    assert (ended["active"], ended["closed_at"], ended["closed_by"]) == ("false", NOW, ANN.sys_id)
    assert update_task("sc_task", ended, {"state": "3"}, person=ANN, now=NOW) == ended
    with pytest.raises(Refusal):
        update_task("sc_task", ended, {"state": "1"}, person=ANN, now=NOW)
    reopened = update_task("sc_task", ended, {"state": "2"}, person=ADMIN, now=NOW)
    assert (reopened["active"], reopened["closed_at"]) == ("true", "")


def test_a_request_says_its_state_twice() -> None:
    request = row("sc_request")
    by_state = update_task("sc_request", request, {"state": "4"}, person=ANN, now=NOW)
    assert by_state["request_state"] == "closed_incomplete"
    by_name = update_task("sc_request", request, {"request_state": "closed_complete"}, person=ANN, now=NOW)
    assert (by_name["state"], by_name["active"]) == ("3", "false")


@pytest.mark.parametrize(
    ("type", "was", "now", "may"),
    [
        ("normal", "-5", "-4", True),
        ("normal", "-5", "-2", False),
        ("standard", "-5", "-2", True),
        ("emergency", "-5", "-3", True),
        ("normal", "-3", "-5", True),
        ("normal", "-1", "4", True),
        ("normal", "0", "4", False),
        ("normal", "3", "-5", False),
    ],
)
def test_a_change_moves_by_its_model(type: str, was: str, now: str, may: bool) -> None:
    """facts.md 1.6 [SND c_ChangeStateModel]."""
    change = row("change_request", type=type, state=was, close_code="successful", close_notes="done")
    if may:
        assert update_task("change_request", change, {"state": now}, person=ANN, now=NOW)["state"] == now
        return
    with pytest.raises(Refusal):
        update_task("change_request", change, {"state": now}, person=ANN, now=NOW)


def test_a_change_is_closed_with_a_code() -> None:
    with pytest.raises(Refusal):
        update_task("change_request", row("change_request", state="0"), {"state": "3"}, person=ANN, now=NOW)


def test_a_file_of_an_earlier_release_gets_what_it_lacks(tmp_path: Path) -> None:
    """Columns, tables and what they hold; what people made stays."""
    with sqlite3.connect(tmp_path / "snow.db") as before:
        before.execute("CREATE TABLE sys_user (sys_id TEXT PRIMARY KEY, user_name TEXT, email TEXT)")
        before.execute("INSERT INTO sys_user VALUES ('u1', 'zoe', 'zoe@example.com')")
    store = Store(tmp_path / "snow.db")
    records = Records(Site(store, seed=0, time_scale=1.0))
    zoe = records.get(TABLES["sys_user"], "u1")
    assert zoe is not None and (zoe["user_name"], zoe["u_lockstep_key"]) == ("zoe", "")
    assert records.count(TABLES["sys_user_role"], compile_query(TABLES["sys_user_role"], "name=itil")) == 1
    store.close()
