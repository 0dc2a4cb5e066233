"""Somebody who is signed in to a running gateway, over HTTP only: pages, forms and the API, as a browser sends them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import aiohttp

from tests.support.edges import SLOW_S, Program, lockstep
from tests.support.waiting import until

PASSWORD = "four score and seven years"


class _Words(HTMLParser):
    """The text that a page shows, in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def words_of(page: str) -> str:
    """What a page says, without its markup."""
    reader = _Words()
    reader.feed(page)
    return " ".join(reader.words)


@dataclass
class Visitor:
    """A session of one person."""

    name: str
    url: str
    http: aiohttp.ClientSession
    token: str
    """Of the session's forms."""

    async def page(self, path: str) -> str:
        """The HTML of a page."""
        async with self.http.get(self.url + path) as answer:
            text = await answer.text()
            assert answer.status == 200, (path, answer.status, text[:2000])
            return text

    async def form(self, path: str, **fields: str) -> str:
        """Sends a form; the page that it led to."""
        headers = {"Origin": self.url}
        async with self.http.post(self.url + path, data=fields | {"csrf_token": self.token}, headers=headers) as answer:
            text = await answer.text()
            assert answer.status == 200, (path, answer.status, text[:2000])
            return text

    async def get(self, path: str, **query: str) -> Any:
        async with self.http.get(self.url + path, params=query) as answer:
            found = await answer.json()
            assert answer.status == 200, (path, found)
            return found

    async def pages(self, path: str, **query: str) -> list[Any]:
        """The items of all pages of a list."""
        found: list[Any] = []
        async with self.http.get(self.url + path, params={"limit": "200", **query}) as answer:
            body, links = await answer.json(), answer.links
            assert answer.status == 200, (path, body)
            found += body["items"]
        while "next" in links:
            async with self.http.get(links["next"]["url"]) as answer:
                body, links = await answer.json(), answer.links
                assert answer.status == 200, (path, body)
                found += body["items"]
        return found

    async def post(self, path: str, body: Mapping[str, Any] | None = None, *, status: int) -> Any:
        """A new wish."""
        headers = {"Origin": self.url, "X-CSRF-Token": self.token, "Idempotency-Key": f'"{uuid4()}"'}
        async with self.http.post(self.url + path, json=dict(body or {}), headers=headers) as answer:
            found = await answer.json(content_type=None)
            assert answer.status == status, (path, answer.status, found)
            return found

    @asynccontextmanager
    async def following(self) -> AsyncIterator[list[tuple[str, Any]]]:
        """What an open page is told, as it comes: (event, data), from `ready` on."""
        told: list[tuple[str, Any]] = []
        timeout = aiohttp.ClientTimeout(total=None)
        async with self.http.get(f"{self.url}/v1/stream", timeout=timeout) as answer:
            assert answer.status == 200, await answer.text()
            reading = asyncio.create_task(_read(answer.content, told))
            try:
                await until(lambda: told, what="the stream to begin", timeout_s=SLOW_S)
                yield told
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)


async def _read(lines: aiohttp.StreamReader, told: list[tuple[str, Any]]) -> None:
    event = ""
    async for line in lines:
        name, _, value = line.decode().strip().partition(": ")
        if name == "event":
            event = value
        elif name == "data":
            told.append((event, json.loads(value)))


@asynccontextmanager
async def visiting(gateway: Program, **roles: str) -> AsyncIterator[list[Visitor]]:
    """New people, each with a role, who signed in by the form; in the order named."""
    await asyncio.gather(*(_added(gateway, name, role) for name, role in roles.items()))
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(_signed_in(gateway, name)) for name in roles]


async def _added(gateway: Program, name: str, role: str) -> None:
    words = "user", "add", name, "--role", role, "--stdin"
    said = await lockstep(*words, cwd=gateway.file.parent, typed=f"{PASSWORD}\n")
    assert said.code == 0, said.err


@asynccontextmanager
async def _signed_in(gateway: Program, name: str) -> AsyncIterator[Visitor]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        form, origin = {"name": name, "password": PASSWORD, "next": "/session"}, {"Origin": gateway.url}
        async with http.post(f"{gateway.url}/sign-in", data=form, headers=origin) as answer:
            told = await answer.json(content_type=None)
        assert told["name"] == name, told
        yield Visitor(name, gateway.url, http, told["csrf_token"])
