"""One face for both stand-ins, so that one suite asks the same of every connector: what people do there, and what
breaks.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from connectors import registry
from connectors.contract.clock import SystemClock
from connectors.contract.connector import ConnectionSettings, Connector
from connectors.contract.values import Change, Page, Ref, Webhook, Write, WriteKind
from connectors.rest.transport import trusted
from connectors.sandbox import start

SECRET = "hook-secret"


class Bench(ABC):
    """A stand-in, a connector on it, and a person at its keyboard."""

    system: str
    object: str
    user: str
    fields: str
    """What `_sandbox/log` calls the title."""

    def __init__(self, url: str, hooks: Hooks) -> None:
        self.url, self.hooks = url, hooks
        self.connector: Connector = self.connect()
        self.http = httpx.AsyncClient(base_url=url, auth=(self.person("ann"), "ann-secret"), verify=trusted())
        self._count = 0

    def connect(self, **changed: Any) -> Connector:
        """Another connector on the same stand-in."""
        given: dict[str, Any] = {
            "name": self.system,
            "connector": self.system,
            "url": self.url,
            "auth": {"basic": {"user": self.person("lockstep"), "password": "lockstep-secret"}},
            "webhook_secret": SECRET,
            "timeout_s": 5.0,
            "objects": self.objects(),
        }
        return registry.create(ConnectionSettings(**(given | changed)), clock=SystemClock())

    def ref(self, id: str) -> Ref:
        return Ref(object=self.object, id=id)

    def write(self, kind: WriteKind, **given: Any) -> Write:
        self._count += 1
        said: dict[str, Any] = {
            "operation": f"op-{self._count}",
            "correlation": f"corr-{self._count}",
            "timeout_s": 5.0,
        }
        return Write(kind=kind, object=self.object, **(said | given))

    async def fault(self, kind: str, *, write: bool = True, path: str | None = None, **more: Any) -> None:
        """Arms a fault that only the connector's requests meet, once unless said otherwise."""
        match: dict[str, Any] = {"actor": "gateway", "write": write} | ({"path_regex": path} if path else {})
        await self._admin("POST", "faults", {"kind": kind, "count": 1, "match": match} | more)

    async def clear(self) -> None:
        await self._admin("DELETE", "faults")

    async def options(self, **options: Any) -> None:
        await self._admin("PATCH", "options", options)

    async def log(self) -> list[dict[str, Any]]:
        """The stand-in's own edit log."""
        answer = await self._admin("GET", "log")
        return list(answer.json()["entries"])

    async def hook_here(self) -> None:
        """Has webhooks sent to this test."""
        await self._admin("POST", "webhooks", {"url": self.hooks.url, "secret": SECRET})

    async def _admin(self, method: str, path: str, body: Any = None) -> httpx.Response:
        answer = await self.http.request(method, f"/_sandbox/{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer

    async def human(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = await self.http.request(method, path, json=body, **more)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def poll(self, cursor: dict[str, Any] | None, connector: Connector | None = None) -> tuple[list[Change], Any]:
        """One whole round: pages until there is no more."""
        found: list[Change] = []
        while True:
            page: Page = await (connector or self.connector).changes(cursor)
            found += page.changes
            cursor = page.cursor
            if not page.more:
                return found, cursor

    async def close(self) -> None:
        await self.connector.close()
        await self.http.aclose()

    @abstractmethod
    def person(self, name: str) -> str: ...
    @abstractmethod
    def objects(self) -> dict[str, Any]: ...
    @abstractmethod
    def fragment(self, title: str, **more: Any) -> dict[str, Any]: ...
    @abstractmethod
    def title(self, raw: Any) -> str: ...
    @abstractmethod
    def assigned(self, email: str | None) -> dict[str, Any]: ...
    @abstractmethod
    def assignee(self, raw: Any) -> str | None: ...
    @abstractmethod
    async def create(self, title: str) -> str: ...
    @abstractmethod
    async def edit(self, id: str, title: str) -> None: ...
    @abstractmethod
    async def comment(self, id: str, body: str) -> None: ...
    @abstractmethod
    async def delete(self, id: str) -> None: ...


class ServiceNowBench(Bench):
    system, object, user, fields = "servicenow", "incident", "ann", "short_description"

    def person(self, name: str) -> str:
        return name

    def objects(self) -> dict[str, Any]:
        return {"incident": {}}

    def fragment(self, title: str, **more: Any) -> dict[str, Any]:
        return {"short_description": title, **more}

    def title(self, raw: Any) -> str:
        return str(raw["short_description"])

    def assigned(self, email: str | None) -> dict[str, Any]:
        return {"assigned_to": {"email": email}}

    def assignee(self, raw: Any) -> str | None:
        return raw["assigned_to"]["email"] or None

    async def create(self, title: str) -> str:
        made = await self.human("POST", "/api/now/table/incident", {"short_description": title})
        return str(made["result"]["sys_id"])

    async def edit(self, id: str, title: str) -> None:
        await self.human("PATCH", f"/api/now/table/incident/{id}", {"short_description": title})

    async def comment(self, id: str, body: str) -> None:
        await self.human("PATCH", f"/api/now/table/incident/{id}", {"comments": body})

    async def delete(self, id: str) -> None:
        await self.human("DELETE", f"/api/now/table/incident/{id}", headers={"Content-Type": "application/json"})


class JiraBench(Bench):
    system, object, user, fields = "jira", "issue", "712020:a11a0000-c0ff-ee00-b0a7-000000000002", "summary"

    def person(self, name: str) -> str:
        return f"{name}@example.com"

    def objects(self) -> dict[str, Any]:
        return {"issue": {"project": "OPS", "issuetype": "Task"}}

    def fragment(self, title: str, **more: Any) -> dict[str, Any]:
        return {"fields": {"summary": title, **more}}

    def title(self, raw: Any) -> str:
        return str(raw["fields"]["summary"])

    def assigned(self, email: str | None) -> dict[str, Any]:
        return {"fields": {"assignee": {"emailAddress": email} if email else None}}

    def assignee(self, raw: Any) -> str | None:
        person = raw["fields"]["assignee"]
        return person["emailAddress"] if person else None

    async def create(self, title: str) -> str:
        fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": title}
        made = await self.human("POST", "/rest/api/3/issue", {"fields": fields})
        return str(made["id"])

    async def edit(self, id: str, title: str) -> None:
        await self.human("PUT", f"/rest/api/3/issue/{id}", {"fields": {"summary": title}})

    async def comment(self, id: str, body: str) -> None:
        text = {"type": "paragraph", "content": [{"type": "text", "text": body}]}
        document = {"type": "doc", "version": 1, "content": [text]}
        await self.human("POST", f"/rest/api/3/issue/{id}/comment", {"body": document})

    async def delete(self, id: str) -> None:
        await self.human("DELETE", f"/rest/api/3/issue/{id}")


class Hooks:
    """A tiny receiver of webhooks; tests wait until enough have come."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[Webhook] = []
        self._came = asyncio.Condition()

    async def take(self, count: int) -> list[Webhook]:
        """Waits for this many."""
        async with self._came:
            await asyncio.wait_for(self._came.wait_for(lambda: len(self.received) >= count), 20)
            return list(self.received)

    async def until(self, enough: Callable[[list[Webhook]], bool]) -> list[Webhook]:
        """Waits until what has come is enough."""
        async with self._came:
            await asyncio.wait_for(self._came.wait_for(lambda: enough(self.received)), 20)
            return list(self.received)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Hooks]:
        from aiohttp import web

        async def receive(request: web.Request) -> web.Response:
            headers = {name.lower(): value for name, value in request.headers.items()}
            webhook = Webhook(headers=headers, body=await request.read(), received_at=SystemClock().now())
            async with self._came:
                self.received.append(webhook)
                self._came.notify_all()
            return web.Response(status=204)

        app = web.Application()
        app.router.add_post("/", receive)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        try:
            yield self
        finally:
            await runner.cleanup()


BENCHES: dict[str, type[Bench]] = {"servicenow": ServiceNowBench, "jira": JiraBench}


@asynccontextmanager
async def bench(system: str, folder: Path) -> AsyncIterator[Bench]:
    """A fresh stand-in with everything on it."""
    stand_in = await start(system, data=folder / f"{system}.db", time_scale=0.001)
    try:
        async with Hooks().listening() as hooks:
            made = BENCHES[system](stand_in.url, hooks)
            try:
                yield made
            finally:
                await made.close()
    finally:
        await stand_in.stop()
