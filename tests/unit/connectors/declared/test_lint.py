"""Everything that is wrong with a file is told at once, each with its place, a sentence and a way out."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract.written.places import Source
from connectors.declared.loader import read_text
from tests.unit.connectors.declared.support import read, told

CREATE = {"post": "/tickets", "returns": {"id": "$.id"}, "once": "none"}
UPDATE = {"patch": "/tickets/${id}", "once": "target_state"}
CONDITIONAL = {"patch": "/tickets/${id}", "headers": {"If-Match": "${version}"}, "once": "precondition"}
FIND = {"get": "/tickets", "query": {"ref": "${marker}"}, "pick": "$.items[*]"}


def test_the_small_file_has_no_problems() -> None:
    assert told() == []


# change -> the beginning of the one problem that it makes
ONE: list[tuple[tuple[str, Any], str]] = [
    (("titel", "Desk"), "unknown-key: unknown key 'titel'; try 'title'"),
    (("http", {"hedaers": {}}), "unknown-key: unknown key 'hedaers'; try 'headers'"),
    (("format", 2), "format: this gateway does not know format 2"),
    (("ticket.id", "id"), "value: 'id' is not a JSONPath; try '$.id'"),
    (("ticket.id", "$.[["), "value: "),
    (("ticket.one", {"get": "tickets"}), "value: this should be a path on the system's own host"),
    (("ticket.one", {"get": "//evil.test/${id}"}), "value: this should be a path on the system's own host"),
    (("ticket.one", {"get": "https://evil.test/${id}"}), "value: this should be a path on the system's own host"),
    (("ticket.one", {"get": "/a/../b"}), "value: a path has no '.', '..'"),
    (("ticket.one", {"get": "/a", "post": "/a"}), "value: a request has one address"),
    (("ticket.one", {"get": "/tickets/${Id}"}), "value: '${Id}' is not a slot"),
    (("ticket.one", {"get": "/tickets/${idd}"}), "slot: there is no ${idd} here; try 'id'"),
    (("ticket.one", {"get": "/tickets/${id.x}"}), "slot: ${id.x} is no single value; try ${id}"),
    (("ticket.list", {"get": "/tickets", "query": {"a": "${id}"}}), "slot: there is no ${id} here"),
    (("http", {"headers": {"X": "${marker}"}}), "slot: there is no ${marker} here"),
    (("http", {"base": "https://evil.test"}), "value: this should be a path on the system's own host; try /api/v3"),
    (("http", {"base": "/a/.."}), "value: this should be a path on the system's own host"),
    (("http", {"only_hosts": ["https://x"]}), "value: this should be the name of a host"),
    (("http", {"settles_within": "2 minutes"}), "value: this should be a duration; try 30s"),
    (("auth", {"kind": "oauth"}), ""),
    (("auth", {"kind": "api_key"}), "value: the key goes into one of header, query and basic"),
    (
        ("auth", {"kind": "oauth2_client_credentials", "token_url": "https://login.evil.test/token"}),
        "host: credentials would go to login.evil.test",
    ),
    (("auth", {"kind": "session", "login_url": "http://x.test/"}), "value: this should be a path, or an https address"),
    (("check", []), "check: without a proof of the sign-in"),
    (("errors", [{"when": "status = 4", "do": "reject"}]), "condition: this is not a CEL condition"),
    (("errors", [{"when": "statu == 4", "do": "reject"}]), "condition: 'statu' is not known here; try 'status'"),
    (("errors", [{"when": "status < 500", "do": "reject"}]), "unanswered: a request that nobody answered"),
    (("errors", [{"when": "!answered", "do": "again"}]), "unanswered: a request that nobody answered"),
    (("errors", [{"when": "status == 4", "do": "retry"}]), "choice: 'retry' is not a choice here"),
    (("ticket.since", {"param": "from", "order": "sorted"}), "choice: "),
    (
        ("ticket.list", {"get": "/t", "pick": "$[*]", "page": {"kind": "page"}, "query": {"x": "${y}"}}),
        "slot: there is no ${y} here",
    ),
    (("ticket.one", {"listed": True, "get": "/a"}), "value: a request has one address"),
    (("ticket.one", {"get": "/a/${id}", "also": {"b": {"get": "/b"}}}), "whole: rows of the list do not show"),
    (("ticket.since", {"reaches_back": "3d"}), "since: nothing is looked for behind a list"),
    (("ticket.skip", "rows.x"), "condition: 'rows' is not known here; try 'row'"),
    (
        ("ticket.list", {"get": "/t", "query": {"a": "${page.from}"}}),
        "slot: there is no ${page} here",
    ),
    (("ticket.marker", {"at": "$.a[0]", "find": FIND}), "path: the marker is written, too"),
    (("ticket.marker", {"at": "$.a", "as": "ours", "find": FIND}), "marker: this holds ${correlation} once"),
    (("ticket.marker", {"at": "$.a", "find": {"get": "/tickets"}}), "marker: this looks for nothing"),
    (("ticket.writes", {"create": {**CREATE, "once": "marker"}}), "proof: a create by marker needs a place for it"),
    (("ticket.writes", {"create": {**CREATE, "returns": {}}}), "returns: without the new object's id"),
    (
        ("ticket.writes", {"create": {**CREATE, "once": {"by": "header_key", "kept": "60s"}}}),
        "proof: the system forgets a key before an outcome can be settled",
    ),
    (("ticket.writes", {"create": {**CREATE, "put": "/x"}}), "value: a write has one address"),
    (
        ("ticket.writes", {"create": {"post": "/tickets", "returns": {"id": "$.id"}}}),
        "missing-key: key 'once' is missing",
    ),
    (("ticket.writes", {"create": {**CREATE, "once": "precondition"}}), ""),
    (("ticket.writes", {"update": {**CONDITIONAL, "headers": {}}}), "proof: the request does not hold the version"),
    (("ticket.writes", {"update": {**UPDATE, "once": "none"}}), "proof: the object can be read, so there is a proof"),
    (("ticket.writes", {"comment": {"post": "/n"}}), "proof: comments that cannot be read"),
    (("ticket.writes", {"transition": {"post": "/m"}}), "moves: a step has to be one that is open"),
    (("ticket.moves", {"to": ["open"], "field": "$.state"}), "moves: these moves are never made"),
    (("ticket.moves", {"to": ["open"]}), "value: a listed move leads away from the present state"),
    (("ticket.moves", {"to": []}), "value: moves are listed or asked for"),
    (
        ("webhooks", {"verify": {"kind": "token", "header": "X"}, "events": [{"record": "tiket", "id": "$.i"}]}),
        "unknown-record",
    ),
    (
        (
            "webhooks",
            {
                "verify": {"kind": "hmac_sha256", "header": "X", "time": "T"},
                "events": [{"record": "ticket", "id": "$.i"}],
            },
        ),
        "value: a time that is not signed proves nothing",
    ),
    (
        (
            "webhooks",
            {
                "verify": {"kind": "token", "header": "X"},
                "events": [{"record": "ticket", "id": "$.i", "then": "comment"}],
            },
        ),
        "comments: the record ticket has no comments",
    ),
    (
        ("webhooks", {"verify": {"kind": "basic"}, "events": [{"ignore": "why", "record": "ticket"}]}),
        "value: what is ignored tells of no object",
    ),
    (("webhooks", {"verify": {"kind": "basic"}, "events": [{"id": "$.i"}]}), "value: an event tells of an object"),
    (("needs", {"a": {"type": "choice"}}), "value: choices belong to 'type: choice'"),
    (("needs", {"a": {"pattern": "(x"}}), "value: this pattern cannot be used"),
    (("needs", {"a": {"type": "integer", "pattern": "1"}}), "value: a pattern is for texts"),
    (("needs", {"a": {"type": "choice", "choices": ["a"], "default": "b"}}), "value: the default is not a value"),
    (("needs", {"a": {"pattern": "[0-9]+", "default": "x"}}), "value: the default is not a value"),
    (("needs", {"a": {"type": "integer", "default": "x"}}), "value: the default is no integer"),
    (("tests", [{"name": "a", "do": {"read": "tiket"}, "expect": {}}]), "unknown-record: there is no record 'tiket'"),
    (("tests", [{"name": "a", "do": {}, "expect": {}}]), "value: a test does one thing"),
]


@pytest.mark.parametrize(("change", "begins"), ONE, ids=lambda each: str(each)[:60])
def test_one_problem_is_told_once(change: tuple[str, Any], begins: str) -> None:
    problems = told(change)
    assert len(problems) == 1, problems
    assert problems[0].startswith(begins), problems


def test_counted_pages_need_an_order() -> None:
    paged = {"get": "/t", "pick": "$[*]", "page": {"kind": "page"}}
    problems = told(("ticket.list", paged), ("ticket.since", {"param": "from"}))
    assert [each.partition(":")[0] for each in problems] == ["order"]


def test_a_transition_beside_a_conditional_update_is_conditional_too() -> None:
    """The core takes a record's writes as conditional or not: this one would overwrite an edit unseen."""
    writes = {"update": CONDITIONAL, "transition": {"post": "/m/${id}", "body": {"to": "${step.to}"}}}
    problems = told(("ticket.writes", writes), ("ticket.moves", {"to": ["open"], "field": "$.state"}))
    assert [each[:40] for each in problems] == ["proof: updates rest on a precondition, a"]


def test_what_cannot_be_read_has_no_proof() -> None:
    problems = told(("ticket.one", None), ("ticket.writes", {"update": UPDATE, "delete": {"delete": "/t/${id}"}}))
    assert [each[:28] for each in problems] == ["proof: what became of a upda", "proof: what became of a dele"]


def test_all_problems_come_in_one_pass_with_their_places() -> None:
    text = """connector: desk
format: 1
auth: {kind: bearer}
colour: red
check: [{proves: sign-in, get: /me}]
errors:
  - {when: "status == 4 &&", do: reject}
records:
  ticket:
    id: $.id
    list: {get: "/tickets?a=${xyzzzzz}", pik: "$"}
    writes:
      delete: {delete: "/tickets/${id}"}
"""
    shown = [str(each) for each in read_text(Source("desk.yaml", text)).problems]
    assert [line.split(": ")[0] + " " + line.split(": ")[1] for line in shown] == [
        "desk.yaml:4:1 error[unknown-key]",
        "desk.yaml:7:27 error[condition]",
        "desk.yaml:11:17 error[slot]",
        "desk.yaml:11:42 error[unknown-key]",
        "desk.yaml:13:7 error[proof]",
    ]
    assert [line.partition("; try ")[2][:12] for line in shown[2:]] == ["since", "'pick'", "'one: {get: "]


@pytest.mark.parametrize(
    "text", ["", "[]", "a: [", "connector: 1", "records: {ticket: 3}", "format: 1\nrecords: {}", "{}", "&a [*a]"]
)
def test_any_text_gives_problems_and_no_exception(text: str) -> None:
    found = read_text(Source("desk.yaml", text))
    assert found.file is None
    assert found.problems


def test_the_file_is_whole_after_a_clean_reading() -> None:
    assert read().file is not None
