"""Atlassian Document Format to plain text and back. Pure.

v3 text fields are ADF documents (facts.md 2.3 [OAS-JIRA]). Reading keeps every word of every node, known or not;
writing makes paragraphs with line breaks. `to_text(from_text(text)) == normal(text)` for every text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Node = Mapping[str, Any]

DEEPEST = 60
"""Levels that are laid out. What is nested deeper (nobody types that) keeps its words and loses its layout."""
_BLOCKS = frozenset(
    {
        *("doc", "paragraph", "heading", "bulletList", "orderedList", "listItem", "codeBlock", "blockquote", "panel"),
        *("rule", "table", "tableRow", "tableCell", "tableHeader", "mediaSingle", "mediaGroup", "expand"),
        *("nestedExpand", "taskList", "taskItem", "decisionList", "decisionItem", "blockCard", "embedCard"),
        *("layoutSection", "layoutColumn", "bodiedExtension", "extension", "blockTaskItem", "media"),
    }
)


def normal(text: str) -> str:
    """What a text looks like after it was written and read back: line ends as line feeds, no NUL, no blank lines
    around it.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip("\n")


def from_text(text: str) -> dict[str, Any]:
    """A document with one paragraph per block of lines; line ends inside a block become hard breaks."""
    whole = normal(text)
    content = [_paragraph(block) for block in whole.split("\n\n")] if whole else []
    return {"version": 1, "type": "doc", "content": content}


def is_document(value: object) -> bool:
    """Whether a field's value is an ADF document."""
    return isinstance(value, Mapping) and value.get("type") == "doc" and isinstance(value.get("content"), list)


def to_text(document: object) -> str:
    """The document's words, with lists, headings, code and quotes laid out as in a plain mail. Total: never raises."""
    return _block(document, 0).strip("\n") if isinstance(document, Mapping) else ""


def _paragraph(block: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for number, line in enumerate(block.split("\n")):
        if number:
            content.append({"type": "hardBreak"})
        if line:
            content.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": content}


def _block(node: Node, depth: int) -> str:
    if depth > DEEPEST:
        return _words(node)
    kind, children = _kind(node), _children(node)
    if kind in _LISTS:
        marks = _marks(node, children)
        return "\n".join(_listed(item, mark, depth) for item, mark in zip(children, marks, strict=True))
    if kind == "blockquote":
        return _indented(_stacked(children, depth), "> ", "> ")
    if kind == "rule":
        return "----"
    if kind == "table":
        return "\n".join(_table_row(row, depth) for row in children)
    if kind in _TITLED:
        title = _attribute(node, "title")
        return "\n\n".join(part for part in (title, _stacked(children, depth)) if part)
    if any(_kind(child) in _BLOCKS for child in children):
        return _stacked(children, depth)
    return "".join(_inline(child, depth + 1) for child in children) if children else _inline(node, depth)


_LISTS = frozenset({"bulletList", "orderedList", "taskList", "decisionList"})
_TITLED = frozenset({"expand", "nestedExpand"})


def _stacked(children: list[Node], depth: int) -> str:
    return "\n\n".join(_block(child, depth + 1) for child in children)


def _marks(node: Node, items: list[Node]) -> list[str]:
    kind = _kind(node)
    if kind == "orderedList":
        order = _attributes(node).get("order")
        first = order if isinstance(order, int) else 1
        return [f"{first + number}. " for number in range(len(items))]
    if kind == "taskList":
        return ["[x] " if _attribute(item, "state") == "DONE" else "[ ] " for item in items]
    return ["- "] * len(items)


def _listed(item: Node, mark: str, depth: int) -> str:
    """An item; what it holds besides its first line is indented below the mark. Lists within stand close."""
    if _kind(item) in _LISTS:
        return _indented(_block(item, depth + 1), "  ", "  ")
    children = _children(item)
    if not any(_kind(child) in _BLOCKS for child in children):
        return _indented(_block(item, depth + 1), mark, " " * len(mark))
    body = "\n".join(_block(child, depth + 2) for child in children)
    return _indented(body, mark, " " * len(mark))


def _indented(text: str, first: str, rest: str) -> str:
    lines = text.split("\n")
    return "\n".join((first if number == 0 else rest) + line for number, line in enumerate(lines))


def _table_row(row: Node, depth: int) -> str:
    if _kind(row) != "tableRow":
        return _block(row, depth + 1)
    cells = (_block(cell, depth + 2).replace("\n", " ") for cell in _children(row))
    return f"| {' | '.join(cells)} |"


def _inline(node: Node, depth: int) -> str:
    kind = _kind(node)
    if kind == "text":
        return _linked(node)
    if kind == "hardBreak":
        return "\n"
    if kind == "date":
        return _date(_attribute(node, "timestamp"))
    if kind == "mention":
        return _mention(node)
    children = _children(node)
    if children:
        return _block(node, depth + 1)
    return _first(node, _WORDS_OF.get(kind, ("text", "alt", "title", "url", "shortName")))


_WORDS_OF: Mapping[str, tuple[str, ...]] = {
    "emoji": ("text", "shortName"),
    "inlineCard": ("url",),
    "blockCard": ("url",),
    "embedCard": ("url",),
    "media": ("alt", "url", "id"),
    "mediaInline": ("alt", "url", "id"),
}


def _linked(node: Node) -> str:
    """Text, with the address of a link behind it unless the text is the address."""
    text = node.get("text")
    text = text if isinstance(text, str) else ""
    for mark in _nodes(node.get("marks")):
        href = _attribute(mark, "href") if _kind(mark) == "link" else ""
        if href and href != text:
            return f"{text} ({href})"
    return text


def _mention(node: Node) -> str:
    name = _attribute(node, "text") or _attribute(node, "id")
    return name if name.startswith("@") else f"@{name}"


def _date(timestamp: str) -> str:
    if len(timestamp) > 15 or not timestamp.removeprefix("-").isdecimal():
        return timestamp
    try:
        return datetime.fromtimestamp(int(timestamp) / 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return timestamp


def _words(node: Node) -> str:
    """All texts below a node in their order, without recursion."""
    found: list[str] = []
    waiting = [node]
    while waiting:
        one = waiting.pop()
        found += [one["text"]] if isinstance(one.get("text"), str) else []
        waiting += reversed(_children(one))
    return " ".join(found)


def _kind(node: Node) -> str:
    kind = node.get("type")
    return kind if isinstance(kind, str) else ""


def _children(node: Node) -> list[Node]:
    return _nodes(node.get("content"))


def _nodes(value: object) -> list[Node]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _attributes(node: Node) -> Mapping[str, Any]:
    attributes = node.get("attrs")
    return attributes if isinstance(attributes, Mapping) else {}


def _attribute(node: Node, name: str) -> str:
    value = _attributes(node).get(name)
    return str(value) if isinstance(value, str | int | float) else ""


def _first(node: Node, names: tuple[str, ...]) -> str:
    return next((found for name in names if (found := _attribute(node, name))), "")
