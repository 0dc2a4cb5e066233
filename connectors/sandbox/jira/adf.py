"""Atlassian documents: is it one, and what does it say as plain text. Blocks are set apart by a blank line."""

from __future__ import annotations

from typing import Any

import orjson

_INLINE_CONTAINERS = frozenset({"paragraph", "heading", "codeBlock"})


def is_document(value: Any) -> bool:
    """Whether v3 takes it as rich text."""
    return (
        isinstance(value, dict)
        and value.get("type") == "doc"
        and value.get("version") == 1
        and isinstance(value.get("content"), list)
        and all(isinstance(node, dict) and isinstance(node.get("type"), str) for node in value["content"])
    )


def length(value: Any) -> int:
    """What counts against the limit of a text field."""
    return len(orjson.dumps(value))


def to_text(value: Any) -> str:
    """Plain text of a document; empty for none."""
    if not isinstance(value, dict):
        return ""
    return "\n\n".join(_block(node) for node in value.get("content", [])).strip("\n")


def _block(node: dict[str, Any]) -> str:
    content = node.get("content", [])
    if node.get("type") in _INLINE_CONTAINERS:
        return "".join(_inline(child) for child in content)
    mark = "* " if node.get("type") == "listItem" else ""
    return mark + "\n".join(_block(child) if child.get("type") != "text" else _inline(child) for child in content)


def _inline(node: dict[str, Any]) -> str:
    attributes = node.get("attrs", {})
    match node.get("type"):
        case "text":
            return str(node.get("text", ""))
        case "hardBreak":
            return "\n"
        case "mention" | "status":
            return str(attributes.get("text", ""))
        case "emoji":
            return str(attributes.get("text") or attributes.get("shortName", ""))
        case "inlineCard":
            return str(attributes.get("url", ""))
        case "date":
            return str(attributes.get("timestamp", ""))
    return "".join(_inline(child) for child in node.get("content", []))
