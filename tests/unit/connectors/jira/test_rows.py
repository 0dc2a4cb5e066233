"""Issues to snapshots; writes to bodies."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract.errors import Refused
from connectors.contract.values import Step
from connectors.jira import jql, marker, rows, writes
from connectors.jira.adf import from_text
from connectors.jira.items import to_history, to_item
from connectors.jira.settings import IssueOptions
from connectors.jira.times import parse_time


def issue(**fields: Any) -> dict[str, Any]:
    return {"id": 10001, "key": "OPS-1", "fields": {"updated": "2023-05-10T14:47:17.244-0400", **fields}}


def test_an_issue() -> None:
    found = rows.to_snapshot(
        issue(labels=["b", "lockstep-c1", "a"], description=from_text("x\n\ny"), environment=None, comment={}),
        site="https://x.example",
    )
    assert (found.id, found.key, found.version, found.updated_at) == ("10001", "OPS-1", None, 1683744437.244)
    assert (found.correlation, found.url) == ("c1", "https://x.example/browse/OPS-1")
    assert found.raw["fields"] == {
        "updated": "2023-05-10T14:47:17.244-0400",
        "labels": ["a", "b"],
        "description": "x\n\ny",
        "environment": "",
    }


def test_the_marker_in_a_field_is_hidden() -> None:
    found = rows.to_snapshot(
        issue(customfield_10050="c1", labels=["lockstep-old"]), correlation_field="customfield_10050"
    )
    assert found.correlation == "c1"
    assert "customfield_10050" not in found.raw["fields"]
    assert found.raw["fields"]["labels"] == []


WHOLE: dict[str, Any] = dict.fromkeys(rows.WHOLE)


@pytest.mark.parametrize(
    ("fields", "whole"),
    [
        (WHOLE, True),
        (WHOLE | {"description": "plain, as it is."}, True),
        (WHOLE | {"description": "*bold*"}, False),
        (WHOLE | {"description": "h1. Title"}, False),
        (WHOLE | {"description": from_text("*stars* in a document")}, True),
        ({name: None for name in rows.WHOLE if name != "labels"}, False),
    ],
)
def test_when_a_webhooks_issue_says_as_much_as_a_read(fields: dict[str, Any], whole: bool) -> None:
    assert rows.is_whole({"fields": fields}, ()) is whole


def test_field_times_take_the_latest() -> None:
    histories = [
        {"created": "2024-01-01T00:00:02.000+0000", "items": [{"fieldId": "summary"}]},
        {"created": "2024-01-01T00:00:03.500+0000", "items": [{"field": "status"}, {"fieldId": "summary"}]},
        {"created": "broken", "items": [{"fieldId": "priority"}]},
    ]
    found = rows.field_times({"changelog": {"histories": histories}})
    assert found == {"summary": 1704067203.5, "status": 1704067203.5}


@pytest.mark.parametrize("value", [None, "", "yesterday", 5, "2023-05-10T14:47:17"])
def test_no_times(value: object) -> None:
    assert parse_time(value) is None


def test_comment_versions_do_not_depend_on_the_readers_zone() -> None:
    here = to_item({"id": 1, "body": "x", "updated": "2024-01-01T12:00:00.000+0100"})
    there = to_item({"id": 1, "body": "x", "updated": "2024-01-01T06:00:00.000-0500"})
    assert here.version == there.version != ""


def test_origin_by_property_beats_the_text() -> None:
    comment = {
        "id": 1,
        "body": from_text("Bob via Other:\nhello\n[lockstep:other:1]"),
        "properties": [{"key": "lockstep.origin", "value": {"origin": "other:2"}}],
    }
    assert (to_item(comment).origin, to_item(comment).body) == ("other:2", "hello")


def test_history_of_a_changelog_entry() -> None:
    entry = {
        "id": "7",
        "created": "2024-01-01T00:00:00.000+0000",
        "author": {"accountId": "me"},
        "items": [
            {"fieldId": "labels", "fromString": "a lockstep-c1", "toString": "b lockstep-c1"},
            {"fieldId": "status", "from": "1", "fromString": "To Do", "to": "2", "toString": "Done"},
            {"fieldId": "assignee", "from": None, "to": "acc", "toString": "Ann"},
            {"fieldId": "summary", "fromString": "old", "toString": "new"},
            {"field": "resolution", "from": "5", "fromString": "Done", "to": None, "toString": None},
        ],
    }
    found = to_history(entry, "10001", {"acc": "ann@example.com"}, "me")
    assert found.by_us
    assert found.before["fields"] == {
        "labels": ["a"],
        "status": {"id": "1", "name": "To Do"},
        "assignee": None,
        "summary": "old",
        "resolution": {"id": "5", "name": "Done"},
    }
    assert found.after["fields"] == {
        "labels": ["b"],
        "status": {"id": "2", "name": "Done"},
        "assignee": {"accountId": "acc", "displayName": "Ann", "emailAddress": "ann@example.com"},
        "summary": "new",
        "resolution": None,
    }


def test_creation() -> None:
    options = IssueOptions(project="OPS", issuetype="10002", defaults={"components": [{"name": "net"}]})
    fields = {"summary": "s", "description": "d", "status": {"name": "Done"}, "labels": ["x"], "duedate": None}
    assert writes.creation(fields, options, "c1", "", ()) == {
        "project": {"key": "OPS"},
        "issuetype": {"id": "10002"},
        "components": [{"name": "net"}],
        "summary": "s",
        "description": from_text("d"),
        "labels": ["x", "lockstep-c1"],
    }
    assert writes.creation({}, IssueOptions(project="OPS"), "c1", "customfield_1", ())["customfield_1"] == "c1"
    with pytest.raises(Refused):
        writes.creation(fields, IssueOptions(), "c1", "", ())


def test_rich_text_fields_of_the_sites_own() -> None:
    assert writes.written({"customfield_1": "x"}, ("customfield_1",)) == {"customfield_1": from_text("x")}
    assert writes.written({"customfield_1": "x"}, ()) == {"customfield_1": "x"}
    assert writes.written({"description": " \n"}, ()) == {"description": from_text(" \n")}
    assert writes.written({"description": ""}, ()) == {"description": None}


def test_labels_become_operations() -> None:
    assert writes.label_operations(["a", "b"], ["b", "c"]) == [{"add": "c"}, {"remove": "a"}]
    assert writes.label_operations([], []) == []


def test_companions_for_a_screen() -> None:
    step = Step(id="1", to="Done", fields=("resolution", "status"))
    assert writes.for_screen({"resolution": 1, "status": 2, "summary": 3}, step) == {"resolution": 1}


def test_steps_from_transitions() -> None:
    screen = {
        "resolution": {"required": True, "hasDefaultValue": False},
        "priority": {"required": True, "hasDefaultValue": True},
    }
    step = rows.to_step({"id": "31", "name": "Finish", "to": {"name": "Done"}, "fields": screen})
    assert (step.id, step.to, step.fields, step.required) == ("31", "Done", ("resolution", "priority"), ("resolution",))


@pytest.mark.parametrize(
    ("field", "value", "condition"),
    [
        ("summary", 'say "hi"', 'summary ~ "\\"say \\\\\\"hi\\\\\\"\\""'),
        ("status", {"name": "To Do"}, 'status = "To Do"'),
        ("labels", ["a", "b"], 'labels = "a" AND labels = "b"'),
        ("assignee", {"accountId": "x"}, 'assignee = "x"'),
        ("customfield_10016", "x", 'cf[10016] ~ "\\"x\\""'),
    ],
)
def test_conditions(field: str, value: Any, condition: str) -> None:
    assert jql.equals(field, value) == condition


@pytest.mark.parametrize(("field", "value"), [("labels", []), ("summary", ""), ("votes", 1), ("assignee", None)])
def test_what_cannot_be_looked_up_is_refused(field: str, value: Any) -> None:
    with pytest.raises(Refused) as got:
        jql.equals(field, value)
    assert list(got.value.fields) == [field]


def test_marker_among_other_labels() -> None:
    fields = {"labels": ["lockstep-b", "x", "lockstep-a", 7]}
    assert marker.correlation(fields, "") == "a"
    assert marker.has(fields, "", "b")
    assert not marker.has(fields, "", "c")
    assert marker.without(marker.labels(fields)) == ["x"]
