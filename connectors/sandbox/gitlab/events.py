"""What the project tells the world of an edit: its own log, and webhooks (facts.md 3.2 [GLD])."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from connectors.sandbox.editlog import Edit, comment_view
from connectors.sandbox.gitlab.issues import PATH, PROJECT, Issue, person_view
from connectors.sandbox.people import Person
from connectors.sandbox.site import Delivery, Site

MARKER = "lockstep-"
_TOLD = ("title", "description", "state", "labels")


class Events:
    """Appends to the edit log and queues webhooks, inside the change that makes the edit."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def created(self, issue: Issue, person: Person) -> None:
        """A new issue."""
        fields = {name: (None, _own(issue, name)) for name in _TOLD if _own(issue, name)}
        self._log("create", issue, person, fields=fields)
        self._post_issue("open", issue, person)

    def updated(self, before: Issue, issue: Issue, person: Person) -> None:
        """Fields changed. A put that changes nothing is told, too."""
        changed = {name: (_own(before, name), _own(issue, name)) for name in _TOLD}
        self._log("update", issue, person, fields={name: each for name, each in changed.items() if each[0] != each[1]})
        moved = before["state"] != issue["state"]
        self._post_issue({"closed": "close", "opened": "reopen"}[issue["state"]] if moved else "update", issue, person)

    def deleted(self, issue: Issue, person: Person) -> None:
        """An issue is gone."""
        self._log("delete", issue, person)

    def commented(self, issue: Issue, note: Mapping[str, Any], person: Person) -> None:
        """A note was added."""
        self._log("comment", issue, person, comment=note_view(note, person))
        shown = {
            "id": note["id"],
            "note": note["body"],
            "noteable_type": "Issue",
            "project_id": PROJECT,
            "created_at": _spoken(note["created_at"]),
            "system": False,
            "internal": note["internal"],
        }
        self.post("note", person, object_attributes=shown, issue={"iid": issue["iid"]}, project_id=PROJECT)

    def _log(self, kind: Any, issue: Issue, person: Person, **more: Any) -> None:
        self.note(kind, "issue", str(issue["iid"]), issue["references"]["full"], person, **more)

    def note(self, kind: Any, object: str, id: str, key: str, person: Person, **more: Any) -> None:
        """An edit that was acknowledged."""
        edit = Edit(
            at=self._site.true_now(),
            object=object,
            id=id,
            key=key,
            actor=person.actor,
            user=person.name,
            kind=kind,
            **more,
        )
        self._site.log.append(edit)

    def _post_issue(self, action: str, issue: Issue, person: Person) -> None:
        shown = {name: issue[name] for name in ("id", "iid", "title", "description", "state", "project_id")}
        self.post("issue", person, object_attributes={**shown, "action": action})

    def post(self, kind: str, person: Person, **more: Any) -> None:
        """A webhook of the project."""
        project = {"id": PROJECT, "path_with_namespace": PATH}
        user = {**person_view(person), "email": person.email}
        body = {"object_kind": kind, "event_type": kind, "user": user, "project": project, **more}
        self._site.hooks.enqueue(event=kind, body=orjson.dumps(body), actor=person.actor)


def _own(issue: Issue, name: str) -> Any:
    """A field as people see it: our marker's coming and going is no edit."""
    return [each for each in issue["labels"] if not each.startswith(MARKER)] if name == "labels" else issue[name]


def _spoken(at: str) -> str:
    """Webhooks write times so (facts.md 3.2 [GLD, fixtures])."""
    return at.replace("T", " ").partition(".")[0] + " UTC"


def note_view(note: Mapping[str, Any], person: Person | None) -> dict[str, Any]:
    """A note as the admin API shows it."""
    kind = "work_note" if note["internal"] else "comment"
    return comment_view(id=str(note["id"]), kind=kind, author=person, body=note["body"], at=0.0)


def correlation_of(issue: Issue) -> str | None:
    """The key in our label."""
    return next((each.removeprefix(MARKER) for each in issue["labels"] if each.startswith(MARKER)), None)


def raw(issue: Issue) -> dict[str, Any]:
    """The issue as a connector's `raw` has it."""
    return {**issue, "labels": _own(issue, "labels")}


def hook_headers(delivery: Delivery, secret: str) -> dict[str, str]:
    """The secret itself is the token (facts.md 3.2)."""
    name = " ".join(part.title() for part in delivery.event.split("_")) + " Hook"
    headers = {"X-Gitlab-Event": name, "Idempotency-Key": delivery.identifier}
    return headers | ({"X-Gitlab-Token": secret} if secret else {})
