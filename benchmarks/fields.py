"""The 25 fields of the benchmark's ticket and how the floor maps them: one hand-written closure per field, no checks.

`benchmarks/config/mappings/` says the same in the product's language; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Document = Mapping[str, Any]
Reader = Callable[[Document], Any]

STATES = {"1": "new", "2": "open", "3": "waiting", "4": "review", "5": "done"}
PRIORITIES = {"1": "critical", "2": "high", "3": "medium", "4": "low"}
LEVELS = {"1": "high", "2": "medium", "3": "low"}
CATEGORIES = {"hw": "Hardware", "sw": "Software", "net": "Network", "db": "Database"}
CHANNELS = {"p": "phone", "e": "email", "w": "web", "c": "chat"}


def plain(name: str) -> Reader:
    """A top-level value as it is."""
    return lambda ticket: ticket[name]


def nested(outer: str, name: str) -> Reader:
    """A value one level down."""
    return lambda ticket: ticket[outer][name]


def coded(name: str, codes: Mapping[str, str]) -> Reader:
    """A value through a table of codes."""
    return lambda ticket: codes[ticket[name]]


def moment(name: str) -> Reader:
    """`2026-03-01 10:20:30` as `2026-03-01T10:20:30Z`, both UTC."""
    return lambda ticket: f"{ticket[name][:10]}T{ticket[name][11:]}Z"


FIELDS: tuple[tuple[str, Reader], ...] = (
    ("reference", plain("number")),
    ("title", plain("short_description")),
    ("body", plain("description")),
    ("status", coded("state", STATES)),
    ("priority", coded("priority", PRIORITIES)),
    ("impact", coded("impact", LEVELS)),
    ("urgency", coded("urgency", LEVELS)),
    ("category", coded("category", CATEGORIES)),
    ("topic", plain("subcategory")),
    ("channel", coded("channel", CHANNELS)),
    ("owner", nested("assigned_to", "email")),
    ("team", nested("assignment_group", "name")),
    ("requester", nested("caller", "email")),
    ("requester_phone", nested("caller", "phone")),
    ("site", nested("location", "site")),
    ("country", nested("location", "country")),
    ("asset", nested("asset", "id")),
    ("asset_name", nested("asset", "name")),
    ("service", plain("service")),
    ("opened", moment("opened_at")),
    ("due", moment("due_at")),
    ("escalated", plain("escalated")),
    ("tags", plain("labels")),
    ("revision", plain("revision")),
    ("sent_us", plain("sent_us")),
)


def to_target(ticket: Document) -> dict[str, Any]:
    """The target's document for a source ticket. Raises KeyError for an unknown code or a missing field."""
    return {name: read(ticket) for name, read in FIELDS}
