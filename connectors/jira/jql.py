"""Pieces of JQL. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connectors.contract.errors import Refused

_NAMED = frozenset({"status", "priority", "resolution", "issuetype"})
_TEXTS = frozenset({"summary", "description", "environment"})


def quoted(text: str) -> str:
    """A string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'


def all_of(conditions: Iterable[str], order: str = "") -> str:
    """Conditions joined by AND, each kept together."""
    joined = " AND ".join(f"({each})" if " or " in each.lower() else each for each in conditions if each)
    return f"{joined} ORDER BY {order}" if order else joined


def equals(field: str, value: Any) -> str:
    """A condition that every issue with exactly this value satisfies; others may too, so the caller compares.

    Raises Refused for fields that JQL cannot look up this way.
    """
    number = field.removeprefix("customfield_")
    if field in _NAMED and isinstance(value, Mapping) and value.get("name"):
        return f"{field} = {quoted(str(value['name']))}"
    if field == "labels" and isinstance(value, list) and value:
        return " AND ".join(f"labels = {quoted(str(each))}" for each in value)
    if field == "assignee" and isinstance(value, Mapping) and value.get("accountId"):
        return f"assignee = {quoted(str(value['accountId']))}"
    if isinstance(value, str) and value and (field in _TEXTS or number != field):
        return f"{field if number == field else f'cf[{number}]'} ~ {quoted(quoted(value))}"
    raise Refused(
        f"{field}: issues cannot be looked up by this field and value", fields={field: "cannot be looked up by JQL"}
    )
