"""Salesforce for the conformance kit: cases, accounts, contacts, and a person who works without our connector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
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


class Clerk(Desk):
    """Implements `Hand` on objects that nobody comments on: the text is one of their fields."""

    def __init__(self, settings: ConnectionSettings, *, kind: str, text: str) -> None:
        super().__init__(settings)
        self._kind, self._text = kind, text
        self._path = f"{DATA}/sobjects/{kind}"

    async def create(self, text: str) -> str:
        return str((await self._api.ask("POST", self._path, {self._text: text}))["id"])

    async def edit(self, id: str, text: str) -> None:
        await self._api.ask("PATCH", f"{self._path}/{id}", {self._text: text})

    async def comment(self, id: str, body: str) -> None:
        raise AssertionError("nothing is commented here")

    async def delete(self, id: str) -> None:
        await self._api.ask("DELETE", f"{self._path}/{id}")

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"{self._path}/{id}", absent=(404,))
        return None if found is None else Held(id=id, text=found[self._text])

    async def search(self, text: str) -> Sequence[str]:
        asked = f"SELECT Id FROM {self._kind} WHERE {self._text} = "  # noqa: S608 - names of the fixtures, nobody else's
        return [each["Id"] for each in await self._query(asked, text)]


def _settings(object: str, url: str, person: str) -> ConnectionSettings:
    client = {"oauth2_client_credentials": {"client_id": person, "client_secret": f"{person}-secret"}}
    auth = client if person == "lockstep" else {"bearer": {"token": f"{person}-secret"}}
    return ConnectionSettings(name="salesforce", connector="salesforce", url=url, auth=auth, objects={object: {}})


def _signed(body: bytes, secret: str, at: float) -> Mapping[str, str]:
    return {"x-lockstep-token": secret}


def _plain(object: str, kind: str, text: str, absent: str) -> Fixture:
    return Fixture(
        object=object,
        like="case",
        system="salesforce",
        actions=("create", "update", "delete"),
        sandbox=partial(_settings, object),
        fragment=lambda said: {text: said},
        text=lambda raw: str(raw.get(text) or ""),
        hand=partial(Clerk, kind=kind, text=text),
        absent=absent,
        reading=(r"^POST /services/oauth2/token\b",),
        sign=_signed,
        signs_body=False,
        signed_by="lockstep-token",
    )


FIXTURES = (
    Fixture(
        object="case",
        system="salesforce",
        actions=("create", "update", "comment", "delete"),
        sandbox=partial(_settings, "case"),
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
    _plain("account", "Account", "Name", "001Do000000999AIAQ"),
    _plain("contact", "Contact", "LastName", "003Do000000999AIAQ"),
)
