"""A first file out of a sample or an OpenAPI document: it has no problems, and promises nothing that is not known."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract.written.places import Source
from connectors.declared import scaffold
from connectors.declared.loader import read_text
from connectors.declared.model.file import ConnectorFile


def clean(found: scaffold.Found) -> ConnectorFile:
    text = scaffold.text("desk", found)
    read = read_text(Source("desk.yaml", text))
    assert read.problems == [], text
    assert read.file is not None
    return read.file


@pytest.mark.parametrize(
    ("answer", "pick", "page"),
    [
        ([{"id": 1}], "$[*]", None),
        ({"data": {"items": [{"id": 1}]}, "next": "https://x.test/?p=2"}, "$.data.items[*]", "next_url"),
        ({"results": [{"uuid": "a"}], "nextPageToken": "zz"}, "$.results[*]", "cursor"),
    ],
)
def test_of_a_sample(answer: Any, pick: str, page: str | None) -> None:
    listing = clean(scaffold.of_sample("ticket", "/tickets", answer)).records["ticket"].list
    assert (listing.pick, listing.page.kind if listing.page else None) == (pick, page)


def test_what_a_row_shows_is_found() -> None:
    row = {"Id": 1, "number": "T-1", "lockVersion": 3, "modified": 1795262400000}
    record = clean(scaffold.of_sample("ticket", "/tickets", [row])).records["ticket"]
    assert record.updated is not None
    assert record.version is not None
    assert (record.id, record.key, record.version.at) == ("$.Id", "$.number", "$.lockVersion")
    assert (record.updated.at, record.updated.as_, record.version.kind) == ("$.modified", "epoch_ms", "ordered")


@pytest.mark.parametrize("answer", [{}, [], {"items": []}, "x", 3, None, {"items": ["a"]}])
def test_an_answer_without_objects_says_so(answer: Any) -> None:
    with pytest.raises(ValueError, match="no list of objects"):
        scaffold.of_sample("ticket", "/tickets", answer)


OPENAPI = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://desk.test/api/v2/"}],
    "paths": {
        "/tickets": {
            "get": {
                "parameters": [{"$ref": "#/components/parameters/Page"}, {"name": "per_page", "in": "query"}],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/List"}}}}
                },
            },
            "post": {},
        },
        "/tickets/{ticket_id}": {"get": {}, "patch": {}, "put": {}, "delete": {}},
        "/tickets/{ticket_id}/notes": {"get": {}},
    },
    "components": {
        "parameters": {"Page": {"name": "page", "in": "query"}},
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Desk-Key"}},
        "schemas": {
            "List": {
                "type": "object",
                "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Ticket"}}},
            },
            "Ticket": {
                "allOf": [
                    {"properties": {"id": {"type": "integer"}}},
                    {"properties": {"updated_at": {"type": "string"}}},
                ]
            },
        },
    },
}


def test_of_an_openapi_document() -> None:
    file = clean(scaffold.of_openapi("ticket", OPENAPI))
    record = file.records["ticket"]
    assert (file.http.base, file.auth[0].kind) == ("/api/v2", "api_key")
    assert (record.list.get, record.list.pick, record.list.page.kind if record.list.page else "") == (
        "/tickets",
        "$.items[*]",
        "page",
    )
    assert record.one is not None
    assert record.one.get == "/tickets/${id}"
    assert record.writes.create is not None
    assert record.writes.update is not None
    assert record.writes.create.once.by == "none", "how a create is proved is nobody's guess"
    assert (record.writes.update.method, record.writes.delete is not None) == ("PATCH", True)


@pytest.mark.parametrize("document", [{}, {"paths": 3}, {"paths": {"/people": {"get": {}}}}])
def test_a_document_without_such_a_list_says_what_there_is(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="there is no list at"):
        scaffold.of_openapi("ticket", document)
