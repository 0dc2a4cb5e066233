"""Webhooks: verification, and one pure function from an event to changes.

Payloads of Cloud and of older servers differ much (facts.md 2.5): everything but the event's name and the issue's id
may be missing, and anything may have an unexpected type.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import msgspec
import orjson

from connectors.contract.errors import MalformedError, SignatureError
from connectors.contract.values import Change, ChangeKind, Item, Received, Snapshot, Webhook
from connectors.jira import attachments
from connectors.jira.items import to_item
from connectors.jira.rows import is_whole, to_snapshot
from connectors.jira.settings import ISSUE, USER
from connectors.jira.times import from_ms, parse_time

SIGNATURE = "x-hub-signature"
IDENTIFIER = "x-atlassian-webhook-identifier"
FLOW = "x-atlassian-webhook-flow"
Document = Mapping[str, Any]


class Reader(NamedTuple):
    """What reading needs besides the event."""

    connection: str
    project: str
    correlation_field: str
    more_fields: tuple[str, ...]
    site: str
    me: str
    """Our account id, "" if not known yet."""
    user: str
    """Our e-mail, "" with a token."""
    clock_offset_s: float
    new_key: str
    """For hints of old servers, which send no identifier."""
    attachments: bool = False
    """Files are items."""
    sees_all: bool = True
    """False: more of an issue is synchronised than an event can show (its properties)."""


def verify(webhook: Webhook, secret: str) -> None:
    """X-Hub-Signature: HMAC-SHA256 over the raw body (facts.md 2.5). Raises SignatureError, always so without a
    secret.
    """
    given = webhook.headers.get(SIGNATURE, "")
    if not secret:
        raise SignatureError("this connection has no webhook secret, so no webhook is believed", code="no_secret")
    if not given:
        raise SignatureError(f"{SIGNATURE} is required", code="missing_signature")
    due = "sha256=" + hmac.new(secret.encode(), webhook.body, hashlib.sha256).hexdigest()
    if not given.isascii() or not hmac.compare_digest(given, due):
        raise SignatureError("the signature does not fit the body", code="bad_signature")


def read(webhook: Webhook, reader: Reader, objects: Collection[str] = (ISSUE,)) -> Received:
    """The changes of an event. Raises MalformedError where the event cannot be told. `objects`: what is
    synchronised; what an event says of others is ignored.
    """
    said = _parsed(webhook.body)
    event = said["webhookEvent"]
    if event in _PEOPLE_EVENTS and USER in objects:
        return _of_person(event, said, webhook, reader)
    if ISSUE not in objects:
        return Received(changes=(), ignored=f"event {event[:60]} is of an object that is not synchronised")
    if event not in _ISSUE_EVENTS and event not in _COMMENT_EVENTS:
        return Received(changes=(), ignored=f"event {event[:60]} carries nothing that is synchronised")
    issue = said.get("issue")
    if not isinstance(issue, Mapping) or not _id(issue):
        raise MalformedError(f"{event} without an issue id", code="no_issue")
    if _elsewhere(said, issue, reader.project):
        return Received(changes=(), ignored=f"issue {issue.get('key')} is not of project {reader.project}")
    if event in _COMMENT_EVENTS:
        return _commented(event, said, issue, webhook, reader)
    return _edited(event, said, issue, webhook, reader)


_ISSUE_EVENTS: Mapping[str, ChangeKind] = {
    "jira:issue_created": ChangeKind.SNAPSHOT,
    "jira:issue_updated": ChangeKind.SNAPSHOT,
    "jira:issue_deleted": ChangeKind.DELETED,
}
_PEOPLE_EVENTS: Mapping[str, ChangeKind] = {
    "user_created": ChangeKind.HINT,
    "user_updated": ChangeKind.HINT,
    "user_deleted": ChangeKind.DELETED,
}
_COMMENT_EVENTS = frozenset({"comment_created", "comment_updated", "comment_deleted"})


def _of_person(event: str, said: Document, webhook: Webhook, reader: Reader) -> Received:
    """What it shows of the profile depends on whom it is sent to; so it is only a hint to read."""
    user = said.get("user")
    account = user.get("accountId") if isinstance(user, Mapping) else None
    if not isinstance(account, str) or not account:
        raise MalformedError(f"{event} without an accountId", code="no_user")
    kind = _PEOPLE_EVENTS[event]
    snapshot = Snapshot(object=USER, id=account, partial=True, exists=kind is not ChangeKind.DELETED)
    key = webhook.headers.get(IDENTIFIER, "") or f"{USER}:{account}:{reader.new_key}"
    return Received(changes=(_change(kind, snapshot, key, said, webhook, reader),))


def roll_hint(connection: str, object: str, id: str, key: str, received_at: float) -> Change:
    """A row that looks otherwise than before, or is not listed any more: something to read, by a key of its own."""
    return Change(
        connection=connection,
        delivery_key=f"{object}:{id}:{key}",
        kind=ChangeKind.HINT,
        snapshot=Snapshot(object=object, id=id, partial=True),
        received_at=received_at,
        via="poll",
    )


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedError("the body is not JSON", code="not_json") from error
    if not isinstance(said, dict) or not isinstance(said.get("webhookEvent"), str):
        raise MalformedError("the body has no `webhookEvent`; is this a Jira webhook?", code="no_event")
    return said


def _edited(event: str, said: Document, issue: Document, webhook: Webhook, reader: Reader) -> Received:
    actor, by_us = _actor(said, reader)
    primary = webhook.headers.get(FLOW, "Primary") == "Primary"
    sound = primary and reader.sees_all and is_whole(issue, reader.more_fields)
    kind = _ISSUE_EVENTS[event] if sound or event == "jira:issue_deleted" else ChangeKind.HINT
    snapshot = to_snapshot(
        issue,
        correlation_field=reader.correlation_field,
        site=reader.site,
        actor=actor,
        by_us=by_us,
        partial=kind is not ChangeKind.SNAPSHOT,
    )
    if kind is ChangeKind.DELETED:
        snapshot = msgspec.structs.replace(snapshot, exists=False)
    changes = [_change(kind, snapshot, _key(event, said, issue, webhook, reader), said, webhook, reader)]
    key = changes[0].delivery_key
    if isinstance(said.get("comment"), Mapping) and kind is not ChangeKind.DELETED:
        changes.append(_item(to_item(said["comment"]), issue, f"{key}:comment", said, webhook, reader))
    changes += [
        _item(each, issue, f"{key}:attachment:{each.id}", said, webhook, reader) for each in _files(said, issue, reader)
    ]
    return Received(changes=tuple(changes))


def _commented(event: str, said: Document, issue: Document, webhook: Webhook, reader: Reader) -> Received:
    """The issue of a comment event is thin (facts.md 2.5); the comment is whole. Comments are append-only to us."""
    if event == "comment_deleted":
        return Received(changes=(), ignored="a deleted comment is not taken back elsewhere")
    comment = said.get("comment")
    if not isinstance(comment, Mapping) or not _id(comment):
        raise MalformedError(f"{event} without a comment id", code="no_comment")
    key = _key(event, said, issue, webhook, reader)
    return Received(changes=(_item(to_item(comment), issue, key, said, webhook, reader),))


def _files(said: Document, issue: Document, reader: Reader) -> list[Item]:
    """The files that came with this event, where files are carried over."""
    new = attachments.added(said.get("changelog"))
    return [each for each in shown_files(issue, reader) if each.id in new]


def _item(item: Item, issue: Document, key: str, said: Document, webhook: Webhook, reader: Reader) -> Change:
    actor, by_us = _actor(said, reader)
    snapshot = Snapshot(
        object=ISSUE,
        id=_id(issue),
        key=str(issue.get("key", "")),
        partial=True,
        actor=actor,
        by_us=by_us,
        items=(item,),
    )
    return _change(ChangeKind.ITEM, snapshot, key, said, webhook, reader)


def _change(kind: ChangeKind, snapshot: Snapshot, key: str, said: Document, webhook: Webhook, reader: Reader) -> Change:
    return Change(
        connection=reader.connection,
        delivery_key=key,
        kind=kind,
        snapshot=snapshot,
        received_at=webhook.received_at,
        occurred_at=from_ms(said.get("timestamp")) or snapshot.updated_at,
        via="webhook",
        clock_offset_s=reader.clock_offset_s,
    )


def _key(event: str, said: Document, issue: Document, webhook: Webhook, reader: Reader) -> str:
    """The delivery's identifier, unchanged across retries. Old servers send none: then what is unique by nature, or a
    new key: a hint told twice costs a read, a hint taken for a repeat would lose an edit.
    """
    identifier = webhook.headers.get(IDENTIFIER, "")
    if identifier:
        return identifier
    changelog, number = said.get("changelog"), _id(issue)
    if isinstance(changelog, Mapping) and _id(changelog):
        return f"{ISSUE}:{number}:changelog:{_id(changelog)}"
    if event in ("jira:issue_created", "jira:issue_deleted"):
        return f"{ISSUE}:{number}:{event}"
    if event == "comment_created":
        return f"{ISSUE}:{number}:comment:{_id(said['comment'])}"
    return f"{ISSUE}:{number}:{reader.new_key}"


def _elsewhere(said: Document, issue: Document, project: str) -> bool:
    """Whether the issue is of another project and was so before: one that moved away still has to be read."""
    if not project:
        return False
    key = str(issue.get("key", ""))
    if not key or key.rpartition("-")[0].upper() == project.upper():
        return False
    changelog = said.get("changelog")
    items = changelog.get("items") if isinstance(changelog, Mapping) else None
    moved = [each for each in items if isinstance(each, Mapping)] if isinstance(items, list) else []
    return not any(str(each.get("field", "")).lower() in ("key", "project") for each in moved)


def _actor(said: Document, reader: Reader) -> tuple[str | None, bool | None]:
    """Who did it, and whether that is us, as far as known."""
    user = said.get("user")
    if not isinstance(user, Mapping) and isinstance(said.get("comment"), Mapping):
        user = said["comment"].get("updateAuthor") or said["comment"].get("author")
    if not isinstance(user, Mapping):
        return None, None
    account, email = str(user.get("accountId") or ""), str(user.get("emailAddress") or "")
    actor = account or str(user.get("name") or user.get("key") or "") or None
    if account and reader.me:
        return actor, account == reader.me
    if email and reader.user:
        return actor, email.lower() == reader.user.lower()
    return actor, None


def _id(document: Document) -> str:
    value = document.get("id")
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else ""


def poll_hint(issue: Document, reader: Reader, received_at: float) -> Change:
    """A row of the poll. The index may lag, so it only says that there is something to read; its key is new each
    time.
    """
    snapshot = to_snapshot(issue, correlation_field=reader.correlation_field, site=reader.site, partial=True)
    fields = issue.get("fields")
    updated = parse_time(fields.get("updated")) if isinstance(fields, Mapping) else None
    return Change(
        connection=reader.connection,
        delivery_key=f"{ISSUE}:{snapshot.id}:{reader.new_key}",
        kind=ChangeKind.HINT,
        snapshot=snapshot,
        received_at=received_at,
        occurred_at=updated,
        via="poll",
        clock_offset_s=reader.clock_offset_s,
    )


def shown_comments(issue: Document) -> tuple[Item, ...] | None:
    """The comments a search row shows; None if those are not all."""
    fields = issue.get("fields")
    page = fields.get("comment") if isinstance(fields, Mapping) else None
    listed = page.get("comments") if isinstance(page, Mapping) else None
    if not isinstance(page, Mapping) or not isinstance(listed, list) or page.get("total", 0) > len(listed):
        return None
    return tuple(to_item(each) for each in listed if isinstance(each, Mapping) and _id(each))


def shown_files(issue: Document, reader: Reader) -> list[Item]:
    """The files a search row shows: all there are, where files are carried over."""
    fields = issue.get("fields")
    return (
        attachments.items(fields, reader.site, reader.me) if reader.attachments and isinstance(fields, Mapping) else []
    )


def poll_item(issue: Document, item: Item, reader: Reader, received_at: float) -> Change:
    """A comment or file met by the poll. Its own id is its key: it is told once."""
    return Change(
        connection=reader.connection,
        delivery_key=f"{ISSUE}:{_id(issue)}:{'attachment' if item.file else 'comment'}:{item.id}",
        kind=ChangeKind.ITEM,
        snapshot=Snapshot(object=ISSUE, id=_id(issue), key=str(issue.get("key", "")), partial=True, items=(item,)),
        received_at=received_at,
        occurred_at=item.at or None,
        via="poll",
        clock_offset_s=reader.clock_offset_s,
    )
