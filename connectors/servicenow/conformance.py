"""ServiceNow for the conformance kit: incidents, and a person who works on them without our connector."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from connectors.contract.connector import ConnectionSettings
from connectors.contract.fixture import Canned, Fixture, Held
from connectors.rest.plain import PlainApi

_TABLE = "/api/now/table/incident"
_CANCELLED = (
    b'{"result":[],"error":{"message":"Transaction cancelled: maximum execution time exceeded"},"status":"failure"}'
)


class Desk:
    """Implements `Hand` on the Table API (facts.md 1.2)."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api = PlainApi(settings)

    async def create(self, text: str) -> str:
        return str((await self._api.ask("POST", _TABLE, {"short_description": text}))["result"]["sys_id"])

    async def edit(self, id: str, text: str) -> None:
        await self._api.ask("PATCH", f"{_TABLE}/{id}", {"short_description": text})

    async def comment(self, id: str, body: str) -> None:
        await self._api.ask("PATCH", f"{_TABLE}/{id}", {"comments": body})

    async def delete(self, id: str) -> None:
        await self._api.ask("DELETE", f"{_TABLE}/{id}")

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"{_TABLE}/{id}", absent=(404,))
        if found is None:
            return None
        row = found["result"]
        journal = f"/api/now/table/sys_journal_field?sysparm_query=element_id={id}&sysparm_fields=value"
        comments = tuple(str(each["value"]) for each in (await self._api.ask("GET", journal))["result"])
        return Held(id=id, text=row["short_description"], state=str(row["state"]), comments=comments)

    async def search(self, text: str) -> Sequence[str]:
        asked = f"{_TABLE}?sysparm_query=short_description={text}&sysparm_fields=sys_id,short_description"
        found = (await self._api.ask("GET", asked))["result"]
        return [str(row["sys_id"]) for row in found if row["short_description"] == text]

    async def close(self) -> None:
        await self._api.close()


def _settings(url: str, person: str) -> ConnectionSettings:
    return ConnectionSettings(
        name="servicenow",
        connector="servicenow",
        url=url,
        auth={"basic": {"user": person, "password": f"{person}-secret"}},
        objects={"incident": {}},
    )


def _signed(body: bytes, secret: str, at: float) -> Mapping[str, str]:
    stamp = str(int(at))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"x-lockstep-timestamp": stamp, "x-lockstep-signature": f"sha256={digest}"}


FIXTURES = (
    Fixture(
        object="incident",
        system="servicenow",
        actions=("create", "update", "comment"),
        sandbox=_settings,
        fragment=lambda text: {"short_description": text},
        text=lambda raw: str(raw.get("short_description", "")),
        hand=Desk,
        state=lambda raw: str(raw.get("state", "")),
        absent="0" * 32,
        cut_off=(Canned(name="transaction cancelled", status=200, body=_CANCELLED),),  # facts.md 1.7 [M]
        sign=_signed,
        signs_time=True,
    ),
)
