"""Field values in, field values compared: what a write may say, and what the changelog says of it. Pure.

Stored values: ids for what has a name, account ids for people, documents for rich text, sorted lists for labels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from connectors.sandbox.jira import adf, catalog
from connectors.sandbox.jira.catalog import CORRELATION_FIELD, DONE_CATEGORY, NUMBER_FIELD, STATUSES
from connectors.sandbox.people import by_account

_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_TEXT_LIMIT = 32_767
_OFF_SCREEN = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."
NAMED: Mapping[str, Mapping[str, Any]] = {
    "priority": catalog.PRIORITIES,
    "resolution": catalog.RESOLUTIONS,
    "issuetype": catalog.ISSUE_TYPES,
    "status": catalog.STATUSES,
}
PEOPLE_FIELDS = frozenset({"assignee", "reporter", "creator"})
RICH_FIELDS = frozenset({"description", "environment"})
TIME_FIELDS = frozenset({"resolutiondate", "statuscategorychangedate"})

EMPTY: Mapping[str, Any] = {
    "assignee": None,
    "creator": None,
    "description": None,
    "duedate": None,
    "environment": None,
    "issuetype": None,
    "labels": [],
    "parent": None,
    "priority": catalog.DEFAULT_PRIORITY,
    "reporter": None,
    "resolution": None,
    "resolutiondate": None,
    "status": catalog.TO_DO,
    "statuscategorychangedate": None,
    "summary": "",
    NUMBER_FIELD: None,
    CORRELATION_FIELD: None,
}
"""An issue before anything is said about it."""


class Invalid(Exception):
    """A value a field does not take; the message is for the caller."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A write, read: new stored values, comments to add, and what is wrong with it, field by field."""

    values: Mapping[str, Any]
    comments: Sequence[Any]
    errors: Mapping[str, str]


def read_write(payload: Mapping[str, Any], current: Mapping[str, Any], *, screen: frozenset[str]) -> Asked:
    """`fields` and `update` of a create, edit or transition body. Fields off the screen are errors, as in Jira."""
    values: dict[str, Any] = {}
    comments: list[Any] = []
    errors: dict[str, str] = {}
    fields, update = payload.get("fields") or {}, payload.get("update") or {}
    for name, value in fields.items():
        try:
            values[name] = _on_screen(name, screen)(value)
        except Invalid as error:
            errors[name] = str(error)
    for name, operations in update.items():
        try:
            if name in fields:
                raise Invalid(f"Field '{name}' cannot appear in both 'fields' and 'update'")
            if name == "comment":
                comments += [_comment_body(operation) for operation in _listed(name, operations)]
            else:
                values[name] = _operate(name, current.get(name), operations, screen)
        except Invalid as error:
            errors[name] = str(error)
    return Asked(values=values, comments=comments, errors=errors)


def editable(fields: Mapping[str, Any]) -> frozenset[str]:
    """The edit screen. A resolution can be changed there, but only while the issue is done."""
    done = STATUSES[fields["status"]].category is DONE_CATEGORY
    return _EDIT_SCREEN | {"resolution"} if done else _EDIT_SCREEN


def history_items(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The changelog's items for a change of stored values, in a fixed order."""
    return [
        _item(name, before.get(name), after.get(name))
        for name in EMPTY
        if name not in TIME_FIELDS and before.get(name) != after.get(name)
    ]


def parse_account(value: Any) -> str | None:
    """`{"accountId"}`, the older `{"id"}`, or null; -1 means automatic, which here is nobody. Whether there
    is such a person the roster knows. Raises Invalid.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping) or not ({"accountId", "id"} & value.keys()):
        raise Invalid("'accountId' must be the only user identifying query parameter in GDPR strict mode.")
    account = value.get("accountId", value.get("id"))
    if account in (None, "-1"):
        return None
    return str(account)


def _on_screen(name: str, screen: frozenset[str]) -> Callable[[Any], Any]:
    if name not in screen or name not in _PARSERS:
        raise Invalid(_OFF_SCREEN.format(name))
    return _PARSERS[name]


def _operate(name: str, current: Any, operations: Any, screen: frozenset[str]) -> Any:
    parse = _on_screen(name, screen)
    value = current
    for operation in _listed(name, operations):
        [(verb, operand)] = operation.items()
        if verb == "set":
            value = parse(operand)
        elif name == "labels" and verb in ("add", "remove"):
            one = set(parse([operand]))
            value = sorted(set(value or ()) | one if verb == "add" else set(value or ()) - one)
        else:
            raise Invalid(f"Operation '{verb}' is not supported for field '{name}'")
    return value


def _listed(name: str, operations: Any) -> list[dict[str, Any]]:
    """Operations are objects with one verb each."""
    if not isinstance(operations, list) or any(not isinstance(each, dict) or len(each) != 1 for each in operations):
        raise Invalid(f"Operations for field '{name}' must be a list of objects with one verb each")
    return operations


def _comment_body(operation: Mapping[str, Any]) -> Any:
    added = operation.get("add")
    return parse_comment(added.get("body") if isinstance(added, Mapping) else None)


def parse_comment(body: Any) -> Any:
    """A comment's document. Raises Invalid."""
    if not adf.is_document(body) or not adf.to_text(body).strip():
        raise Invalid("Comment body is not valid!")
    return _limited(body)


def _limited(document: Any) -> Any:
    if adf.length(document) > _TEXT_LIMIT:
        raise Invalid("The entered text is too long. It exceeds the allowed limit of 32,767 characters.")
    return document


def _summary(value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid("Operation value must be a string")
    if "\n" in value or "\r" in value:
        raise Invalid("The summary is invalid because it contains newline characters.")
    text = value.strip()
    if not text:
        raise Invalid("You must specify a summary of the issue.")
    if len(text) > 255:
        raise Invalid("Summary can't exceed 255 characters.")
    return text


def _rich(value: Any) -> Any:
    if value is None:
        return None
    if not adf.is_document(value):
        raise Invalid("Operation value must be an Atlassian Document (see the Atlassian Document Format)")
    return _limited(value)


def _labels(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or any(not isinstance(label, str) for label in value):
        raise Invalid("The labels must be an array of strings")
    for label in value:
        if not label or re.search(r"\s", label):
            raise Invalid(f"The label '{label}' contains spaces which is invalid.")
        if len(label) > 255:
            raise Invalid(f"The label '{label}' exceeds 255 characters.")
    return sorted(set(value))


def _plain(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Invalid("Operation value must be a string")
    if value is not None and len(value) > 255:
        raise Invalid("The entered text is too long. It exceeds the allowed limit of 255 characters.")
    return value or None


def _number(value: Any) -> float | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise Invalid("Operation value must be a number")
    return None if value is None else float(value)


def _date(value: Any) -> str | None:
    if value in (None, ""):
        return None
    if not isinstance(value, str) or not _DATE.match(value):
        raise Invalid("Error parsing date string: " + str(value))
    return value


def _parent(value: Any) -> str | None:
    """`{"id"}` or `{"key"}`; whoever knows the issues says whether there is such a one."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or not (value.get("id") or value.get("key")):
        raise Invalid("data was not an object")
    return str(value.get("id") or value.get("key"))


def _named(name: str, *, clears: bool = False) -> Callable[[Any], str | None]:
    def parse(value: Any) -> str | None:
        if value is None and clears:
            return None
        found = catalog.find_named(NAMED[name], value)
        if found is None:
            raise Invalid(f"The {name} selected is invalid.")
        return str(found.id)

    return parse


_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "summary": _summary,
    "description": _rich,
    "environment": _rich,
    "labels": _labels,
    "duedate": _date,
    "parent": _parent,
    "priority": _named("priority"),
    "issuetype": _named("issuetype"),
    "resolution": _named("resolution"),
    "assignee": parse_account,
    "reporter": parse_account,
    NUMBER_FIELD: _number,
    CORRELATION_FIELD: _plain,
}
_EDIT_SCREEN = frozenset(_PARSERS) - {"resolution"}
CREATE_SCREEN = _EDIT_SCREEN


def _item(name: str, before: Any, after: Any) -> dict[str, Any]:
    spec = catalog.FIELDS[name]
    was, now = _history_value(name, before), _history_value(name, after)
    return {
        "field": spec.name if spec.custom else name,
        "fieldtype": "custom" if spec.custom else "jira",
        "fieldId": name,
        "from": was[0],
        "fromString": was[1],
        "to": now[0],
        "toString": now[1],
    }


def _history_value(name: str, value: Any) -> tuple[str | None, str | None]:
    """(id, what people read) of a stored value (facts.md 2.4)."""
    if name == "labels":
        return "", " ".join(value)
    if value is None:
        return None, None
    if name in NAMED:
        return str(value), NAMED[name][value].name
    if name in PEOPLE_FIELDS:
        person = by_account(value)
        return str(value), person.full_name if person else ""
    if name in RICH_FIELDS:
        return None, adf.to_text(value)
    if name == "duedate":
        return str(value), str(value)
    return None, f"{value:g}" if isinstance(value, float) else str(value)
