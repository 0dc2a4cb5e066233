"""Jira for the conformance kit: issues of one project with their properties and files, people and groups, and a person
who works on them without our connector.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from connectors.contract.connector import ConnectionSettings
from connectors.contract.fixture import Canned, Fixture, Held
from connectors.contract.values import ATTACHMENT
from connectors.jira.clerk import ACCESS
from connectors.rest.plain import PlainApi

__all__ = ("ACCESS", "FIXTURES")

_ISSUE, _USER, _GROUP = "/rest/api/3/issue", "/rest/api/3/user", "/rest/api/3/group"
_PROPERTY = "lockstep"
_PROJECT = {"project": "OPS", "issuetype": "Task"}


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


class Noter(Desk):
    """Implements `Hand` on a property of issues."""

    async def edit(self, id: str, text: str) -> None:
        await self._api.ask("PUT", f"{_ISSUE}/{id}/properties/{_PROPERTY}", {"text": text})

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"{_ISSUE}/{id}?fields=summary&properties={_PROPERTY}", absent=(404,))
        return None if found is None else Held(id=id, text=_noted(found))


class Filer(Desk):
    """Implements `Hand` on issues whose files count, not their comments."""

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"{_ISSUE}/{id}?fields=summary,attachment", absent=(404,))
        if found is None:
            return None
        files = tuple(str(each["filename"]) for each in found["fields"]["attachment"])
        return Held(id=id, text=found["fields"]["summary"], comments=files)


class Clerk:
    """Implements `Hand` on people: the text is what stands before the @ of the address. It is changed where the account
    is managed, for which Atlassian has another API [M].
    """

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api = PlainApi(settings)

    async def create(self, text: str) -> str:
        given = {"emailAddress": _address(text), "products": ["jira-software"]}
        return str((await self._api.ask("POST", _USER, given))["accountId"])

    async def edit(self, id: str, text: str) -> None:
        await self._api.ask("PUT", f"/users/{id}/manage/email", {"email": _address(text)})

    async def comment(self, id: str, body: str) -> None:
        raise AssertionError("a person has no comments")

    async def delete(self, id: str) -> None:
        await self._api.ask("DELETE", f"{_USER}?accountId={id}")

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"{_USER}?accountId={id}", absent=(404,))
        return None if found is None else Held(id=id, text=_local(found))

    async def search(self, text: str) -> Sequence[str]:
        found = await self._api.ask("GET", f"{_USER}/search?query={_address(text)}")
        return [str(each["accountId"]) for each in found if _local(each) == text]

    async def close(self) -> None:
        await self._api.close()


class Gatherer:
    """Implements `Hand` on groups: the text is the name, or once somebody belongs to it, its only member."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api, self._clerk = PlainApi(settings), Clerk(settings)

    async def create(self, text: str) -> str:
        return str((await self._api.ask("POST", _GROUP, {"name": text}))["groupId"])

    async def invite(self, text: str) -> None:
        """Makes the person who can be its member."""
        await self._clerk.create(text)

    async def edit(self, id: str, text: str) -> None:
        for each in await self._members(id):
            await self._api.ask("DELETE", f"{_GROUP}/user?groupId={id}&accountId={each['accountId']}")
        await self._api.ask("POST", f"{_GROUP}/user?groupId={id}", {"accountId": await self._clerk.create(text)})

    async def comment(self, id: str, body: str) -> None:
        raise AssertionError("a group has no comments")

    async def delete(self, id: str) -> None:
        await self._api.ask("DELETE", f"{_GROUP}?groupId={id}")

    async def held(self, id: str) -> Held | None:
        found = (await self._api.ask("GET", f"{_GROUP}/bulk?groupId={id}"))["values"]
        if not found:
            return None
        members = [each["emailAddress"] for each in await self._members(id)]
        return Held(id=id, text=_gathered({"name": found[0]["name"], "members": members}))

    async def search(self, text: str) -> Sequence[str]:
        found = (await self._api.ask("GET", f"{_GROUP}/bulk?groupName={text}"))["values"]
        return [str(each["groupId"]) for each in found]

    async def _members(self, id: str) -> Any:
        return (await self._api.ask("GET", f"{_GROUP}/member?groupId={id}"))["values"]

    async def close(self) -> None:
        await self._api.close()
        await self._clerk.close()


async def _invited(hand: Any, text: str) -> None:
    await hand.invite(text)


def _address(text: str) -> str:
    return f"{text}@example.com"


def _local(raw: Mapping[str, Any]) -> str:
    return str(raw.get("emailAddress", "")).partition("@")[0]


def _gathered(raw: Mapping[str, Any]) -> str:
    members = raw.get("members", ())
    return _local({"emailAddress": members[0]}) if len(members) == 1 else "" if members else str(raw.get("name", ""))


def _noted(raw: Mapping[str, Any]) -> str:
    return str(((raw.get("properties") or {}).get(_PROPERTY) or {}).get("text", ""))


def _of(object: str, **more: Any) -> Callable[[str, str], ConnectionSettings]:
    return lambda url, person: msgspec.structs.replace(_settings(url, person), objects={object: more})


def _few(settings: ConnectionSettings, size: int) -> ConnectionSettings:
    objects = {name: {**each, "page_size": size} for name, each in settings.objects.items()}
    return msgspec.structs.replace(settings, objects=objects)


def _settings(url: str, person: str) -> ConnectionSettings:
    return ConnectionSettings(
        name="jira",
        connector="jira",
        url=url,
        auth={"basic": {"user": f"{person}@example.com", "password": f"{person}-secret"}},
        objects={"issue": _PROJECT},
    )


def _status(raw: Mapping[str, Any]) -> str:
    return str(raw["fields"]["status"]["name"])


def _summary(raw: Mapping[str, Any]) -> str:
    return str(raw.get("fields", {}).get("summary", ""))


def _signed(body: bytes, secret: str, at: float) -> Mapping[str, str]:
    return {"x-hub-signature": f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"}


_DEAD = (
    Canned(  # facts.md 2.1 [M]: a dead token served as anonymous
        name="anonymous", status=200, headers={"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}, goes_on=True
    ),
    Canned(name="anonymous 404", status=404, headers={"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}, body=b"{}"),
)
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
        dead=_DEAD,
        sign=_signed,
    ),
    Fixture(
        object="issue",
        part="property",
        system="jira",
        actions=("update",),
        sandbox=_of("issue", **_PROJECT, properties=[_PROPERTY]),
        fragment=lambda text: {"properties": {_PROPERTY: {"text": text}}},
        text=_noted,
        hand=Noter,
        dead=_DEAD,
    ),
    Fixture(
        object="issue",
        part="attachment",
        system="jira",
        actions=("comment",),
        item_kind=ATTACHMENT,
        sandbox=_of("issue", **_PROJECT, attachments=True),
        fragment=lambda text: {"fields": {"summary": text}},
        text=_summary,
        hand=Filer,
        dead=_DEAD,
    ),
    Fixture(
        object="user",
        system="jira",
        actions=("create", "delete"),
        sandbox=_of("user"),
        fragment=lambda text: {"emailAddress": _address(text)},
        text=_local,
        hand=Clerk,
        absent="712020:00000000-0000-0000-0000-000000000000",
        pages=_few,
        dead=_DEAD,
        sign=_signed,
    ),
    Fixture(
        object="group",
        system="jira",
        actions=("create", "update", "delete"),
        sandbox=_of("group"),
        fragment=lambda text: {"members": [_address(text)]},
        creation=lambda text: {"name": text},
        ready=_invited,
        text=_gathered,
        hand=Gatherer,
        absent="00000000-0000-0000-0000-000000000000",
        pages=_few,
        dead=_DEAD,
    ),
)
