"""The back doors of the stand-ins (`/_sandbox`), as the demo uses them: logs, objects, faults, webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from gateway.demo.evidence import Comment, Entry, Object

SNOW, JIRA, CRM, HUB, HR, DIR = "snow", "jira", "crm", "hub", "hr", "dir"
SYSTEMS = {SNOW: "servicenow", JIRA: "jira", CRM: "salesforce", HUB: "github", HR: "bamboohr", DIR: "scim"}
"""Connections of the demo and the systems behind them."""
NAMES = {SNOW: "ServiceNow", JIRA: "Jira", CRM: "Salesforce", HUB: "GitHub", HR: "BambooHR", DIR: "SCIM"}
PAIR = (SNOW, JIRA)
"""Where people edit at random, all the time. Each has a process of its own, the others share one."""
OTHERS = tuple(name for name in SYSTEMS if name not in PAIR)
HOOKED = tuple(name for name in SYSTEMS if name != DIR)
"""Those that send webhooks."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """One running stand-in."""

    connection: str
    url: str
    http: aiohttp.ClientSession

    async def alive(self) -> bool:
        """Whether it serves."""
        try:
            async with self.http.get(f"{self.url}/_sandbox/health") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def entries(self, after: int) -> list[Entry]:
        """The edit log past this number, a page of it, in the stand-in's own order."""
        found = await self._get(f"/_sandbox/log?after={after}")
        return [_entry(self.connection, entry) for entry in found["entries"]]

    async def objects(self) -> list[Object]:
        """All objects as they are now."""
        found = await self._get("/_sandbox/objects")
        return [
            Object(one["id"], one["key"], one["raw"], one["correlation"], object=one["object"])
            for one in found["objects"]
        ]

    async def webhooks_waiting(self) -> int:
        """How many webhooks it still wants to send."""
        return int((await self._get("/_sandbox/webhooks"))["pending"])

    async def register_webhook(self, url: str, secret: str) -> None:
        """Sends webhooks there from now on."""
        await self._post("/_sandbox/webhooks", {"url": url, "secret": secret})

    async def go_down(self, seconds: float) -> None:
        """Refuses everybody for so long."""
        await self._post("/_sandbox/faults", {"kind": "down", "seconds": seconds})

    async def lose_webhooks(self, count: int) -> None:
        """Never sends the next ones."""
        await self._post("/_sandbox/faults", {"kind": "hook_lose", "count": count, "match": {"actor": "human"}})

    async def _get(self, path: str) -> Any:
        async with self.http.get(self.url + path, raise_for_status=True) as answer:
            return orjson.loads(await answer.read())

    async def _post(self, path: str, body: Mapping[str, Any]) -> None:
        async with self.http.post(self.url + path, json=body, raise_for_status=True) as answer:
            await answer.read()


def _entry(connection: str, entry: Mapping[str, Any]) -> Entry:
    fields: Mapping[str, Any] = entry.get("fields") or {}
    said = entry.get("comment")
    return Entry(
        seq=entry["seq"],
        at=entry["at"],
        id=entry["id"],
        key=entry["key"],
        object=entry["object"],
        by_human=entry["actor"] == "human",
        user=entry["user"],
        kind=entry["kind"],
        before=fragment(connection, {name: change[0] for name, change in fields.items()}),
        after=fragment(connection, {name: change[1] for name, change in fields.items()}),
        comment=Comment(said["id"], said["kind"], said["body"], said["origin"]) if said else None,
    )


def fragment(connection: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the edit log as a fragment of the vendor's document: Jira keeps its fields one level down."""
    return {"fields": dict(fields)} if SYSTEMS[connection] == "jira" else dict(fields)
