"""Numbers in addresses, headers and forms, where anybody can write anything."""

from __future__ import annotations

LONGEST = 18
"""Digits that every database and `int` take."""


def number_in(text: str, *, longest: int = LONGEST) -> int | None:
    """What ASCII digits say. None: it is no number, or larger than any of ours."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= longest else None
