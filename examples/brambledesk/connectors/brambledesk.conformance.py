"""Brambledesk for the conformance kit: what a recognisable write looks like, and a person who needs no connector."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.contract.connector import ConnectionSettings
from connectors.contract.fixture import Fixture, Held
from connectors.rest.plain import PlainApi

TICKETS = "/api/v3/tickets"


class Desk:
    """Implements `Hand` on the desk's own API."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api = PlainApi(settings)

    async def create(self, text: str) -> str:
        return str((await self._api.ask("POST", TICKETS, {"title": text}))["id"])

    async def edit(self, id: str, text: str) -> None:
        await self._api.ask("PATCH", f"{TICKETS}/{id}", {"title": text})

    async def comment(self, id: str, body: str) -> None:
        await self._api.ask("POST", f"{TICKETS}/{id}/notes", {"text": body})

    async def delete(self, id: str) -> None:
        await self._api.ask("DELETE", f"{TICKETS}/{id}")

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"{TICKETS}/{id}", absent=(404,))
        if found is None:
            return None
        notes = (await self._api.ask("GET", f"{TICKETS}/{id}/notes"))["items"]
        return Held(id=id, text=found["title"], state=found["state"], comments=tuple(each["text"] for each in notes))

    async def search(self, text: str) -> Sequence[str]:
        found, after = list[str](), ""
        while True:
            page = await self._api.ask("GET", f"{TICKETS}?limit=200{after}")
            found += [str(each["id"]) for each in page["items"] if each["title"] == text]
            if page["next"] is None:
                return found
            after = f"&after={page['next']}"

    async def close(self) -> None:
        await self._api.close()


def _settings(url: str, person: str) -> ConnectionSettings:
    auth: dict[str, Any] = {"basic": {"user": person, "password": f"{person}-secret"}}
    if person == "lockstep":
        auth = {"oauth2_client_credentials": {"client_id": person, "client_secret": f"{person}-secret"}}
    return ConnectionSettings(name="desk", connector="brambledesk", url=url, auth=auth, objects={"ticket": {}})


def _signed(body: bytes, secret: str, at: float) -> Mapping[str, str]:
    time = str(int(at))
    digest = hmac.new(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"x-bramble-time": time, "x-bramble-sign": digest}


FIXTURES = (
    Fixture(
        object="ticket",
        system="brambledesk",
        actions=("create", "update", "step", "comment", "delete"),
        sandbox=_settings,
        fragment=lambda text: {"title": text},
        text=lambda raw: str(raw.get("title", "")),
        hand=Desk,
        state=lambda raw: str(raw.get("state", "")),
        absent="999999",
        reading=(r"^POST /oauth/token\b",),
        sign=_signed,
        signs_time=True,
        signed_by="bramble-sign",
    ),
)
