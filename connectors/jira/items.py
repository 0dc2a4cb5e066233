"""Comments and changelog entries: pure functions from their documents to items and history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.comments import dress, undress
from connectors.contract.values import HistoryEntry, Item, ItemDraft
from connectors.jira.adf import from_text, is_document, to_text
from connectors.jira.marker import without
from connectors.jira.settings import ISSUE
from connectors.jira.times import parse_time

ORIGIN_PROPERTY = "lockstep.origin"
INTERNAL_PROPERTY = "sd.public.comment"
"""Jira Service Management's own: `{"internal": true}` hides a comment from customers [M]."""


def to_item(comment: Mapping[str, Any]) -> Item:
    """A comment. The property says where our copies come from; webhooks show no properties, so the last line counts
    too.
    """
    body = comment.get("body")
    said = undress(to_text(body) if is_document(body) else str(body or "").replace("\r\n", "\n"))
    properties = _properties(comment)
    origin = properties.get(ORIGIN_PROPERTY, {}).get("origin")
    hidden = properties.get(INTERNAL_PROPERTY, {}).get("internal") is True or comment.get("jsdPublic") is False
    return Item(
        id=str(comment.get("id", "")),
        kind="work_note" if hidden else "comment",
        body=said.body,
        author=display_name(comment.get("author")),
        at=parse_time(comment.get("created")) or 0.0,
        version=_version(comment.get("updated")),
        origin=origin if isinstance(origin, str) else said.origin,
    )


def _version(updated: object) -> str:
    """Each answer shows times in its reader's zone, so only the moment itself tells two states of a comment apart."""
    at = parse_time(updated)
    return "" if at is None else f"{at:.3f}"


def comment_body(item: ItemDraft) -> dict[str, Any]:
    """The body that appends a comment, with its marker as a property and as its last line."""
    properties: list[dict[str, Any]] = [{"key": ORIGIN_PROPERTY, "value": {"origin": item.origin}}]
    if item.kind == "work_note":
        properties.append({"key": INTERNAL_PROPERTY, "value": {"internal": True}})
    return {"body": from_text(dress(item)), "properties": properties}


def display_name(user: object) -> str:
    """A name fit to show."""
    if not isinstance(user, Mapping):
        return ""
    return str(user.get("displayName") or user.get("emailAddress") or user.get("name") or "")


def _properties(comment: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    listed = comment.get("properties")
    pairs = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    return {str(each.get("key")): each["value"] for each in pairs if isinstance(each.get("value"), Mapping)}


def to_history(entry: Mapping[str, Any], issue_id: str, people: Mapping[str, str], us: str) -> HistoryEntry:
    """An entry of the changelog. `people`: account id -> e-mail, as far as visible; `us`: our own account id."""
    author = entry.get("author")
    author = author if isinstance(author, Mapping) else {}
    account = str(author.get("accountId") or author.get("key") or "")
    items = _items(entry)
    return HistoryEntry(
        id=f"{ISSUE}:{issue_id}:{entry.get('id')}",
        at=parse_time(entry.get("created")) or 0.0,
        actor=account,
        by_us=bool(us) and account == us,
        before=_side(items, "from", people),
        after=_side(items, "to", people),
    )


def accounts(entries: list[Mapping[str, Any]]) -> set[str]:
    """The account ids that changes of assignee name."""
    items = [each for entry in entries for each in _items(entry)]
    people = [each for each in items if each.get("fieldId", each.get("field")) in _PEOPLE]
    return {str(each[side]) for each in people for side in ("from", "to") if each.get(side)}


def _items(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = entry.get("items")
    return [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []


_PEOPLE = frozenset({"assignee", "reporter"})
_NAMED = frozenset({"status", "priority", "resolution", "issuetype"})


def _side(items: list[Mapping[str, Any]], side: str, people: Mapping[str, str]) -> dict[str, Any]:
    named = {str(each.get("fieldId") or each.get("field") or ""): each for each in items}
    return {"fields": {name: _cell(name, each, side, people) for name, each in named.items() if name}}


def _cell(name: str, item: Mapping[str, Any], side: str, people: Mapping[str, str]) -> Any:
    """`from`/`to` are ids, `fromString`/`toString` labels (facts.md 2.4 [OAS-JIRA])."""
    value, label = item.get(side), item.get(f"{side}String")
    if name == "labels":
        return without(str(label or "").split())
    if name in _PEOPLE:
        email = {"emailAddress": people[str(value)]} if str(value) in people else {}
        return {"accountId": str(value), "displayName": label} | email if value else None
    if name in _NAMED:
        return {"id": str(value), "name": label} if value else None
    return label if label is not None else ""
