"""Jenkins for the conformance kit: builds of one job, which people start, describe and throw away."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from connectors.contract.connector import ConnectionSettings
from connectors.contract.fixture import Fixture, Held
from connectors.rest.plain import PlainApi

_TREE = "number,description,actions[parameters[name,value]]"


class Builder:
    """Implements `Hand`: the text is the description, before there is one a parameter."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api, self._job = PlainApi(settings), f"/{settings.options['job']}"

    async def create(self, text: str) -> str:
        """The answer names a place in the queue; the build is known by its parameter."""
        await self._api.ask("POST", f"{self._job}/buildWithParameters?TEXT={quote(text)}")
        return (await self.search(text))[0]

    async def edit(self, id: str, text: str) -> None:
        path = f"{self._job}/{id}/submitDescription?description={quote(text)}"
        await self._api.ask("POST", path, absent=(302,))

    async def comment(self, id: str, body: str) -> None:
        raise AssertionError("a build has no comments")

    async def delete(self, id: str) -> None:
        await self._api.ask("POST", f"{self._job}/{id}/doDelete", absent=(302,))

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"{self._job}/{id}/api/json?tree={_TREE}", absent=(404,))
        return None if found is None else Held(id=id, text=_text(found))

    async def search(self, text: str) -> Sequence[str]:
        found = await self._api.ask("GET", f"{self._job}/api/json?tree=allBuilds[{_TREE}]")
        return [str(each["number"]) for each in found["allBuilds"] if _text(each) == text]

    async def close(self) -> None:
        await self._api.close()


def _text(build: Mapping[str, Any]) -> str:
    given = [each for action in build.get("actions", ()) for each in action.get("parameters", ())]
    return str(build.get("description") or next((each["value"] for each in given if each["name"] == "TEXT"), ""))


def _settings(url: str, person: str) -> ConnectionSettings:
    return ConnectionSettings(
        name="jenkins",
        connector="jenkins",
        url=url,
        auth={"basic": {"user": person, "password": f"{person}-secret"}},
        options={"job": "job/apps/job/billing"},
    )


def _signed(body: bytes, secret: str, at: float) -> Mapping[str, str]:
    return {"authorization": "Basic " + base64.b64encode(secret.encode()).decode()}


FIXTURES = (
    Fixture(
        object="build",
        system="jenkins",
        actions=(),
        sandbox=_settings,
        fragment=lambda text: {},
        text=_text,
        hand=Builder,
        absent="999999",
        sign=_signed,
        signs_body=False,
        signed_by="authorization",
        hooks_edits=False,
    ),
)
