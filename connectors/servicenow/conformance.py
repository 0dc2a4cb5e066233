"""ServiceNow for the conformance kit: a person who works on its tables without our connector. Incidents are asked
everything; the other tables go through the same code, and are asked what may differ between them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from connectors.contract.connector import ConnectionSettings
from connectors.contract.fixture import Canned, Fixture, Held, Raw
from connectors.rest.plain import PlainApi
from connectors.servicenow.clerk import ACCESS

__all__ = ("ACCESS", "FIXTURES")

KEY = "u_lockstep_key"
"""The text column that an instance needs for our key where a table has no correlation_id."""
ROLE = "approver_user"
"""A role that contains no other, and may be given by anybody who gives roles."""
_CANCELLED = (
    b'{"result":[],"error":{"message":"Transaction cancelled: maximum execution time exceeded"},"status":"failure"}'
)
_USERS = "/api/now/table/sys_user"


class Desk:
    """Implements `Hand` on the Table API (facts.md 1.2): rows of one table, by one text column."""

    def __init__(self, table: str, column: str, settings: ConnectionSettings) -> None:
        self._api, self._path, self._column = PlainApi(settings), f"/api/now/table/{table}", column

    async def create(self, text: str) -> str:
        return str((await self._api.ask("POST", self._path, {self._column: text}))["result"]["sys_id"])

    async def edit(self, id: str, text: str) -> None:
        await self._api.ask("PATCH", f"{self._path}/{id}", {self._column: text})

    async def comment(self, id: str, body: str) -> None:
        await self._api.ask("PATCH", f"{self._path}/{id}", {"comments": body})

    async def delete(self, id: str) -> None:
        await self._api.ask("DELETE", f"{self._path}/{id}")

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"{self._path}/{id}", absent=(404,))
        if found is None:
            return None
        row = found["result"]
        journal = f"/api/now/table/sys_journal_field?sysparm_query=element_id={id}&sysparm_fields=value"
        comments = tuple(str(each["value"]) for each in (await self._api.ask("GET", journal))["result"])
        return Held(id=id, text=row[self._column], state=str(row.get("state", "")), comments=comments)

    async def search(self, text: str) -> Sequence[str]:
        asked = f"{self._path}?sysparm_query={self._column}={text}&sysparm_fields=sys_id,{self._column}"
        found = (await self._api.ask("GET", asked))["result"]
        return [str(row["sys_id"]) for row in found if row[self._column] == text]

    async def close(self) -> None:
        await self._api.close()


class Doorkeeper:
    """Implements `Hand` on links: the text is the e-mail address of the person that a row joins to a group or role."""

    def __init__(self, table: str, column: str, other: str, named: str, settings: ConnectionSettings) -> None:
        self._api, self._path = PlainApi(settings), f"/api/now/table/{table}"
        self._column, self._other, self._named = column, other, named

    async def person(self, text: str) -> str:
        """Makes the person."""
        account = {"user_name": hashlib.sha256(text.encode()).hexdigest()[:32], "email": text}
        return str((await self._api.ask("POST", _USERS, account))["result"]["sys_id"])

    async def create(self, text: str) -> str:
        asked = f"/api/now/table/{self._other}?sysparm_query=name={self._named}&sysparm_fields=sys_id"
        other = (await self._api.ask("GET", asked))["result"][0]["sys_id"]
        link = {"user": await self.person(text), self._column: other}
        return str((await self._api.ask("POST", self._path, link))["result"]["sys_id"])

    async def edit(self, id: str, text: str) -> None:
        await self._api.ask("PATCH", f"{self._path}/{id}", {"user": await self.person(text)})

    async def comment(self, id: str, body: str) -> None:
        raise AssertionError("links are not commented")

    async def delete(self, id: str) -> None:
        held = await self.held(id)
        await self._api.ask("DELETE", f"{self._path}/{id}")
        found = f"{_USERS}?sysparm_query=email={held.text if held else 'nobody'}&sysparm_fields=sys_id"
        for row in (await self._api.ask("GET", found))["result"]:
            await self._api.ask("DELETE", f"{_USERS}/{row['sys_id']}")

    async def held(self, id: str) -> Held | None:
        asked = f"{self._path}/{id}?sysparm_fields=sys_id,user.email"
        found = await self._api.ask("GET", asked, absent=(404,))
        return None if found is None else Held(id=id, text=str(found["result"]["user.email"]))

    async def search(self, text: str) -> Sequence[str]:
        asked = f"{self._path}?sysparm_query=user.email={text}&sysparm_fields=sys_id,user.email"
        found = (await self._api.ask("GET", asked))["result"]
        return [str(row["sys_id"]) for row in found if row["user.email"] == text]

    async def close(self) -> None:
        await self._api.close()


def _settings(object: str, given: Mapping[str, str], url: str, person: str) -> ConnectionSettings:
    return ConnectionSettings(
        name="servicenow",
        connector="servicenow",
        url=url,
        auth={"basic": {"user": person, "password": f"{person}-secret"}},
        objects={object: dict(given)},
    )


def _signed(body: bytes, secret: str, at: float) -> Mapping[str, str]:
    stamp = str(int(at))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"x-lockstep-timestamp": stamp, "x-lockstep-signature": f"sha256={digest}"}


def _as_it_is(column: str, text: str) -> Raw:
    return {column: text}


def _shown(column: str, raw: Raw) -> str:
    return str(raw.get(column, ""))


def _state(raw: Raw) -> str:
    return str(raw.get("state", ""))


def _table(object: str, column: str, actions: tuple[str, ...], *, like: str = "incident", marker: str = "") -> Fixture:
    return Fixture(
        object=object,
        system="servicenow",
        actions=actions,
        sandbox=partial(_settings, object, {"marker": marker} if marker else {}),
        fragment=partial(_as_it_is, column),
        text=partial(_shown, column),
        hand=partial(Desk, object, column),
        like=like,
        state=_state,
        absent="0" * 32,
        cut_off=(Canned(name="transaction cancelled", status=200, body=_CANCELLED),),  # facts.md 1.7 [M]
        sign=_signed,
        signs_time=True,
    )


def _joins(column: str, named: str, text: str) -> Raw:
    return {"user": {"email": text}, column: {"name": named}}


def _whom(raw: Raw) -> str:
    person: Any = raw.get("user")
    return str(person.get("email", "")) if isinstance(person, Mapping) else ""


async def _person(hand: Doorkeeper, text: str) -> None:
    await hand.person(text)


def _link(object: str, column: str, other: str, named: str) -> Fixture:
    """Without webhooks: the first one about a text would be that of the person."""
    return Fixture(
        object=object,
        system="servicenow",
        actions=("create", "delete"),
        sandbox=partial(_settings, object, {"marker": KEY}),
        fragment=partial(_joins, column, named),
        text=_whom,
        hand=partial(Doorkeeper, object, column, other, named),
        like="incident",
        ready=_person,
        absent="0" * 32,
    )


_WORKED_ON = ("create", "update", "comment")
FIXTURES = (
    _table("incident", "short_description", _WORKED_ON, like=""),
    _table("sc_request", "short_description", _WORKED_ON),
    _table("sc_req_item", "short_description", _WORKED_ON),
    _table("sc_task", "short_description", _WORKED_ON),
    _table("change_request", "short_description", _WORKED_ON),
    _table("sys_user", "title", ("create", "update"), marker=KEY),
    _table("sys_user_group", "name", ("create", "update"), marker=KEY),
    _link("sys_user_grmember", "group", "sys_user_group", "Network"),
    _link("sys_user_has_role", "role", "sys_user_role", ROLE),
)
