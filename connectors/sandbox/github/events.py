"""What the repository tells the world: its own log, and webhooks (facts.md 3.1 [M], webhook schemas [OAS-GH])."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import orjson

from connectors.sandbox.editlog import Edit, comment_view
from connectors.sandbox.github.views import organisation, repository, user
from connectors.sandbox.people import Person
from connectors.sandbox.site import Delivery, Site

MARKER = "lockstep-"


class Events:
    """Appends to the edit log and queues webhooks, inside the change that makes the edit."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def log(self, kind: Any, object: str, id: object, person: Person, **more: Any) -> None:
        """An edit that was acknowledged."""
        edit = Edit(
            at=self._site.true_now(),
            object=object,
            id=str(id),
            key=str(id),
            actor=person.actor,
            user=person.name,
            kind=kind,
            **more,
        )
        self._site.log.append(edit)

    def told(self, event: str, person: Person, body: Mapping[str, Any], *, action: str = "") -> None:
        """A webhook; what it is about comes with repository, organisation and sender."""
        document = {**({"action": action} if action else {}), **body, "repository": repository()}
        self._post(event, person, document)

    def told_by_organisation(self, event: str, action: str, person: Person, body: Mapping[str, Any]) -> None:
        """A webhook that is about no repository."""
        self._post(event, person, {"action": action, **body})

    def _post(self, event: str, person: Person, body: Mapping[str, Any]) -> None:
        document = {**body, "organization": organisation(), "sender": user(person)}
        self._site.hooks.enqueue(event=event, body=orjson.dumps(document), actor=person.actor)


def note_view(comment: Mapping[str, Any], person: Person | None) -> dict[str, Any]:
    """A comment as the admin API shows it."""
    return comment_view(id=str(comment["id"]), kind="comment", author=person, body=comment["body"], at=0.0)


def names(issue: Mapping[str, Any]) -> list[str]:
    """The labels of an issue as people see them: our marker's coming and going is no edit."""
    return [each["name"] for each in issue["labels"] if not each["name"].startswith(MARKER)]


def correlation_of(issue: Mapping[str, Any]) -> str | None:
    """The key in our label."""
    found = (each["name"] for each in issue["labels"])
    return next((each.removeprefix(MARKER) for each in found if each.startswith(MARKER)), None)


def hook_headers(delivery: Delivery, secret: str) -> dict[str, str]:
    """The delivery's own id, the same in a redelivery, and the signature over the raw body."""
    headers = {
        "User-Agent": "GitHub-Hookshot/044aadd",
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Delivery": delivery.identifier,
        "X-GitHub-Hook-ID": "292430182",
        "X-GitHub-Hook-Installation-Target-Type": "repository",
        "X-GitHub-Hook-Installation-Target-ID": "186853002",
    }
    if not secret:
        return headers
    signed = hmac.new(secret.encode(), delivery.body, hashlib.sha256).hexdigest()
    return headers | {"X-Hub-Signature-256": f"sha256={signed}"}
