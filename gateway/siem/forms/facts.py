"""What the forms read off an entry beyond its columns: whom it concerns, from where, and whether it worked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_address
from typing import Any

from gateway.core.kinds import APPLIED, FAILED, OPEN
from gateway.siem.event import Event
from gateway.siem.forms.classes import ACCESS, OTHER
from gateway.siem.forms.kinds import Row, row_of

_PEOPLE = ("person", "owner", "for", "holder", "user", "whom", "login", "email", "account")
"""Names of details that say whom an entry concerns, the first that is there."""

_UNSEEN = re.compile("[\x7f-\x9f\u2028\u2029]")
"""Control characters and line ends that JSON leaves as they are."""


class Success(StrEnum):
    """As OCSF, ECS and CEF tell it."""

    SUCCESS = "success"
    FAILURE = "failure"
    UNKNOWN = "unknown"


def success_of(event: Event) -> Success:
    """Open: its effect is not known yet, another entry will tell. What was overtaken had no effect of its own."""
    if event.outcome == FAILED or row_of(event.kind).failed:
        return Success.FAILURE
    if event.outcome in ("", APPLIED):
        return Success.SUCCESS
    return Success.UNKNOWN


def is_open(event: Event) -> bool:
    """Whether its effect is still to come."""
    return event.outcome == OPEN


def whom(event: Event) -> str:
    """The person or account that it happened to; who did it, where it was to themselves."""
    for place in (event.detail, event.detail.get("after"), event.detail.get("before")):
        if isinstance(place, Mapping):
            for name in _PEOPLE:
                if isinstance(found := place.get(name), str) and found:
                    return found
    return event.actor


def address(event: Event) -> str:
    """Where the request came from; empty if that is not known or not an address."""
    try:
        return str(ip_address(str(event.detail.get("address", ""))))
    except ValueError:
        return ""


def roles(event: Event) -> list[str]:
    """Roles that somebody has from now on, or those that changed."""
    before, after = _roles(event.detail.get("before")), _roles(event.detail.get("after"))
    if before != after:
        return sorted(before ^ after)
    return sorted(_roles(event.detail) or after)


def activity(event: Event, row: Row) -> int:
    """That of the table; of a person who was changed, whether roles came or only went."""
    if row.sort is not ACCESS or "before" not in event.detail or "after" not in event.detail:
        return row.activity
    before, after = _roles(event.detail["before"]), _roles(event.detail["after"])
    if before == after:
        return OTHER
    return 3 if after - before else 4


def detail_text(event: Event) -> str:
    """The detail as one text of JSON. Not as an object: its names differ by kind, and stores that learn types from the
    first event refuse a later one that has another type under the same name.
    """
    if not event.detail:
        return ""
    text = json.dumps(event.detail, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _roles(place: Any) -> set[str]:
    found = place.get("roles") if isinstance(place, Mapping) else None
    return {str(each) for each in found} if isinstance(found, list | tuple) else set()
