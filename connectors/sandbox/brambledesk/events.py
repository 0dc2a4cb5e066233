"""What the desk tells the world of an edit: its own log, and signed webhooks."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any

import orjson

from connectors.sandbox.brambledesk.tickets import Ticket
from connectors.sandbox.editlog import Edit, comment_view
from connectors.sandbox.people import Person
from connectors.sandbox.site import Delivery, Site

_OWN = frozenset({"rev", "changed_at", "changed_by", "made_at", "id", "number", "external_ref"})


class Events:
    """Appends to the edit log and queues webhooks, inside the change that makes the edit."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def created(self, ticket: Ticket, person: Person) -> None:
        """A new ticket."""
        set_now = {name: value for name, value in ticket.items() if name not in _OWN and value not in ("", [], None)}
        fields = {name: (None, value) for name, value in set_now.items()}
        self._log("create", ticket, person, fields=fields)
        self._post("ticket.created", ticket, person)

    def updated(self, before: Ticket, ticket: Ticket, person: Person) -> None:
        """Fields changed. An edit that changes nothing moves the revision and is told all the same."""
        fields = {
            name: (before.get(name), value)
            for name, value in ticket.items()
            if name not in _OWN and before.get(name) != value
        }
        self._log("update", ticket, person, fields=fields)
        self._post("ticket.changed", ticket, person)

    def deleted(self, ticket: Ticket, person: Person) -> None:
        """A ticket is gone."""
        self._log("delete", ticket, person)
        self._post("ticket.deleted", ticket, person)

    def commented(self, ticket: Ticket, note: Mapping[str, Any], person: Person) -> None:
        """A note was added."""
        self._log("comment", ticket, person, comment=note_view(note, person))
        self._post("note.added", ticket, person, note=note)

    def _log(self, kind: Any, ticket: Ticket, person: Person, **more: Any) -> None:
        self._site.log.append(
            Edit(
                at=self._site.true_now(),
                object="ticket",
                id=str(ticket["id"]),
                key=ticket["number"],
                actor=person.actor,
                user=person.name,
                kind=kind,
                version=ticket["rev"],
                **more,
            )
        )

    def _post(self, event: str, ticket: Ticket, person: Person, **more: Any) -> None:
        body = {"event": event, "ticket": ticket, **more}
        self._site.hooks.enqueue(event=event, body=orjson.dumps(body), actor=person.actor)


def note_view(note: Mapping[str, Any], person: Person | None) -> dict[str, Any]:
    """A note as the admin API shows it."""
    kind = "work_note" if note["private"] else "comment"
    return comment_view(id=str(note["id"]), kind=kind, author=person, body=note["text"], at=0.0)


def hook_headers(delivery: Delivery, secret: str) -> dict[str, str]:
    """Time, delivery and, with a secret, the signature over time and body."""
    at = str(int(time.time()))
    headers = {"X-Bramble-Time": at, "X-Bramble-Delivery": delivery.identifier, "X-Bramble-Event": delivery.event}
    if secret:
        digest = hmac.new(secret.encode(), at.encode() + b"." + delivery.body, hashlib.sha256).hexdigest()
        headers["X-Bramble-Sign"] = digest
    return headers
