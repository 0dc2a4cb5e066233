"""Tests that stand in a file: each expectation can fail, and a lost answer is settled as the file says."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.declared.testing import run
from tests.unit.connectors.declared.support import file_of

FIND = {"get": "/tickets", "query": {"ref": "${marker}"}, "pick": "$.items[*]"}
CHANGES: list[tuple[str, Any]] = [
    ("ticket.marker", {"at": "$.ref", "find": FIND}),
    ("ticket.comments", {"get": "/tickets/${id}/notes", "pick": "$.notes[*]", "text": "$.text"}),
    ("ticket.moves", {"to": ["open", "done"], "field": "$.state"}),
    (
        "ticket.writes",
        {
            "create": {"post": "/tickets", "returns": {"id": "$.id"}, "once": "marker"},
            "update": {"put": "/tickets/${id}", "once": "target_state"},
            "transition": {"post": "/tickets/${id}/moves", "body": {"to": "${step.to}"}},
            "comment": {"post": "/tickets/${id}/notes", "body": {"text": "${comment.text}"}},
            "delete": {"delete": "/tickets/${id}"},
        },
    ),
]
ROW = {"id": 1, "rev": 2, "changed": "2026-11-21T12:00:00Z", "title": "x", "ref": "test-correlation", "state": "done"}
OURS = {"id": 5, "text": "Ann via Test:\nA comment.\n[lockstep:test:1]"}
GET, ME = {"asked": "GET /tickets/1", "body": ROW}, {"asked": "GET /me", "body": {}}
GONE = {"asked": "GET /tickets/1", "status": 404}
FOUND = {"asked": "GET /tickets?ref=test-correlation", "body": {"items": [ROW]}}
NOT_FOUND = {"asked": "GET /tickets", "body": {"items": []}}
NOTES = {"asked": "GET /tickets/1/notes", "body": {"notes": [OURS]}}


def failures(do: dict[str, Any], answers: list[dict[str, Any]], expect: dict[str, Any], **more: Any) -> list[str]:
    test = {"name": "a test", "do": do, "answers": answers, "expect": expect, **more}
    result = run(file_of(*CHANGES, ("tests", [test])))[0]
    return list(result.failures)


def lost(asked: str) -> dict[str, Any]:
    return {"asked": asked, "lost": True}


CREATE, UPDATE = {"create": "ticket"}, {"update": "ticket", "values": {"title": "x"}}
MOVE, COMMENT, DELETE = {"transition": "ticket", "to": "done"}, {"comment": "ticket"}, {"delete": "ticket"}
LOST: list[tuple[dict[str, Any], list[dict[str, Any]], str, str]] = [
    (CREATE, [lost("POST /tickets"), FOUND], "applied", "1h"),
    (CREATE, [lost("POST /tickets"), NOT_FOUND, ME], "not_applied", "1h"),
    (CREATE, [lost("POST /tickets"), NOT_FOUND, ME], "unknown", "119s"),
    (CREATE, [lost("POST /tickets")], "unknown", "1h"),
    (UPDATE, [lost("PUT /tickets/1"), GET], "applied", "1s"),
    ({**UPDATE, "values": {"title": "y"}}, [lost("PUT /tickets/1"), GET], "not_applied", "1h"),
    ({**UPDATE, "values": {"title": "y"}}, [lost("PUT /tickets/1"), GET], "unknown", "1s"),
    (UPDATE, [lost("PUT /tickets/1"), GONE, ME], "not_applied", "1s"),
    (MOVE, [lost("POST /tickets/1/moves"), GET], "applied", "1s"),
    ({**MOVE, "to": "open"}, [lost("POST /tickets/1/moves"), GET], "not_applied", "1h"),
    (COMMENT, [lost("POST /tickets/1/notes"), GET, NOTES], "applied", "1s"),
    (COMMENT, [lost("POST /tickets/1/notes"), GET, {**NOTES, "body": {"notes": []}}], "unknown", "1s"),
    (DELETE, [lost("DELETE /tickets/1"), GONE, ME], "applied", "1s"),
    (DELETE, [lost("DELETE /tickets/1"), GET], "not_applied", "1h"),
]


@pytest.mark.parametrize(("do", "answers", "word", "after"), LOST)
def test_a_lost_answer_is_settled(do: dict[str, Any], answers: list[dict[str, Any]], word: str, after: str) -> None:
    assert failures(do, answers, {"outcome": word, "calls": len(answers)}, after=after) == []
    other = "refused" if word != "refused" else "applied"
    assert failures(do, answers, {"outcome": other}, after=after)[0].startswith(f"outcome is {word}, and not {other}")


READ = {"read": "ticket"}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"id": "2"}, "id is 1, and not 2"),
    ({"version": 3}, "version is 2, and not 3"),
    ({"exists": False}, "exists is True, and not False"),
    ({"correlation": "other"}, "correlation is test-correlation, and not other"),
    ({"raw": {"title": "y"}}, "raw is {"),
    ({"raw": {"ref": "test-correlation"}}, "raw is {"),
    ({"calls": 2}, "calls is 1, and not 2"),
    ({"says": "x"}, "it says '', and not 'x'"),
]


@pytest.mark.parametrize(("expect", "failure"), WRONG)
def test_each_expectation_can_fail(expect: dict[str, Any], failure: str) -> None:
    assert failures(READ, [GET], {"id": "1", "version": 2, "exists": True, "raw": {"title": "x"}}) == []
    assert failures(READ, [GET], expect)[0].startswith(failure)


def test_what_is_asked_and_sent_is_looked_at() -> None:
    good = {"asked": "PUT /tickets/1", "sent": {"title": "x"}, "with_headers": {"content-type": "application/json"}}
    assert failures(UPDATE, [good], {"outcome": "applied"}) == []
    for wrong in ({"asked": "PUT /tickets/2"}, {"asked": "PATCH /tickets/1"}, {"asked": "PUT /tickets/1?a=b"}):
        assert "was asked, and not" in failures(UPDATE, [{**good, **wrong}], {})[0]
    assert "was sent" in failures(UPDATE, [{**good, "sent": {"title": "y"}}], {})[0]
    assert "with content-type" in failures(UPDATE, [{**good, "with_headers": {"content-type": "x"}}], {})[0]
    assert "no answer is left" in failures(UPDATE, [], {})[0]
    assert failures(READ, [GET, GET], {"exists": True}) == ["1 of the answers were not asked for"]


def test_polls_begin_at_a_time_that_can_be_written_down() -> None:
    rows = {"asked": "GET /tickets", "body": {"items": [ROW, {**ROW, "id": 2, "changed": "2026-11-20T00:00:00Z"}]}}
    notes = {"asked": "GET /tickets/1/notes", "body": {"notes": []}}
    assert failures({"poll": "ticket"}, [rows, ME, notes], {"ids": ["1"]}) == []
    assert failures({"find": "ticket"}, [FOUND], {"ids": ["1"]}) == []


def test_answers_of_other_kinds() -> None:
    words = {429: "wait", 401: "signed_out", 409: "conflict", 423: "again", 400: "refused", 500: "unknown"}
    for status, word in words.items():
        answer = {"asked": "PUT /tickets/1", "status": status, "text": "<p>"}
        assert failures(UPDATE, [answer], {"outcome": word}) == [], status
