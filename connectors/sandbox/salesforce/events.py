"""What Salesforce tells of an edit: its own log, and a change event (CDC) as a relay posts it (facts.md 5.1; shape of
fixture cdc.appflow-eventbridge-account-update).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import orjson

from connectors.sandbox.documents import Document
from connectors.sandbox.editlog import Edit, comment_view
from connectors.sandbox.people import Person
from connectors.sandbox.salesforce.objects import Objects
from connectors.sandbox.salesforce.schema import KEY, KINDS
from connectors.sandbox.site import Delivery, Site

_NAMES = {"Case": "CaseNumber", "Account": "Name", "Contact": "Name"}


_TOLD = frozenset({"Account", "Case", "Contact", "Task", "User"})
"""Objects that have change events; those of the setup have none."""


class Events:
    """Appends to the edit log and queues events, inside the change that makes the edit."""

    def __init__(self, site: Site, objects: Objects) -> None:
        self._site, self._objects = site, objects

    def created(self, kind: str, document: Document, person: Person, client: str) -> None:
        """A new object: its event holds all fields that are set."""
        told = {name: document[name] for name in KINDS[kind].written if document[name] is not None}
        fields = {name: (None, value) for name, value in told.items() if name != KEY}
        fields |= {name: (None, other) for name, other in self._objects.named(kind, document).items() if other}
        self._log("create", kind, document, person, fields=fields)
        self._post("CREATE", kind, document, person, client, told)

    def updated(self, kind: str, before: Document, document: Document, person: Person, client: str) -> None:
        """Fields changed: the event holds those only. An edit that changes nothing moves the time and has no event."""
        changed = [name for name in KINDS[kind].written if before[name] != document[name]]
        fields = {name: (before[name], document[name]) for name in changed if name != KEY}
        was, now = self._objects.named(kind, before), self._objects.named(kind, document)
        fields |= {name: (was[name], now[name]) for name in now if was[name] != now[name]}
        self._log("update", kind, document, person, fields=fields)
        if changed:
            self._post("UPDATE", kind, document, person, client, {name: document[name] for name in changed})

    def deleted(self, kind: str, document: Document, person: Person, client: str) -> None:
        """An object went into the recycle bin."""
        self._log("delete", kind, document, person)
        self._post("DELETE", kind, document, person, client, {})

    def commented(self, case: Document, comment: Document, person: Person) -> None:
        """A comment has no change event of its own [M]; pollers see that the case's time moved."""
        self._log("comment", "Case", case, person, comment=comment_shown(comment, person))

    def _log(self, kind: Any, object: str, document: Document, person: Person, **more: Any) -> None:
        self._site.log.append(
            Edit(
                at=self._site.true_now(),
                object=object.lower(),
                id=document["Id"],
                key=document.get(_NAMES.get(object, "Id")) or "",
                actor=person.actor,
                user=person.name,
                kind=kind,
                **more,
            )
        )

    def _post(
        self, change: str, kind: str, document: Document, person: Person, client: str, fields: Mapping[str, Any]
    ) -> None:
        if kind not in _TOLD:
            return
        header = {
            "commitNumber": self._site.store.next_number("commit", 248_197_218_874),
            "commitUser": document["LastModifiedById"],
            "sequenceNumber": 1,
            "entityName": kind,
            "changeType": change,
            "changedFields": ["LastModifiedDate", *fields] if change == "UPDATE" else [],
            "changeOrigin": f"com/salesforce/api/rest/60.0;client={client or 'SfdcInternalAPI/'}",
            "transactionKey": str(uuid.uuid4()),
            "commitTimestamp": int(self._site.now() * 1000),
            "recordIds": [document["Id"]],
        }
        detail = {"ChangeEventHeader": header, "LastModifiedDate": document["LastModifiedDate"], **fields}
        body = {"version": "0", "id": str(uuid.uuid4()), "detail-type": f"{kind}ChangeEvent", "detail": detail}
        self._site.hooks.enqueue(event=f"{kind}ChangeEvent", body=orjson.dumps(body), actor=person.actor)


def comment_shown(comment: Document, person: Person | None) -> dict[str, Any]:
    """A comment as the admin API shows it."""
    kind = "comment" if comment["IsPublished"] else "work_note"
    return comment_view(id=comment["Id"], kind=kind, author=person, body=comment["CommentBody"], at=0.0)


def hook_headers(delivery: Delivery, secret: str) -> dict[str, str]:
    """A relay proves itself by a header of its own; Salesforce signs nothing."""
    return {"X-Lockstep-Token": secret} if secret else {}
