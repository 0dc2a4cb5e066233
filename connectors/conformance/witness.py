"""Who says what really happened in the system: never the connector. A stand-in's edit log, or a hand of the fixture."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import orjson

from connectors.contract.fixture import Hand


@dataclass(frozen=True, kw_only=True)
class Deed:
    """One write, told so that its effects can be counted."""

    action: str
    text: str
    """What it writes, unique to it: the text of the object, or the body of the comment."""
    id: str = ""
    """The object it was for; "" for a create."""
    state: str = ""
    """The state a step leads to."""
    object: str = ""
    """The type that counts, where objects of other types hold the text, too (the person of a membership); "": all."""


class Witness(Protocol):
    """Counts effects."""

    async def effects(self, deed: Deed) -> int:
        """How often this deed took effect; 0 for never."""
        ...


class StandInWitness:
    """Reads a stand-in's edit log: it tells also of effects that a later one hid."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url, self._http = url.rstrip("/"), http
        self._entries: list[Mapping[str, Any]] = []
        self._reading = asyncio.Lock()

    async def effects(self, deed: Deed) -> int:
        async with self._reading:
            await self._read_on()
        return sum(_shows(entry, deed) for entry in self._entries)

    async def _read_on(self) -> None:
        """The log only grows, so what was read stays true."""
        while True:
            after = {"after": str(self._entries[-1]["seq"] if self._entries else 0)}
            async with self._http.get(f"{self._url}/_sandbox/log", params=after) as answer:
                entries = orjson.loads(await answer.read())["entries"]
            if not entries:
                return
            self._entries += entries


def _shows(entry: Mapping[str, Any], deed: Deed) -> bool:
    if deed.object and entry["object"] != deed.object:
        return False
    if deed.action == "create":
        return entry["kind"] == "create" and deed.text in orjson.dumps(entry["fields"]).decode()
    if entry["id"] != deed.id:
        return False
    if deed.action == "delete":
        return bool(entry["kind"] == "delete")
    if deed.action == "comment":
        return entry["comment"] is not None and deed.text in str(entry["comment"].get("body", ""))
    after = [pair[1] for pair in entry["fields"].values()] if entry["kind"] == "update" else []
    if deed.action == "step":
        return any(_names(value, deed.state) for value in after)
    return any(deed.text in str(value) for value in after)


def _names(value: Any, state: str) -> bool:
    """Whether a value of the log is this state, however the stand-in nests it."""
    if isinstance(value, Mapping):
        return any(_names(each, state) for each in value.values())
    return str(value) == state


class HandWitness:
    """Looks by hand. What a later effect hid cannot be seen; the proxy's count of requests is the second witness."""

    def __init__(self, hand: Hand) -> None:
        self._hand = hand

    async def effects(self, deed: Deed) -> int:
        if deed.action == "create":
            return len(await self._hand.search(deed.text))
        held = await self._hand.held(deed.id)
        if deed.action == "delete":
            return int(held is None)
        if held is None:
            return 0
        if deed.action == "comment":
            return sum(deed.text in body for body in held.comments)
        return int(held.state == deed.state if deed.action == "step" else held.text == deed.text)
