"""How a copied comment is dressed, the same in every system: attribution first, marker last. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from connectors.contract.values import ItemDraft

_MARKER = re.compile(r"\[lockstep:(?P<origin>[^\s\[\]:]+:[^\s\[\]]+)\]\s*\Z")


class Undressed(NamedTuple):
    """A comment's own text and, for our copies, where the original is (`connection:item id`)."""

    body: str
    origin: str | None


def marker(origin: str) -> str:
    """The last line of a copy; also what a probe searches for."""
    return f"[lockstep:{origin}]"


def dress(draft: ItemDraft) -> str:
    """The text to store: `<author> via <label>:`, the body, the marker."""
    via = f"{draft.author} via {draft.origin_label}:" if draft.origin_label else f"{draft.author}:"
    return f"{via}\n{draft.body}\n{marker(draft.origin)}"


def undress(text: str) -> Undressed:
    """The inverse of `dress`. A text without marker on its last line is a person's own and stays as it is.

    A marker is believed whoever wrote the comment: after a change of the integration user the copies of the old one
    must not come back as new comments.
    """
    found = _MARKER.search(text)
    if found is None:
        return Undressed(text, None)
    rest = text[: found.start()].removesuffix("\n")
    _, newline, body = rest.partition("\n")
    return Undressed(body if newline else rest, found["origin"])
