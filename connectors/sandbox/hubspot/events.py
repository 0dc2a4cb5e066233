"""What HubSpot tells of an edit: its own log, and a batch of events, one for each property, signed v3 over method,
address, body and time (facts.md 5.2).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import orjson

from connectors.sandbox.documents import Document
from connectors.sandbox.editlog import Edit
from connectors.sandbox.hubspot.objects import KEY, KINDS
from connectors.sandbox.people import Person
from connectors.sandbox.site import Delivery, Site

_PORTAL, _APP = 44_237_313, 4_210_286


class Events:
    """Appends to the edit log and queues webhooks, inside the change that makes the edit."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def created(self, kind: str, document: Document, person: Person) -> None:
        """A new object: its creation, and each property that was set."""
        held = self._held(kind, document)
        self._log("create", kind, document, person, {name: (None, value) for name, value in held.items()})
        self._post(kind, document, person, [("creation", {}), *map(_changed, held.items())])

    def updated(self, kind: str, before: Document, document: Document, person: Person) -> None:
        """Each property that changed."""
        old, new = self._held(kind, before), self._held(kind, document)
        changed = {name: (old.get(name), new.get(name)) for name in {**old, **new} if old.get(name) != new.get(name)}
        self._log("update", kind, document, person, changed)
        if changed:
            told = [_changed((name, value)) for name, (_, value) in changed.items()]
            self._post(kind, document, person, told)

    def archived(self, kind: str, document: Document, person: Person) -> None:
        """An object was archived."""
        self._log("delete", kind, document, person, {})
        self._post(kind, document, person, [("deletion", {})])

    def _held(self, kind: str, document: Document) -> dict[str, Any]:
        return {name: document["properties"].get(name) for name in KINDS[kind].properties if name != KEY}

    def _log(self, kind: Any, object: str, document: Document, person: Person, fields: Mapping[str, Any]) -> None:
        told = {name: pair for name, pair in fields.items() if pair != (None, None)}
        edit = Edit(
            at=self._site.true_now(),
            object=KINDS[object].singular,
            id=document["id"],
            key="",
            actor=person.actor,
            user=person.name,
            kind=kind,
            fields=told,
        )
        self._site.log.append(edit)

    def _post(self, kind: str, document: Document, person: Person, told: list[tuple[str, dict[str, Any]]]) -> None:
        at = int(self._site.now() * 1000)
        batch = [
            {
                "eventId": 100,  # not unique (facts.md 5.2 [M])
                "subscriptionId": 2_881_778 + at_,
                "portalId": _PORTAL,
                "appId": _APP,
                "occurredAt": at,
                "subscriptionType": f"{KINDS[kind].singular}.{what}",
                "attemptNumber": 0,
                "objectId": int(document["id"]),
                "changeSource": "INTEGRATION" if person.actor == "gateway" else "CRM_UI",
                **more,
            }
            for at_, (what, more) in enumerate(told)
            if what != "propertyChange" or more["propertyValue"] is not None
        ]
        self._site.hooks.enqueue(event=KINDS[kind].singular, body=orjson.dumps(batch), actor=person.actor)


def _changed(pair: tuple[str, Any]) -> tuple[str, dict[str, Any]]:
    return "propertyChange", {"propertyName": pair[0], "propertyValue": pair[1]}


def hook_headers(delivery: Delivery, secret: str, now: float) -> dict[str, str]:
    """The time is in milliseconds, the digest in base64."""
    at = str(int(now * 1000))
    if not secret:
        return {"X-HubSpot-Request-Timestamp": at}
    signed = b"POST" + delivery.url.encode() + delivery.body + at.encode()
    digest = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    return {"X-HubSpot-Request-Timestamp": at, "X-HubSpot-Signature-v3": digest}
