"""HubSpot for the conformance kit: tickets, contacts, companies, deals, and a person who works without our code."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from functools import partial

from connectors.contract.connector import ConnectionSettings
from connectors.contract.fixture import Fixture, Held
from connectors.rest.plain import PlainApi

OBJECTS = "/crm/v3/objects"


class Desk:
    """Implements `Hand` on the CRM objects API (facts.md 5.2), for one kind of objects."""

    def __init__(self, settings: ConnectionSettings, *, kind: str, text: str, more: Mapping[str, str]) -> None:
        """`kind`: as paths name it; `text`: the property that holds the text; `more`: what a new one needs besides."""
        self._api = PlainApi(settings)
        self._path, self._text, self._more = f"{OBJECTS}/{kind}", text, more

    async def create(self, text: str) -> str:
        given = {"properties": {self._text: text, **self._more}, "associations": []}
        return str((await self._api.ask("POST", self._path, given))["id"])

    async def edit(self, id: str, text: str) -> None:
        await self._api.ask("PATCH", f"{self._path}/{id}", {"properties": {self._text: text}})

    async def comment(self, id: str, body: str) -> None:
        raise AssertionError("objects have no comments of their own")

    async def delete(self, id: str) -> None:
        await self._api.ask("DELETE", f"{self._path}/{id}")

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"{self._path}/{id}?properties={self._text}", absent=(404,))
        return None if found is None else Held(id=id, text=found["properties"][self._text])

    async def search(self, text: str) -> Sequence[str]:
        wanted = {"propertyName": self._text, "operator": "EQ", "value": text}
        asked = {"filterGroups": [{"filters": [wanted]}], "sorts": [], "properties": [], "limit": 100, "after": "0"}
        return [each["id"] for each in (await self._api.ask("POST", f"{self._path}/search", asked))["results"]]

    async def close(self) -> None:
        await self._api.close()


def _settings(object: str, url: str, person: str) -> ConnectionSettings:
    auth = {"bearer": {"token": f"{person}-secret"}}
    return ConnectionSettings(name="hubspot", connector="hubspot", url=url, auth=auth, objects={object: {}})


def _signed(body: bytes, secret: str, at: float) -> Mapping[str, str]:
    """For a webhook that says no address."""
    stamp = str(int(at * 1000))
    digest = hmac.new(secret.encode(), b"POST" + body + stamp.encode(), hashlib.sha256).digest()
    return {"x-hubspot-request-timestamp": stamp, "x-hubspot-signature-v3": base64.b64encode(digest).decode()}


def _fixture(object: str, kind: str, text: str, like: str = "", **more: str) -> Fixture:
    return Fixture(
        object=object,
        like=like,
        system="hubspot",
        actions=("create", "update", "delete"),
        sandbox=partial(_settings, object),
        fragment=lambda said: {"properties": {text: said, **more}},
        text=lambda raw: str(raw.get("properties", {}).get(text) or ""),
        hand=partial(Desk, kind=kind, text=text, more=more),
        absent="999999",
        reading=(r"^POST /crm/v3/objects/[a-z]+/search\b",),
        sign=_signed,
        signs_time=True,
    )


FIXTURES = (
    _fixture("ticket", "tickets", "subject", hs_pipeline_stage="1"),
    _fixture("contact", "contacts", "lastname", like="ticket"),
    _fixture("company", "companies", "name", like="ticket"),
    _fixture("deal", "deals", "dealname", like="ticket", pipeline="default", dealstage="appointmentscheduled"),
)
