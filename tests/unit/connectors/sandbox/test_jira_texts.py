"""Documents as plain text, and what a field takes."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.sandbox.jira.adf import is_document, to_text
from connectors.sandbox.jira.fields import EMPTY, editable, history_items, read_write
from tests.contract.sandbox.calling import document


def _text(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **more}


def _node(kind: str, *content: dict[str, Any], **attrs: Any) -> dict[str, Any]:
    return {"type": kind, "content": list(content), **({"attrs": attrs} if attrs else {})}


@pytest.mark.parametrize(
    ("blocks", "text"),
    [
        ([], ""),
        (
            [_node("paragraph", _text("a"), {"type": "hardBreak"}, _text("b")), _node("paragraph", _text("c"))],
            "a\nb\n\nc",
        ),
        ([_node("heading", _text("h"), level=2), _node("codeBlock", _text("x = 1\ny = 2"))], "h\n\nx = 1\ny = 2"),
        ([_node("bulletList", _node("listItem", _node("paragraph", _text("one"))))], "* one"),
        ([_node("paragraph", {"type": "mention", "attrs": {"text": "@Ann"}}, _text(" said"))], "@Ann said"),
        ([_node("paragraph", {"type": "emoji", "attrs": {"shortName": ":fire:"}})], ":fire:"),
        ([_node("paragraph", {"type": "inlineCard", "attrs": {"url": "https://example.com"}})], "https://example.com"),
    ],
)
def test_to_text(blocks: list[dict[str, Any]], text: str) -> None:
    assert to_text({"type": "doc", "version": 1, "content": blocks}) == text


def test_what_is_no_document() -> None:
    assert is_document(document("a"))
    for value in (None, "text", {}, {"type": "doc", "content": []}, {"type": "doc", "version": 1, "content": ["a"]}):
        assert not is_document(value)
    assert to_text(None) == ""


def test_errors_are_told_field_by_field_and_values_kept() -> None:
    asked = read_write(
        {"fields": {"summary": "s", "duedate": "tomorrow"}, "update": {"labels": [{"edit": "x"}]}},
        EMPTY,
        screen=editable(EMPTY),
    )
    assert asked.values == {"summary": "s"}
    assert set(asked.errors) == {"duedate", "labels"}


def test_history_names_ids_and_labels() -> None:
    after = dict(EMPTY) | {"priority": "1", "customfield_10016": 3.0, "duedate": "2026-02-01"}
    items = {item["fieldId"]: item for item in history_items(EMPTY, after)}
    assert (items["priority"]["from"], items["priority"]["toString"]) == ("3", "Highest")
    assert (items["customfield_10016"]["fieldtype"], items["customfield_10016"]["toString"]) == ("custom", "3")
    assert items["duedate"]["to"] == "2026-02-01"
    assert history_items(after, after) == []
