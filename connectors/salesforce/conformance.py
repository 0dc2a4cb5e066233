"""Salesforce for the conformance kit: cases, and a person who works on them without our connector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from connectors.contract.connector import ConnectionSettings
from connectors.contract.fixture import Fixture, Held
from connectors.rest.plain import PlainApi

DATA = "/services/data/v60.0"
CASES = f"{DATA}/sobjects/Case"


class Desk:
    """Implements `Hand` on the REST API (facts.md 5.1)."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api = PlainApi(settings)

    async def create(self, text: str) -> str:
        return str((await self._api.ask("POST", CASES, {"Subject": text}))["id"])

    async def edit(self, id: str, text: str) -> None:
        await self._api.ask("PATCH", f"{CASES}/{id}", {"Subject": text})

    async def comment(self, id: str, body: str) -> None:
        said = {"ParentId": id, "CommentBody": body, "IsPublished": True}
        await self._api.ask("POST", f"{DATA}/sobjects/CaseComment", said)

    async def delete(self, id: str) -> None:
        await self._api.ask("DELETE", f"{CASES}/{id}")

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"{CASES}/{id}", absent=(404,))
        if found is None:
            return None
        said = await self._query("SELECT CommentBody FROM CaseComment WHERE ParentId = ", id)
        comments = tuple(each["CommentBody"] for each in said)
        return Held(id=id, text=found["Subject"], state=found["Status"], comments=comments)

    async def search(self, text: str) -> Sequence[str]:
        return [each["Id"] for each in await self._query("SELECT Id FROM Case WHERE Subject = ", text)]

    async def close(self) -> None:
        await self._api.close()

    async def _query(self, soql: str, value: str) -> list[Any]:
        """`value` is one of the kit's own words, without quotation marks."""
        asked = quote(f"{soql}'{value}'")
        return list((await self._api.ask("GET", f"{DATA}/query?q={asked}"))["records"])


def _settings(url: str, person: str) -> ConnectionSettings:
    client = {"oauth2_client_credentials": {"client_id": person, "client_secret": f"{person}-secret"}}
    auth = client if person == "lockstep" else {"bearer": {"token": f"{person}-secret"}}
    return ConnectionSettings(name="salesforce", connector="salesforce", url=url, auth=auth, objects={"case": {}})


def _signed(body: bytes, secret: str, at: float) -> Mapping[str, str]:
    return {"x-lockstep-token": secret}


FIXTURES = (
    Fixture(
        object="case",
        system="salesforce",
        actions=("create", "update", "comment", "delete"),
        sandbox=_settings,
        fragment=lambda text: {"Subject": text},
        text=lambda raw: str(raw.get("Subject") or ""),
        hand=Desk,
        state=lambda raw: str(raw.get("Status") or ""),
        absent="500Do000000999AIAQ",
        reading=(r"^POST /services/oauth2/token\b",),
        sign=_signed,
        signs_body=False,
        signed_by="lockstep-token",
    ),
)
