"""HTTP as a caller of the stand-ins sees it, and a receiver for their webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from connectors.sandbox import StandIn
from tests.support.waiting import until


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which must be JSON."""
        return orjson.loads(self.body)

    @property
    def result(self) -> Any:
        """ServiceNow's envelope opened."""
        return self.json["result"]


@dataclass(frozen=True)
class Caller:
    """One person's calls to one stand-in; without a name nobody's."""

    session: aiohttp.ClientSession
    url: str
    user: str = ""
    password: str = ""

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 10,
    ) -> Answer:
        sent = {"Accept": "application/json", "Content-Type": "application/json"}
        if self.user:
            sent["Authorization"] = aiohttp.encode_basic_auth(self.user, self.password)
        sent = {name: value for name, value in (sent | dict(headers or {})).items() if value}
        data = body if isinstance(body, bytes | None) else orjson.dumps(body)
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        skip = () if "Accept" in sent and "Content-Type" in sent else ("Accept", "Content-Type")
        async with self.session.request(
            method, self.url + path, data=data, headers=sent, timeout=timeout, skip_auto_headers=skip
        ) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, **more: Any) -> Answer:
        """GET."""
        return await self("GET", path, **more)


@dataclass
class World:
    """A stand-in and the people who use it."""

    stand_in: StandIn
    session: aiohttp.ClientSession
    domain: str = ""

    def person(self, name: str, password: str = "") -> Caller:
        """Signed in as one of the directory."""
        return Caller(self.session, self.stand_in.url, name + self.domain, password or f"{name}-secret")

    @property
    def nobody(self) -> Caller:
        """Not signed in; also the way to `/_sandbox`."""
        return Caller(self.session, self.stand_in.url)

    async def arm(self, kind: str, **more: Any) -> None:
        """Arms a fault."""
        answer = await self.nobody("POST", "/_sandbox/faults", {"kind": kind, **more})
        assert answer.status == 201, answer.body

    async def option(self, **changes: Any) -> None:
        """Changes options."""
        answer = await self.nobody("PATCH", "/_sandbox/options", changes)
        assert answer.status == 200, answer.body

    async def drained(self) -> None:
        """Waits until no webhook waits; the receiver has then seen all there is."""

        async def empty() -> bool:
            return bool((await self.nobody.get("/_sandbox/webhooks")).json["pending"] == 0)

        await until(empty, what="all webhooks to be sent")

    async def log(self) -> list[dict[str, Any]]:
        """The whole edit log."""
        found: list[dict[str, Any]] = (await self.nobody.get("/_sandbox/log")).json["entries"]
        return found

    async def objects(self) -> list[dict[str, Any]]:
        """All objects."""
        found: list[dict[str, Any]] = (await self.nobody.get("/_sandbox/objects")).json["objects"]
        return found


@dataclass
class Receiver:
    """Takes webhooks. `answers` are the statuses to give, in turn; then 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    seen: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.Response:
        """The handler."""
        body = await request.read()
        async with self._came:
            self.seen.append(({name.lower(): value for name, value in request.headers.items()}, body))
            self._came.notify_all()
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    async def wait_for(self, count: int) -> list[tuple[Mapping[str, str], Any]]:
        """All requests so far, once there are this many."""
        async with asyncio.timeout(20), self._came:
            await self._came.wait_for(lambda: len(self.seen) >= count)
        return [(headers, orjson.loads(body)) for headers, body in self.seen]


def document(*lines: str) -> dict[str, Any]:
    """An Atlassian document, one paragraph a line."""
    paragraphs = [{"type": "paragraph", "content": [{"type": "text", "text": line}]} for line in lines]
    return {"type": "doc", "version": 1, "content": paragraphs}


async def new_issue(caller: Caller, summary: str = "printer on fire", **fields: Any) -> str:
    """Creates an issue; gives its key."""
    basic = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": summary}
    answer = await caller("POST", "/rest/api/3/issue", {"fields": basic | fields})
    assert answer.status == 201, answer.body
    return str(answer.json["key"])


async def new_incident(caller: Caller, short_description: str = "printer on fire", **fields: Any) -> str:
    """Creates an incident; gives its path."""
    body = {"short_description": short_description, **fields}
    answer = await caller("POST", "/api/now/table/incident", body)
    assert answer.status == 201, answer.body
    return f"/api/now/table/incident/{answer.result['sys_id']}"


async def walk(caller: Caller, key: str, *transitions: str) -> None:
    """Moves an issue by transition ids; Done gets its resolution."""
    for number in transitions:
        more = {"fields": {"resolution": {"name": "Done"}}} if number == "31" else {}
        answer = await caller("POST", f"/rest/api/3/issue/{key}/transitions", {"transition": {"id": number}, **more})
        assert answer.status == 204, answer.body
