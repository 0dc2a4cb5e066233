"""Roundup for the conformance kit: what a recognisable write looks like, and a person who needs no connector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from connectors.contract.connector import ConnectionSettings
from connectors.contract.fixture import Fixture, Held
from connectors.rest.plain import PlainApi

ISSUES, MESSAGES = "/rest/data/issue", "/rest/data/msg"


class Person:
    """Implements `Hand` on the tracker's own API. Whoever writes says on which state it rests."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._user = str(settings.auth["basic"]["user"])
        origin = str(settings.options.get("origin") or _origin(settings.url))
        self._api = PlainApi(settings, headers={"X-Requested-With": "rest", "Origin": origin})

    async def create(self, text: str) -> str:
        return str((await self._api.ask("POST", ISSUES, {"title": text}))["data"]["id"])

    async def edit(self, id: str, text: str) -> None:
        await self._write("PUT", id, {"title": text})

    async def comment(self, id: str, body: str) -> None:
        made = await self._api.ask("POST", MESSAGES, {"content": body, "author": self._user})
        await self._write("PATCH", id, {"@op": "add", "messages": made["data"]["id"]})

    async def delete(self, id: str) -> None:
        await self._write("PATCH", id, {"@op": "action", "@action_name": "retire"})

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"{ISSUES}/{id}?@verbose=2", absent=(404,))
        if found is None:
            return None
        shown = found["data"]["attributes"]
        notes = [await self._said(str(each["id"])) for each in shown["messages"]]
        return Held(id=id, text=shown["title"], state=shown["status"]["name"], comments=tuple(notes))

    async def search(self, text: str) -> Sequence[str]:
        found = await self._api.ask("GET", f"{ISSUES}?title:={quote(text)}")
        return [str(each["id"]) for each in found["data"]["collection"]]

    async def close(self) -> None:
        await self._api.close()

    async def _said(self, message: str) -> str:
        return str((await self._api.ask("GET", f"{MESSAGES}/{message}?@verbose=3"))["data"]["attributes"]["content"])

    async def _write(self, method: str, id: str, body: dict[str, Any]) -> None:
        tag = (await self._api.ask("GET", f"{ISSUES}/{id}"))["data"]["@etag"]
        await self._api.ask(method, f"{ISSUES}/{id}", {**body, "@etag": tag})


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _settings(url: str, person: str) -> ConnectionSettings:
    auth: dict[str, Any] = {"basic": {"user": person, "password": f"{person}-secret"}}
    options = {"user": person, "origin": _origin(url)}
    return ConnectionSettings(name="tracker", connector="roundup", url=url, auth=auth, options=options)


FIXTURES = (
    Fixture(
        object="issue",
        actions=("create", "update", "comment"),
        sandbox=_settings,
        fragment=lambda text: {"title": text},
        text=lambda raw: str(raw.get("title", "")),
        hand=Person,
        absent="999999",
        reading=(r"^POST \S*/msg$",),
    ),
)
