"""Addresses that people attach to a case: read from its history, so that who added and who removed one stays told."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from dead_letter.values import Step

_LONGEST = 2000


def web_address(text: str) -> str:
    """The address if it is one that a browser may be sent to, else nothing: no `javascript:`, no user name in it."""
    text = text.strip()
    if len(text) > _LONGEST or any(each.isspace() or not each.isprintable() for each in text):
        return ""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return ""
    return text if parts.scheme in ("http", "https") and parts.hostname and parts.username is None else ""


def links_of(history: Sequence[Step]) -> list[Step]:
    """The steps that added links which are still there, oldest first: `choice` is the address, `reason` the title."""
    found: dict[str, Step] = {}
    for step in history:
        if step.action == "link":
            found[step.choice] = step
        elif step.action == "unlink":
            found.pop(step.choice, None)
    return list(found.values())
