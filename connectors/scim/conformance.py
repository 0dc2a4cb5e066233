"""SCIM for the conformance kit: users and groups, and a person who works on them without our connector."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote
from uuid import uuid4

import msgspec

from connectors.contract.connector import ConnectionSettings
from connectors.contract.fixture import Fixture, Held
from connectors.rest.plain import PlainApi
from connectors.scim.clerk import ACCESS

__all__ = ("ACCESS", "FIXTURES")

_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Desk:
    """Implements `Hand` on SCIM (facts.md 4.3)."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api = PlainApi(settings)

    async def create(self, text: str) -> str:
        made = {"schemas": [_USER], "userName": uuid4().hex, "displayName": text}
        return str((await self._api.ask("POST", "/Users", made))["id"])

    async def edit(self, id: str, text: str) -> None:
        operation = {"op": "replace", "path": "displayName", "value": text}
        await self._api.ask("PATCH", f"/Users/{id}", {"schemas": [_PATCH], "Operations": [operation]})

    async def comment(self, id: str, body: str) -> None:
        raise AssertionError("a user has no comments")

    async def delete(self, id: str) -> None:
        await self._api.ask("DELETE", f"/Users/{id}")

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"/Users/{id}", absent=(404,))
        return None if found is None else Held(id=id, text=str(found.get("displayName", "")))

    async def search(self, text: str) -> Sequence[str]:
        asked = quote(f'displayName eq "{text}"')
        found = await self._api.ask("GET", f"/Users?count=1000&filter={asked}")
        return [str(row["id"]) for row in found.get("Resources", []) if row.get("displayName") == text]

    async def close(self) -> None:
        await self._api.close()


class Gatherer:
    """Implements `Hand` on groups: the text is the name."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api = PlainApi(settings)

    async def create(self, text: str) -> str:
        return str((await self._api.ask("POST", "/Groups", {"schemas": [_GROUP], "displayName": text}))["id"])

    async def edit(self, id: str, text: str) -> None:
        operation = {"op": "replace", "path": "displayName", "value": text}
        await self._api.ask("PATCH", f"/Groups/{id}", {"schemas": [_PATCH], "Operations": [operation]})

    async def comment(self, id: str, body: str) -> None:
        raise AssertionError("a group has no comments")

    async def delete(self, id: str) -> None:
        await self._api.ask("DELETE", f"/Groups/{id}")

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"/Groups/{id}", absent=(404,))
        return None if found is None else Held(id=id, text=str(found.get("displayName", "")))

    async def search(self, text: str) -> Sequence[str]:
        asked = quote(f'displayName eq "{text}"')
        found = await self._api.ask("GET", f"/Groups?count=1000&filter={asked}")
        return [str(row["id"]) for row in found.get("Resources", []) if row.get("displayName") == text]

    async def close(self) -> None:
        await self._api.close()


def _of_groups(url: str, person: str) -> ConnectionSettings:
    return msgspec.structs.replace(_settings(url, person), objects={"group": {}})


def _settings(url: str, person: str) -> ConnectionSettings:
    return ConnectionSettings(
        name="scim",
        connector="scim",
        url=f"{url}/scim/v2",
        auth={"bearer": {"token": f"{person}-secret"}},
        objects={"user": {"defaults": {"active": True}}},
    )


FIXTURES = (
    Fixture(
        object="user",
        system="scim",
        actions=("create", "update", "delete"),
        sandbox=_settings,
        fragment=lambda text: {"userName": text.replace(" ", "-"), "displayName": text},
        text=lambda raw: str(raw.get("displayName", "")),
        hand=Desk,
        absent="0" * 32,
    ),
    Fixture(
        object="group",
        system="scim",
        actions=("create", "update", "delete"),
        sandbox=_of_groups,
        fragment=lambda text: {"displayName": text},
        text=lambda raw: str(raw.get("displayName", "")),
        hand=Gatherer,
        absent="0" * 32,
    ),
)
