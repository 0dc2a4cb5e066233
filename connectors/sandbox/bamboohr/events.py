"""What BambooHR tells of an edit: its own log, and a webhook over the monitored fields, signed over body and time
(facts.md 4.1).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from connectors.sandbox.bamboohr.employees import FIELDS, WRITABLE
from connectors.sandbox.documents import Document
from connectors.sandbox.editlog import Edit
from connectors.sandbox.people import Person
from connectors.sandbox.site import Delivery, Site

_TOLD = (*WRITABLE, "status", "terminationDate")


class Events:
    """Appends to the edit log and queues webhooks, inside the change that makes the edit."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def created(self, employee: Document, person: Person) -> None:
        """Somebody new."""
        self._log("create", employee, person, {name: (None, employee[name]) for name in _TOLD if employee[name]})
        self._post("Created", employee, person, [name for name in _TOLD if employee[name]])

    def updated(self, before: Document, employee: Document, person: Person) -> None:
        """Fields changed; an update that changes nothing is not told."""
        changed = {name: (before[name], employee[name]) for name in _TOLD if before[name] != employee[name]}
        self._log("update", employee, person, changed)
        if changed:
            self._post("Updated", employee, person, list(changed))

    def deleted(self, employee: Document, person: Person) -> None:
        """Somebody was taken away."""
        self._log("delete", employee, person, {})
        self._post("Deleted", employee, person, [])

    def _log(self, kind: Any, employee: Document, person: Person, fields: Mapping[str, tuple[Any, Any]]) -> None:
        edit = Edit(
            at=self._site.true_now(),
            object="employee",
            id=employee["id"],
            key=employee["employeeNumber"] or "",
            actor=person.actor,
            user=person.name,
            kind=kind,
            fields=fields,
        )
        self._site.log.append(edit)

    def _post(self, action: str, employee: Document, person: Person, changed: list[str]) -> None:
        shown = {FIELDS[name][0]: {"value": employee[name]} for name in _TOLD}
        at = datetime.fromtimestamp(self._site.now(), UTC).isoformat(timespec="seconds")
        told = {
            "id": employee["id"],
            "action": action,
            "timestamp": at,
            "changedFields": [FIELDS[name][0] for name in changed],
            "fields": shown,
        }
        self._site.hooks.enqueue(event="employee", body=orjson.dumps({"employees": [told]}), actor=person.actor)


def hook_headers(delivery: Delivery, secret: str, now: float) -> dict[str, str]:
    """The signature covers the body and the time after it, without anything between them (facts.md 4.1)."""
    at = str(int(now))
    if not secret:
        return {"X-BambooHR-Timestamp": at}
    digest = hmac.new(secret.encode(), delivery.body + at.encode(), hashlib.sha256).hexdigest()
    return {"X-BambooHR-Timestamp": at, "X-BambooHR-Signature": digest}
