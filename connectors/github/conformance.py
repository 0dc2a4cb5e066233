"""GitHub for the conformance kit: issues, statuses on commits, and what is deployed and built; and a person who works
on them without our connector.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from connectors.contract.connector import ConnectionSettings
from connectors.contract.fixture import Fixture, Held
from connectors.rest.plain import PlainApi


class Hand:
    """What the hands share: lists that are counted."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api = PlainApi(settings)
        self._repo = f"/repos/{settings.options['owner']}/{settings.options['repo']}"
        self._context = str(settings.options.get("context", "lockstep"))

    async def comment(self, id: str, body: str) -> None:
        raise AssertionError("nothing is commented here")

    async def close(self) -> None:
        await self._api.close()

    async def _all(self, path: str, inside: str = "") -> list[Any]:
        found, page = list[Any](), 1
        while rows := _rows(await self._api.ask("GET", f"{self._repo}{path}per_page=100&page={page}"), inside):
            found += rows
            page += 1
        return found


def _rows(answer: Any, inside: str) -> list[Any]:
    return list(answer[inside] if inside else answer)


class Desk(Hand):
    """Implements `Hand` on issues."""

    async def create(self, text: str) -> str:
        return str((await self._api.ask("POST", f"{self._repo}/issues", {"title": text}))["number"])

    async def edit(self, id: str, text: str) -> None:
        await self._api.ask("PATCH", f"{self._repo}/issues/{id}", {"title": text})

    async def comment(self, id: str, body: str) -> None:
        await self._api.ask("POST", f"{self._repo}/issues/{id}/comments", {"body": body})

    async def delete(self, id: str) -> None:
        """Only GraphQL takes an issue away."""
        issue = await self._api.ask("GET", f"{self._repo}/issues/{id}")
        query = f'mutation {{ deleteIssue(input: {{issueId: "{issue["node_id"]}"}}) {{ clientMutationId }} }}'
        answer = await self._api.ask("POST", "/graphql", {"query": query})
        assert not answer.get("errors"), answer["errors"]

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"{self._repo}/issues/{id}", absent=(404, 410))
        if found is None:
            return None
        comments = await self._all(f"/issues/{id}/comments?")
        return Held(id=id, text=found["title"], state=found["state"], comments=tuple(each["body"] for each in comments))

    async def search(self, text: str) -> Sequence[str]:
        found = await self._all("/issues?state=all&")
        return [str(each["number"]) for each in found if each["title"] == text]


class Committer(Hand):
    """Implements `Hand` on commits: the text is what our status says, before there is one the message."""

    async def create(self, text: str) -> str:
        content = {"message": text, "content": base64.b64encode(text.encode()).decode()}
        made = await self._api.ask("PUT", f"{self._repo}/contents/{text}.txt", content)
        return str(made["commit"]["sha"])

    async def edit(self, id: str, text: str) -> None:
        status = {"context": self._context, "state": "failure", "description": text}
        await self._api.ask("POST", f"{self._repo}/statuses/{id}", status)

    async def delete(self, id: str) -> None:
        raise AssertionError("a commit stays")

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"{self._repo}/commits/{id}", absent=(404, 422))
        if found is None:
            return None
        statuses = await self._all(f"/commits/{id}/statuses?")
        ours = next((each for each in statuses if each["context"] == self._context), None)
        return Held(id=id, text=(ours["description"] if ours else found["commit"]["message"]))

    async def search(self, text: str) -> Sequence[str]:
        return [each["sha"] for each in await self._all("/commits?") if each["commit"]["message"] == text]


class Deployer(Hand):
    """Implements `Hand` on deployments: the text is what the newest status says, or else the description."""

    async def create(self, text: str) -> str:
        asked = {"ref": "main", "environment": "staging", "description": text}
        return str((await self._api.ask("POST", f"{self._repo}/deployments", asked))["id"])

    async def edit(self, id: str, text: str) -> None:
        status = {"state": "in_progress", "description": text}
        await self._api.ask("POST", f"{self._repo}/deployments/{id}/statuses", status)

    async def delete(self, id: str) -> None:
        await self._api.ask("POST", f"{self._repo}/deployments/{id}/statuses", {"state": "inactive"})
        await self._api.ask("DELETE", f"{self._repo}/deployments/{id}")

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"{self._repo}/deployments/{id}", absent=(404,))
        if found is None:
            return None
        statuses = await self._all(f"/deployments/{id}/statuses?")
        return Held(id=id, text=_newest(found, statuses[0] if statuses else None))

    async def search(self, text: str) -> Sequence[str]:
        return [str(each["id"]) for each in await self._all("/deployments?") if each["description"] == text]


def _newest(deployment: Mapping[str, Any], status: Mapping[str, Any] | None) -> str:
    return str((status or deployment).get("description") or "")


def _settings(object: str, url: str, person: str) -> ConnectionSettings:
    return ConnectionSettings(
        name="github",
        connector="github",
        url=url,
        auth={"bearer": {"token": f"{person}-secret"}},
        options={"owner": "lockstep", "repo": "desk"},
        objects={object: {}},
    )


def _signed(body: bytes, secret: str, at: float) -> Mapping[str, str]:
    return {"x-hub-signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def _told(raw: Mapping[str, Any]) -> str:
    said = (raw.get("status") or {}).get("description")
    return str(said or raw.get("commit", {}).get("message", ""))


FIXTURES = (
    Fixture(
        object="issue",
        system="github",
        actions=("create", "update", "step", "comment"),
        sandbox=partial(_settings, "issue"),
        fragment=lambda text: {"title": text},
        text=lambda raw: str(raw.get("title", "")),
        hand=Desk,
        state=lambda raw: str(raw.get("state", "")),
        absent="999999",
        sign=_signed,
    ),
    Fixture(
        object="commit",
        system="github",
        actions=("update",),
        sandbox=partial(_settings, "commit"),
        fragment=lambda text: {"status": {"state": "success", "description": text}},
        text=_told,
        hand=Committer,
        absent="0" * 40,
        sign=_signed,
        deletes=False,
        lists_edits=False,
    ),
    Fixture(
        object="deployment",
        system="github",
        actions=(),
        sandbox=partial(_settings, "deployment"),
        fragment=lambda text: {},
        text=lambda raw: _newest(raw, raw.get("status")),
        hand=Deployer,
        absent="999999",
        sign=_signed,
    ),
)
