"""Rich text: identity on plain text, no lost words, no crash."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.jira.adf import from_text, is_document, normal, to_text

LINES = st.text(alphabet=st.sampled_from("ab \n\r\t-*#|>é\0"), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda each: (
        st.lists(each, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "content", "text", "attrs", "marks", "order", "timestamp", "url"]), each
        )
    ),
    max_leaves=25,
)
NODES = st.sampled_from(
    [
        *("paragraph", "heading", "bulletList", "orderedList", "listItem", "blockquote", "panel", "table", "tableRow"),
        *("tableCell", "taskList", "taskItem", "expand", "somethingNew"),
    ]
)
WORDS = st.text(alphabet="abcdefgh", min_size=3, max_size=6)


@settings(deadline=None)
@given(LINES | st.text())
def test_text_survives_the_way_there_and_back(text: str) -> None:
    assert to_text(from_text(text)) == normal(text)
    assert normal(normal(text)) == normal(text)


@settings(deadline=None)
@given(LINES)
def test_documents_we_write_are_valid(text: str) -> None:
    document = from_text(text)
    assert is_document(document)
    assert (document["version"], document["type"]) == (1, "doc")
    for paragraph in document["content"]:
        assert paragraph["type"] == "paragraph"
        for node in paragraph["content"]:
            assert node == {"type": "hardBreak"} or (node["type"] == "text" and node["text"])


@settings(deadline=None)
@given(JSON)
def test_any_json_becomes_a_text(value: Any) -> None:
    assert isinstance(to_text(value), str)


def tree(children: st.SearchStrategy[list[dict[str, Any]]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(
        st.builds(lambda kind, content: {"type": kind, "content": content}, NODES, children), min_size=1, max_size=3
    )


@settings(deadline=None)
@given(
    st.recursive(
        st.lists(st.builds(lambda word: {"type": "text", "text": word}, WORDS), min_size=1, max_size=3),
        tree,
        max_leaves=8,
    )
)
def test_no_word_is_lost_in_any_node(content: list[dict[str, Any]]) -> None:
    def words(nodes: list[dict[str, Any]]) -> list[str]:
        return [word for node in nodes for word in ([node["text"]] if "text" in node else words(node["content"]))]

    shown = to_text({"type": "doc", "version": 1, "content": content})
    assert all(word in shown for word in words(content))


def test_deep_nesting_keeps_its_words() -> None:
    document: dict[str, Any] = {"type": "doc", "content": []}
    inner = document
    for _ in range(5000):
        deeper: dict[str, Any] = {"type": "listItem", "content": []}
        inner["content"].append({"type": "bulletList", "content": [deeper]})
        inner = deeper
    inner["content"].append({"type": "text", "text": "treasure"})
    assert "treasure" in to_text(document)


def p(*content: Any) -> dict[str, Any]:
    return {
        "type": "paragraph",
        "content": [{"type": "text", "text": each} if isinstance(each, str) else each for each in content],
    }


def node(kind: str, *content: Any, **attrs: Any) -> dict[str, Any]:
    return {"type": kind, "attrs": attrs, "content": list(content)}


LAID_OUT: list[tuple[dict[str, Any], str]] = [
    (node("heading", {"type": "text", "text": "Title"}, level=1), "Title"),
    (node("bulletList", node("listItem", p("one")), node("listItem", p("two"))), "- one\n- two"),
    (node("orderedList", node("listItem", p("a")), node("listItem", p("b")), order=3), "3. a\n4. b"),
    (
        node("bulletList", node("listItem", p("one"), node("orderedList", node("listItem", p("in"))))),
        "- one\n  1. in",
    ),
    (node("codeBlock", {"type": "text", "text": "if x:\n    y"}), "if x:\n    y"),
    (node("blockquote", p("said"), p("more")), "> said\n> \n> more"),
    (p("a", {"type": "hardBreak"}, "b"), "a\nb"),
    (p({"type": "mention", "attrs": {"id": "1", "text": "@Ann"}}, " hi"), "@Ann hi"),
    (p({"type": "mention", "attrs": {"id": "1", "text": "Ann"}}), "@Ann"),
    (p({"type": "emoji", "attrs": {"shortName": ":fire:", "text": "\N{FIRE}"}}), "\N{FIRE}"),
    (
        p({"type": "text", "text": "here", "marks": [{"type": "link", "attrs": {"href": "http://x"}}]}),
        "here (http://x)",
    ),
    (p({"type": "text", "text": "http://x", "marks": [{"type": "link", "attrs": {"href": "http://x"}}]}), "http://x"),
    (p({"type": "text", "text": "bold", "marks": [{"type": "strong"}]}), "bold"),
    (p({"type": "inlineCard", "attrs": {"url": "http://card"}}), "http://card"),
    (p({"type": "date", "attrs": {"timestamp": "1700000000000"}}), "2023-11-14"),
    (p({"type": "status", "attrs": {"text": "DONE", "color": "green"}}), "DONE"),
    (node("panel", p("note"), panelType="info"), "note"),
    (node("expand", p("inside"), title="More"), "More\n\ninside"),
    (node("taskList", node("taskItem", {"type": "text", "text": "do"}, state="DONE")), "[x] do"),
    (node("table", node("tableRow", node("tableHeader", p("h")), node("tableCell", p("c")))), "| h | c |"),
    ({"type": "rule"}, "----"),
    (node("mediaSingle", {"type": "media", "attrs": {"id": "m1", "alt": "screen.png"}}), "screen.png"),
    ({"type": "futureBlock", "content": [p("kept")]}, "kept"),
]


@pytest.mark.parametrize(
    ("block", "text"), LAID_OUT, ids=lambda value: value["type"] if isinstance(value, dict) else ""
)
def test_layout(block: dict[str, Any], text: str) -> None:
    assert to_text({"type": "doc", "version": 1, "content": [block]}) == text


def test_blocks_are_set_apart_by_an_empty_line() -> None:
    assert (
        to_text({"type": "doc", "content": [p("a"), p("b"), node("bulletList", node("listItem", p("c")))]})
        == "a\n\nb\n\n- c"
    )
