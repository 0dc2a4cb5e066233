"""The way back through a list: a cursor tells only what comes next, so an address carries those it came by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gateway.console.rendering import query

_BETWEEN = "~"
DEEPEST = 60
"""Pages back; from further on the way back begins at the first page."""


class Ways(NamedTuple):
    """Addresses of the pages around one; empty where there is none."""

    first: str
    previous: str
    next: str


def ways(page: str, given: Mapping[str, str], at: str, next: str | None) -> Ways:
    """Of a list at `page` with the filter `given`; `at` names the parameter of the cursor, `next` is the next one."""
    here, trail = given[at], [each for each in given["back"].split(_BETWEEN) if each]
    there = trail[:-1] if trail else []
    before = {at: trail[-1] if trail else "", "back": _BETWEEN.join(there)}
    after = {at: next or "", "back": _BETWEEN.join([*trail, here][-DEEPEST:] if here else trail)}
    return Ways(
        first=page + query(given, **{at: "", "back": ""}) if here else "",
        previous=page + query(given, **before) if here else "",
        next=page + query(given, **after) if next else "",
    )
