"""Rows to snapshots, and the guards."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract.errors import Refused
from connectors.rest.answer import Answer
from connectors.servicenow import rows, table
from connectors.servicenow.items import to_history
from connectors.servicenow.settings import REFERENCES
from connectors.servicenow.tables import kind_of


def snapshot(row: dict[str, Any], us: str = "lockstep") -> Any:
    return rows.to_snapshot(row, object="incident", references=REFERENCES, correlation_display="lockstep", us=us)


def test_a_row_of_the_table_api() -> None:
    found = snapshot(
        {
            "sys_id": "a1",
            "number": "INC0010001",
            "sys_mod_count": "7",
            "sys_updated_on": "2026-01-02 03:04:05",
            "sys_updated_by": "ann",
            "active": "true",
            "assigned_to": "u1",
            "assigned_to.email": "bob@example.com",
            "assigned_to.name": "Bob",
            "caller_id": "",
            "correlation_id": "c1",
            "correlation_display": "lockstep",
        }
    )
    assert (found.id, found.key, found.version, found.updated_at) == ("a1", "INC0010001", 7, 1767323045.0)
    assert (found.correlation, found.actor, found.by_us) == ("c1", "ann", False)
    assert found.raw["assigned_to"] == {"value": "u1", "email": "bob@example.com", "name": "Bob"}
    assert found.raw["caller_id"] == {"value": "", "email": "", "name": ""}
    assert "correlation_id" not in found.raw


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("x", "x"),
        ("", ""),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (3.0, "3"),
        (2.5, "2.5"),
        ({"link": "https://x/1", "value": "1"}, "1"),
        ({"display_value": "Bob", "value": "u1"}, "u1"),
        ({"display_value": "Bob", "link": "https://x/u1"}, "Bob"),
    ],
)
def test_cells_in_all_forms(cell: Any, shown: str) -> None:
    assert rows.text(cell) == shown


def test_a_row_is_whole_only_with_all_columns_and_dot_walks() -> None:
    names = kind_of("incident").columns
    row = dict.fromkeys(names, "")
    assert rows.is_whole(row, names, REFERENCES)
    assert not rows.is_whole({**row, "assigned_to": "u1"}, names, REFERENCES)
    assert rows.is_whole(
        {**row, "assigned_to": "u1", "assigned_to.email": "e", "assigned_to.name": "n"}, names, REFERENCES
    )
    del row["impact"]
    assert not rows.is_whole(row, names, REFERENCES)


@settings(deadline=None)
@given(st.integers(0, 4_000_000_000))
def test_times_there_and_back(at: int) -> None:
    assert rows.parse_time(rows.format_time(at)) == at


@pytest.mark.parametrize("text", ["", "2026-01-02", "2026-13-02 00:00:00", None, "2026-01-02T03:04:05Z"])
def test_no_times(text: object) -> None:
    assert rows.parse_time(text) is None


@pytest.mark.parametrize("count", ["", "-1", "7.0", "9" * 30, "x"])
def test_no_versions(count: str) -> None:
    assert rows.version({"sys_mod_count": count}) is None


@pytest.mark.parametrize(
    ("count", "link", "total", "more"),
    [
        (5, "", "", True),
        (2, "", "", False),
        (0, '<https://x?sysparm_offset=5>;rel="next"', "", True),
        (2, '<https://x?sysparm_offset=0>;rel="first",<https://x?sysparm_offset=0>;rel="prev"', "7", False),
        (0, "", "20", True),
        (0, "", "10", False),
        (0, "", "many", False),
    ],
)
def test_the_end_of_a_query(count: int, link: str, total: str, more: bool) -> None:
    headers = {"link": link, "x-total-count": total}
    assert table.has_more(Answer(status=200, headers=headers), count, 5, 5) is more


@pytest.mark.parametrize("value", ["a^ORactive=true", "two\nlines", "javascript:gs.getUserID()"])
def test_values_that_would_change_the_query_are_refused(value: str) -> None:
    with pytest.raises(Refused):
        table.equals("email", value)


def test_history_groups_columns_by_update() -> None:
    def row(name: str, old: str, new: str, number: str, user: str) -> dict[str, str]:
        return {
            "documentkey": "a1",
            "fieldname": name,
            "oldvalue": old,
            "newvalue": new,
            "record_checkpoint": number,
            "user": user,
            "sys_created_on": "2026-01-02 03:04:05",
        }

    cards = {"u1": {"email": "bob@example.com", "name": "Bob"}}
    found = to_history(
        [
            row("impact", "3", "1", "10", "lockstep"),
            row("assigned_to", "", "u1", "9", "ann"),
            row("assigned_to", "u1", "u2", "11", "ann"),
            row("work_notes", "", "hi", "9", "ann"),
        ],
        REFERENCES,
        cards,
        "lockstep",
    )
    assert [(each.version, each.by_us) for each in found] == [(9, False), (10, True), (11, False)]
    assert found[0].after == {"assigned_to": {"value": "u1", "email": "bob@example.com", "name": "Bob"}}
    assert found[0].before == {"assigned_to": {"value": "", "email": "", "name": ""}}
    assert found[2].after == {"assigned_to": {"value": "u2"}}, "who is gone shows no e-mail, so mappings pass it over"
