"""What the site tells the world of an edit: its own log, and webhooks as Jira Cloud sends them (facts.md 2.5)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Literal

import orjson

from connectors.sandbox.editlog import Edit, comment_view
from connectors.sandbox.jira import adf
from connectors.sandbox.jira.attachments import Attachment
from connectors.sandbox.jira.catalog import CORRELATION_FIELD
from connectors.sandbox.jira.fields import EMPTY, RICH_FIELDS, TIME_FIELDS
from connectors.sandbox.jira.issues import Issues
from connectors.sandbox.jira.render import ALL, Renderer, Wanted, brief
from connectors.sandbox.jira.tables import Comment, History, Issue
from connectors.sandbox.people import Person, by_account
from connectors.sandbox.site import Delivery, Site

MARKER_LABEL = "lockstep-"
_ASIDE = Wanted(["*all", "-comment", "-worklog", "-attachment"])
_THIN = Wanted(["summary", "issuetype", "project", "assignee", "priority", "status"])
"""Comment events carry only so much of the issue (facts.md 2.5)."""

Kind = Literal["create", "update", "comment", "delete"]


class Events:
    """Appends to the edit log and queues webhooks, inside the change that makes the edit."""

    def __init__(self, site: Site, issues: Issues) -> None:
        self._site, self._issues = site, issues

    def created(self, issue: Issue, person: Person) -> None:
        """A new issue."""
        self._log("create", issue, person, fields=self._fields(EMPTY, issue.fields))
        self._post_issue("jira:issue_created", "issue_created", issue, person, None)

    def updated(self, before: Issue, issue: Issue, person: Person, entry: History, *, moved: bool = False) -> None:
        """Fields changed, with or without a move through the workflow."""
        fields = self._fields(before.fields, issue.fields)
        if fields:
            self._log("update", issue, person, fields=fields, version=entry.id)
        names = {item["fieldId"] for item in entry.items}
        kind = "issue_generic" if moved else "issue_assigned" if names == {"assignee"} else "issue_updated"
        self._post_issue("jira:issue_updated", kind, issue, person, entry)

    def deleted(self, issue: Issue, person: Person) -> None:
        """An issue is about to go."""
        self._log("delete", issue, person)
        self._post_issue("jira:issue_deleted", "issue_deleted", issue, person, None)

    def commented(self, event: str, issue: Issue, comment: Comment, person: Person) -> None:
        """`comment_created`, `comment_updated` or `comment_deleted`."""
        if event == "comment_created":
            self._log("comment", issue, person, comment=comment_of(comment, self._issues))
        render = self._renderer(person)
        self._post(
            event,
            {
                "comment": render.comment(issue.id, comment),
                "issue": self._shown(render, issue, _THIN),
                "eventType": "primaryAction",
            },
            person,
        )

    def attached(self, issue: Issue, attachment: Attachment, person: Person, entry: History) -> None:
        """A file came: told as an update whose changelog names it."""
        self._log("comment", issue, person, comment=attachment_of(attachment))
        self._post_issue("jira:issue_updated", "issue_updated", issue, person, entry)

    def property_set(self, issue: Issue, key: str, pair: tuple[Any, Any], person: Person) -> None:
        """Nobody but the edit log is told."""
        self._log("update", issue, person, fields={f"properties.{key}": pair})

    def of_person(self, event: str, user: Mapping[str, Any], person: Person) -> None:
        """`user_created`, `user_updated` or `user_deleted`: no issue, and nobody who did it (facts.md 2.5)."""
        self._post(event, {"user": user}, person)

    def raw(self, issue: Issue) -> dict[str, Any]:
        """The issue as a connector's `raw` has it: rich text as plain text, our marker and the comments left out."""
        fields = self._renderer(None).fields(issue, _ASIDE)
        plain = {name: fields[name] or "" for name in RICH_FIELDS}
        own = {"labels": _own_labels(issue.fields)}
        return {"id": str(issue.id), "key": issue.key, "fields": fields | plain | own}

    def _fields(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """Name -> (before, after) of what changed, in brief; the marker's coming and going is no edit."""
        render = self._renderer(None)
        names = [name for name in after if name not in TIME_FIELDS and before[name] != after[name]]
        shown = {name: (render.field(name, before[name]), render.field(name, after[name])) for name in names}
        changed = {name: (_brief(name, pair[0]), _brief(name, pair[1])) for name, pair in shown.items()}
        if "labels" in changed:
            changed["labels"] = (_own_labels(before), _own_labels(after))
        return {name: pair for name, pair in changed.items() if pair[0] != pair[1]}

    def _log(
        self,
        kind: Kind,
        issue: Issue,
        person: Person,
        *,
        fields: Mapping[str, tuple[Any, Any]] | None = None,
        comment: Mapping[str, Any] | None = None,
        version: int | None = None,
    ) -> None:
        self._site.log.append(
            Edit(
                at=self._site.true_now(),
                object="issue",
                id=str(issue.id),
                key=issue.key,
                actor=person.actor,
                user=person.name,
                kind=kind,
                fields=fields or {},
                comment=comment,
                version=version,
            )
        )

    def _post_issue(self, event: str, kind: str, issue: Issue, person: Person, entry: History | None) -> None:
        render = self._renderer(person)
        body: dict[str, Any] = {
            "issue_event_type_name": kind,
            "user": render.user(person.account_id),
            "issue": self._shown(render, issue, ALL),
        }
        if entry is not None:
            body["changelog"] = {"id": str(entry.id), "items": [_with_accounts(item) for item in entry.items]}
        self._post(event, body, person)

    def _post(self, event: str, body: Mapping[str, Any], person: Person) -> None:
        whole = {"timestamp": self._issues.now_ms(), "webhookEvent": event, **body}
        self._site.hooks.enqueue(event=event, body=orjson.dumps(whole), actor=person.actor)

    def _renderer(self, person: Person | None) -> Renderer:
        zone = person.time_zone if person else "UTC"
        return Renderer(self._issues, self._site.base_url, version=2, time_zone=zone)

    def _shown(self, render: Renderer, issue: Issue, wanted: Wanted) -> dict[str, Any]:
        shown = render.issue(issue, wanted)
        del shown["expand"]
        return shown


def correlation_of(issue: Issue) -> str | None:
    """Our marker: a label, or the text field kept for it."""
    label = next((label for label in issue.fields["labels"] if label.startswith(MARKER_LABEL)), None)
    kept: str | None = issue.fields[CORRELATION_FIELD]
    return label.removeprefix(MARKER_LABEL) if label else kept


def attachment_of(attachment: Attachment) -> dict[str, Any]:
    """A file as the admin API shows it, beside the comments; a copy's origin comes from its name."""
    author = by_account(attachment.author)
    view = comment_view(
        id=str(attachment.id),
        kind="attachment",
        author=author,
        body=attachment.filename,
        at=attachment.created / 1000,
    )
    return view | {"size": attachment.size}


def comment_of(comment: Comment, issues: Issues) -> dict[str, Any]:
    """A comment as the admin API shows it; a copy's origin comes from its property, else from its last line."""
    view = comment_view(
        id=str(comment.id),
        kind="comment",
        author=by_account(comment.author),
        body=adf.to_text(comment.body),
        at=comment.created / 1000,
    )
    marked = issues.properties("comment", comment.id).get("lockstep.origin")
    if isinstance(marked, dict) and marked.get("origin"):
        view["origin"] = marked["origin"]
    return view


def hook_headers(delivery: Delivery, secret: str) -> dict[str, str]:
    """The identifier stays the same across repeats; the signature is over the raw body (facts.md 2.5)."""
    headers = {
        "x-atlassian-webhook-identifier": delivery.identifier,
        "x-atlassian-webhook-flow": delivery.flow,
        "User-Agent": "Atlassian Webhook HTTP Client",
    }
    if delivery.attempt:
        headers["x-atlassian-webhook-retry"] = str(delivery.attempt)
    if secret:
        signature = hmac.new(secret.encode(), delivery.body, hashlib.sha256).hexdigest()
        headers["x-hub-signature"] = f"sha256={signature}"
    return headers


def _brief(name: str, value: Any) -> Any:
    """Empty rich text is "" to a connector, not null."""
    return value or "" if name in RICH_FIELDS else brief(value)


def _own_labels(fields: Mapping[str, Any]) -> list[str]:
    return [label for label in fields["labels"] if not label.startswith(MARKER_LABEL)]


def _with_accounts(item: Mapping[str, Any]) -> dict[str, Any]:
    """Webhooks name accounts twice [fixtures jira/webhook-*]."""
    if item["fieldId"] not in ("assignee", "reporter"):
        return dict(item)
    return dict(item) | {"tmpFromAccountId": item["from"], "tmpToAccountId": item["to"]}
