"""Jira for the conformance kit: issues of one project, and a person who works on them without our connector."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.contract.connector import ConnectionSettings
from connectors.contract.fixture import Canned, Fixture, Held
from connectors.rest.plain import PlainApi

_ISSUE = "/rest/api/3/issue"


class Desk:
    """Implements `Hand` on REST v3 (facts.md 2.2, 2.3)."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api = PlainApi(settings)
        issue = settings.objects.get("issue", {})
        self._project, self._kind = issue.get("project", ""), issue.get("issuetype", "Task")

    async def create(self, text: str) -> str:
        fields = {"project": {"key": self._project}, "issuetype": {"name": self._kind}, "summary": text}
        return str((await self._api.ask("POST", _ISSUE, {"fields": fields}))["id"])

    async def edit(self, id: str, text: str) -> None:
        await self._api.ask("PUT", f"{_ISSUE}/{id}", {"fields": {"summary": text}})

    async def comment(self, id: str, body: str) -> None:
        paragraph = {"type": "paragraph", "content": [{"type": "text", "text": body}]}
        document = {"type": "doc", "version": 1, "content": [paragraph]}
        await self._api.ask("POST", f"{_ISSUE}/{id}/comment", {"body": document})

    async def delete(self, id: str) -> None:
        await self._api.ask("DELETE", f"{_ISSUE}/{id}")

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"{_ISSUE}/{id}?fields=summary,status,comment", absent=(404,))
        if found is None:
            return None
        fields = found["fields"]
        comments = tuple(str(each.get("body")) for each in fields["comment"]["comments"])
        return Held(id=id, text=fields["summary"], state=fields["status"]["name"], comments=comments)

    async def search(self, text: str) -> Sequence[str]:
        asked = {"jql": f'project = "{self._project}" AND summary ~ "{text}"', "fields": ["summary"]}
        found = (await self._api.ask("POST", "/rest/api/3/search/jql", asked))["issues"]
        return [str(each["id"]) for each in found if each["fields"]["summary"] == text]

    async def close(self) -> None:
        await self._api.close()


def _settings(url: str, person: str) -> ConnectionSettings:
    return ConnectionSettings(
        name="jira",
        connector="jira",
        url=url,
        auth={"basic": {"user": f"{person}@example.com", "password": f"{person}-secret"}},
        objects={"issue": {"project": "OPS", "issuetype": "Task"}},
    )


def _status(raw: Mapping[str, Any]) -> str:
    return str(raw["fields"]["status"]["name"])


def _summary(raw: Mapping[str, Any]) -> str:
    return str(raw.get("fields", {}).get("summary", ""))


def _signed(body: bytes, secret: str, at: float) -> Mapping[str, str]:
    return {"x-hub-signature": f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"}


FIXTURES = (
    Fixture(
        object="issue",
        system="jira",
        actions=("create", "update", "step", "comment"),
        sandbox=_settings,
        fragment=lambda text: {"fields": {"summary": text}},
        text=_summary,
        hand=Desk,
        state=_status,
        absent="999999999",
        reading=(r"^POST /rest/api/3/(search|search/jql|issue/bulkfetch|changelog/bulkfetch)\b",),
        dead=(
            Canned(  # facts.md 2.1 [M]: a dead token served as anonymous
                name="anonymous", status=200, headers={"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}, goes_on=True
            ),
            Canned(
                name="anonymous 404", status=404, headers={"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}, body=b"{}"
            ),
        ),
        sign=_signed,
    ),
)
