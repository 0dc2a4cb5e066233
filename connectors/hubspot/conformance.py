"""HubSpot for the conformance kit: tickets, and a person who works on them without our connector."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence

from connectors.contract.connector import ConnectionSettings
from connectors.contract.fixture import Fixture, Held
from connectors.rest.plain import PlainApi

TICKETS = "/crm/v3/objects/tickets"


class Desk:
    """Implements `Hand` on the CRM objects API (facts.md 5.2)."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api = PlainApi(settings)

    async def create(self, text: str) -> str:
        given = {"properties": {"subject": text, "hs_pipeline_stage": "1"}, "associations": []}
        return str((await self._api.ask("POST", TICKETS, given))["id"])

    async def edit(self, id: str, text: str) -> None:
        await self._api.ask("PATCH", f"{TICKETS}/{id}", {"properties": {"subject": text}})

    async def comment(self, id: str, body: str) -> None:
        raise AssertionError("tickets have no comments of their own")

    async def delete(self, id: str) -> None:
        await self._api.ask("DELETE", f"{TICKETS}/{id}")

    async def held(self, id: str) -> Held | None:
        asked = f"{TICKETS}/{id}?properties=subject,hs_pipeline_stage"
        found = await self._api.ask("GET", asked, absent=(404,))
        if found is None:
            return None
        return Held(id=id, text=found["properties"]["subject"], state=found["properties"]["hs_pipeline_stage"])

    async def search(self, text: str) -> Sequence[str]:
        wanted = {"propertyName": "subject", "operator": "EQ", "value": text}
        asked = {"filterGroups": [{"filters": [wanted]}], "sorts": [], "properties": [], "limit": 100, "after": "0"}
        return [each["id"] for each in (await self._api.ask("POST", f"{TICKETS}/search", asked))["results"]]

    async def close(self) -> None:
        await self._api.close()


def _settings(url: str, person: str) -> ConnectionSettings:
    auth = {"bearer": {"token": f"{person}-secret"}}
    return ConnectionSettings(name="hubspot", connector="hubspot", url=url, auth=auth, objects={"ticket": {}})


def _signed(body: bytes, secret: str, at: float) -> Mapping[str, str]:
    """For a webhook that says no address."""
    stamp = str(int(at * 1000))
    digest = hmac.new(secret.encode(), b"POST" + body + stamp.encode(), hashlib.sha256).digest()
    return {"x-hubspot-request-timestamp": stamp, "x-hubspot-signature-v3": base64.b64encode(digest).decode()}


FIXTURES = (
    Fixture(
        object="ticket",
        system="hubspot",
        actions=("create", "update", "delete"),
        sandbox=_settings,
        fragment=lambda text: {"properties": {"subject": text, "hs_pipeline_stage": "1"}},
        text=lambda raw: str(raw.get("properties", {}).get("subject") or ""),
        hand=Desk,
        state=lambda raw: str(raw.get("properties", {}).get("hs_pipeline_stage") or ""),
        absent="999999",
        reading=(r"^POST /crm/v3/objects/[a-z]+/search\b",),
        sign=_signed,
        signs_time=True,
    ),
)
