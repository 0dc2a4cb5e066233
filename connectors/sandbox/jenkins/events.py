"""What the job tells the world: its own log, and notifications of each phase (facts.md 3.3 [SRC], fixtures)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import orjson

from connectors.sandbox.documents import Document
from connectors.sandbox.editlog import Edit
from connectors.sandbox.jenkins.builds import JOB, SHA
from connectors.sandbox.people import Person
from connectors.sandbox.site import Delivery, Site


class Events:
    """Appends to the edit log and queues notifications, inside the change that makes the edit."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def started(self, build: Document, parameters: Mapping[str, str], person: Person) -> None:
        """A build runs."""
        self._log("create", build, person, {name: (None, value) for name, value in parameters.items()})
        self._post("STARTED", build, parameters, person)

    def ended(self, build: Document, parameters: Mapping[str, str], person: Person) -> None:
        """It has ended; after what comes behind it, once more."""
        self._log("update", build, person, {"result": (None, build["result"])})
        for phase in ("COMPLETED", "FINALIZED"):
            self._post(phase, build, parameters, person)

    def described(self, build: Document, said: str, person: Person) -> None:
        """People wrote something on it."""
        self._log("update", build, person, {"description": (build["description"], said)})

    def deleted(self, build: Document, person: Person) -> None:
        """It was thrown away."""
        self._log("delete", build, person, {})

    def _log(self, kind: Any, build: Document, person: Person, fields: Mapping[str, tuple[Any, Any]]) -> None:
        edit = Edit(
            at=self._site.true_now(),
            object="build",
            id=build["id"],
            key=build["fullDisplayName"],
            actor=person.actor,
            user=person.name,
            kind=kind,
            fields=fields,
        )
        self._site.log.append(edit)

    def _post(self, phase: str, build: Document, parameters: Mapping[str, str], person: Person) -> None:
        told = {
            "full_url": build["url"],
            "number": build["number"],
            "queue_id": build["number"],
            "timestamp": build["timestamp"],
            "duration": build["duration"],
            "phase": phase,
            **({"status": build["result"]} if build["result"] else {}),
            "url": f"{JOB}/{build['number']}/",
            "scm": {"url": "git@github.com:lockstep/desk.git", "branch": "origin/main", "commit": SHA},
            "parameters": dict(parameters),
            "log": "",
            "notes": "",
            "artifacts": {},
        }
        body = {"name": "billing", "display_name": "billing", "url": f"{JOB}/", "build": told}
        self._site.hooks.enqueue(event=phase, body=orjson.dumps(body), actor=person.actor)


def hook_headers(delivery: Delivery, secret: str) -> dict[str, str]:
    """Nothing is signed; user and password of the endpoint's address go along [M]."""
    if not secret:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()}
