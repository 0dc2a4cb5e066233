"""One pure function from an issue document to a Snapshot. Rich text is shown as plain text, our marker is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.contract.values import Snapshot, Step
from connectors.jira import marker, properties
from connectors.jira.adf import is_document, to_text
from connectors.jira.settings import ISSUE
from connectors.jira.times import parse_time

USUAL_FIELDS = (
    *("summary", "description", "environment", "status", "priority", "assignee", "reporter", "resolution", "labels"),
    *("issuetype", "project", "components", "duedate", "created", "updated"),
)
WHOLE = ("summary", "description", "status", "priority", "assignee", "resolution", "labels", "updated")
"""What an issue document must have, if only as null, to count as whole."""
_RICH = ("description", "environment")
_ASIDE = frozenset({"comment", "worklog", "attachment"})
"""Told apart from the fields: comments are items."""


def read_fields(more: Iterable[str], correlation_field: str) -> tuple[str, ...]:
    """The fields asked for."""
    return tuple(dict.fromkeys(name for name in (*USUAL_FIELDS, *more, correlation_field) if name))


def to_raw(document: Mapping[str, Any], correlation_field: str) -> dict[str, Any]:
    """`{"id", "key", "fields"}` as mappings see it."""
    return {
        "id": str(document.get("id", "")),
        "key": str(document.get("key", "")),
        "fields": plain_fields(_fields(document), correlation_field),
    }


def plain_fields(fields: Mapping[str, Any], correlation_field: str) -> dict[str, Any]:
    """Fields with documents as plain text and labels without our marker."""
    shown = {name: _plain(name, value) for name, value in fields.items() if name not in _ASIDE}
    shown.pop(correlation_field, None)
    if "labels" in shown:
        shown["labels"] = marker.without(marker.labels(fields))
    return shown


def _plain(name: str, value: Any) -> Any:
    """Empty rich text comes as null, which shows as "": both mean that nothing was written."""
    if is_document(value):
        return to_text(value)
    if name in _RICH:
        return value.replace("\r\n", "\n").strip("\n") if isinstance(value, str) else ""
    return value


def to_snapshot(
    document: Mapping[str, Any],
    *,
    correlation_field: str = "",
    site: str = "",
    actor: str | None = None,
    by_us: bool | None = None,
    partial: bool = False,
    asked: Iterable[str] = (),
    keys: Sequence[str] = (),
) -> Snapshot:
    """An issue as a Snapshot. It has no version number: `updated` is all there is (facts.md 2.4). `asked`: the fields
    asked for; an issue without a parent leaves that out [fixture jira/http.issue.get-expand-transitions]. `keys`: the
    properties asked for.
    """
    fields = _fields(document)
    if "parent" in asked and "parent" not in fields:
        document = {**document, "fields": {**fields, "parent": None}}
    key = str(document.get("key", ""))
    return Snapshot(
        object=ISSUE,
        id=str(document.get("id", "")),
        key=key,
        updated_at=parse_time(fields.get("updated")),
        raw=to_raw(document, correlation_field) | _properties(document, keys),
        partial=partial,
        correlation=marker.correlation(fields, correlation_field),
        actor=actor,
        by_us=by_us,
        field_times=field_times(document),
        url=f"{site}/browse/{key}" if site and key else "",
    )


def _properties(document: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {properties.NAME: properties.shown(document, keys)} if keys else {}


def is_whole(document: Mapping[str, Any], more: Iterable[str]) -> bool:
    """Whether a document somebody else chose (a webhook's) says all that our own read would say.

    Webhooks carry rich text as wiki notation [fixtures jira/webhook-*], reads carry documents: the two compare only
    while the text uses no notation.
    """
    fields = _fields(document)
    if any(name not in fields for name in (*WHOLE, *more)):
        return False
    return all(_comparable(fields.get(name)) for name in (*_RICH, *more))


_NOTATION = frozenset("*_+^~{}[]|!#\\")


def _comparable(value: Any) -> bool:
    return not isinstance(value, str) or not (
        _NOTATION & set(value) or any(mark in value for mark in ("--", "h1.", "bq."))
    )


def field_times(document: Mapping[str, Any]) -> dict[str, float]:
    """Field -> time of its last change, from an expanded changelog; {} without one."""
    found: dict[str, float] = {}
    for entry in histories(document):
        at = parse_time(entry.get("created"))
        for name in changed_fields(entry) if at is not None else ():
            found[name] = max(at or 0.0, found.get(name, 0.0))
    return found


def histories(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The entries of an expanded changelog; [] without one."""
    changelog = document.get("changelog")
    listed = changelog.get("histories") if isinstance(changelog, Mapping) else None
    return [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []


_ABOUT_S = 0.05
"""An edit's changelog entry and `updated` are stamped one after the other: recordings differ by 1-2 ms [fixture
api.issue].
"""


def last_author(document: Mapping[str, Any]) -> str | None:
    """Account id of whoever made the last change, if the changelog shows that one; a comment leaves no entry."""
    last = max(histories(document), key=lambda entry: parse_time(entry.get("created")) or 0.0, default=None)
    updated = parse_time(_fields(document).get("updated"))
    if last is None or updated is None or (parse_time(last.get("created")) or 0.0) < updated - _ABOUT_S:
        return None
    author = last.get("author")
    return str(author.get("accountId") or "") or None if isinstance(author, Mapping) else None


def changed_fields(entry: Mapping[str, Any]) -> list[str]:
    """The fields an entry of a changelog names. Older ones have no `fieldId` [fixture jira/webhook-server-*]."""
    listed = entry.get("items")
    items = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    return [str(name) for each in items if (name := each.get("fieldId") or each.get("field"))]


def last_changelog_id(document: Mapping[str, Any]) -> str:
    """The highest changelog id in an expanded changelog; "" without one."""
    ids = [str(each.get("id", "")) for each in histories(document)]
    return max(ids, key=lambda each: (len(each), each), default="")


def _fields(document: Mapping[str, Any]) -> Mapping[str, Any]:
    fields = document.get("fields")
    return fields if isinstance(fields, Mapping) else {}


def shows(fields: Any, wanted: Any) -> bool:
    """Whether a value has everything of a fragment, exactly; lists compare as sets."""
    if isinstance(wanted, Mapping):
        return isinstance(fields, Mapping) and all(shows(fields.get(name), each) for name, each in wanted.items())
    if isinstance(wanted, list):
        return isinstance(fields, list) and sorted(map(str, fields)) == sorted(map(str, wanted))
    return bool(fields == wanted)


def entry_time(entry: Mapping[str, Any]) -> float:
    """When a changelog entry was made."""
    return parse_time(entry.get("created")) or 0.0


def to_step(transition: Mapping[str, Any]) -> Step:
    """A transition. Names of transitions are not unique, the status it leads to counts (facts.md 2.3)."""
    target, screen = transition.get("to"), transition.get("fields")
    fields = (
        {str(name): each for name, each in screen.items() if isinstance(each, Mapping)}
        if isinstance(screen, Mapping)
        else {}
    )
    return Step(
        id=str(transition.get("id", "")),
        to=str(target.get("name", "")) if isinstance(target, Mapping) else "",
        fields=tuple(fields),
        required=tuple(
            name for name, each in fields.items() if each.get("required") and not each.get("hasDefaultValue")
        ),
    )
