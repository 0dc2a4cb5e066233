"""What takes more than one request: comments that are objects of their own, and writes that need something first."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from connectors.contract.errors import Refused, Retryable
from connectors.contract.values import ItemDraft, Ref, Write, WriteKind
from tests.unit.connectors.declared.support import engine, told

REF = Ref(object="ticket", id="7")
COMMENTS = (
    "ticket.comments",
    {
        "get": "/tickets/${id}?show=notes",
        "pick": "$.notes[*]",
        "each": {"get": "/notes/${row.id}", "pick": "$.note"},
        "text": "$.text",
        "author": "$.by",
    },
)
BEFORE = [
    {"get": "/tickets/${id}", "gives": {"tag": "$.tag"}},
    {"post": "/notes", "body": {"text": "${comment.text}", "on": "${before.tag}"}, "gives": {"note": "$.note.id"}},
]
COMMENT = (
    "ticket.writes",
    {
        "comment": {
            "before": BEFORE,
            "patch": "/tickets/${id}",
            "headers": {"If-Match": "${before.tag}"},
            "body": {"add": "${before.note}"},
        }
    },
)


class Desk:
    """Notes are objects of their own; a ticket names those that belong to it."""

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}
        self.linked: list[str] = []
        self.asked: list[str] = []
        self.down = ""

    def __call__(self, request: httpx.Request) -> Any:
        asked = f"{request.method} {request.url.path}"
        self.asked.append(asked)
        if asked == self.down:
            return httpx.Response(503)
        if asked == "POST /notes":
            self.notes[f"n{len(self.notes) + 1}"] = orjson.loads(request.content)["text"]
            return httpx.Response(201, json={"note": {"id": list(self.notes)[-1]}})
        if request.method == "PATCH":
            assert request.headers["if-match"] == "t-1"
            self.linked.append(orjson.loads(request.content)["add"])
            return {}
        if request.url.path.startswith("/notes/"):
            note = request.url.path.removeprefix("/notes/")
            if note not in self.notes:
                return httpx.Response(404)
            return {"note": {"id": note, "text": self.notes[note], "by": "ann"}}
        return {"id": "7", "tag": "t-1", "notes": [{"id": each} for each in self.linked]}


def said() -> Write:
    draft = ItemDraft(kind="comment", body="hello", author="Bob", at=0.0, origin="jira:4", origin_label="Jira")
    return Write(kind=WriteKind.ITEM, object="ticket", operation="op-1", correlation="c-1", ref=REF, item=draft)


async def test_each_comment_is_read_where_the_list_only_names_it() -> None:
    desk = Desk()
    desk.notes, desk.linked = {"n1": "first", "n2": "second"}, ["n1", "n9", "n2"]
    found = (await engine(desk, COMMENTS).read(REF, items=True)).items or ()
    assert [(each.id, each.body, each.author) for each in found] == [("n1", "first", "ann"), ("n2", "second", "ann")]


async def test_a_write_takes_what_the_requests_before_it_gave() -> None:
    desk = Desk()
    connector = engine(desk, COMMENTS, COMMENT)
    await connector.apply(said())
    assert desk.asked == ["GET /tickets/7", "POST /notes", "PATCH /tickets/7"]
    assert desk.linked == ["n1"]
    [item] = (await connector.read(REF, items=True)).items or ()
    assert (item.body, item.origin) == ("hello", "jira:4")


async def test_nothing_is_written_when_what_it_needs_first_is_not_answered() -> None:
    desk = Desk()
    desk.down = "POST /notes"
    with pytest.raises(Retryable):
        await engine(desk, COMMENTS, COMMENT).apply(said())
    assert desk.linked == []
    assert "PATCH /tickets/7" not in desk.asked


async def test_nothing_is_written_when_an_answer_lacks_what_it_should_give() -> None:
    desk = Desk()
    broken = {**BEFORE[0], "gives": {"tag": "$.etag"}}
    writes = {"comment": {**COMMENT[1]["comment"], "before": [broken, BEFORE[1]]}}
    with pytest.raises(Refused, match="gave no tag"):
        await engine(desk, COMMENTS, ("ticket.writes", writes)).apply(said())
    assert desk.asked == ["GET /tickets/7"]


def test_a_request_knows_only_what_came_before_it() -> None:
    writes = {"comment": {**COMMENT[1]["comment"], "before": [BEFORE[1], BEFORE[0]]}}
    assert told(COMMENTS, ("ticket.writes", writes)) == [
        "slot: there is no ${before} here; try one of: id, key, operation, correlation, comment"
    ]
    bare = {"comment": {"patch": "/tickets/${id}", "body": {"add": "${before.note}"}}}
    assert told(COMMENTS, ("ticket.writes", bare)) != []
    misspelt = {"comment": {**COMMENT[1]["comment"], "body": {"add": "${before.nose}"}}}
    assert told(COMMENTS, ("ticket.writes", misspelt)) == ["slot: before has no part 'nose'; try 'note'"]


async def test_a_deleted_object_that_can_still_be_read_is_gone() -> None:
    there = {"7"}

    def answer(request: httpx.Request) -> Any:
        asked = request.url.params.get("id")
        return {"id": "7", "items": [{"id": asked}] if asked in there else []}

    listed = {"get": "/tickets?id=${id}", "pick": "$.items[*]"}
    connector = engine(answer, ("ticket.one", {"get": "/tickets/${id}", "among": listed}))
    assert (await connector.read(REF)).exists
    there.clear()
    assert not (await connector.read(REF)).exists
