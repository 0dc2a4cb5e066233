"""A small help desk on 127.0.0.1, with an edit log and webhooks: what the sound connector and the broken ones speak to.

Its drawers differ in what they promise: `ticket` has a searchable reference and a history, `paper` knows idempotency
keys and preconditions, `fax` takes what it is sent and shows nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import math
import time
import uuid
from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from aiohttp import web

GRAIN_S = 0.5
"""Resolution of its times."""
MOVES = {"open": ["doing"], "doing": ["open", "done"], "done": []}


@dataclass
class Thing:
    """One object."""

    id: str
    drawer: str
    text: str
    ref: str
    by: str
    state: str = "open"
    rev: int = 0
    changed: float = 0.0
    notes: list[dict[str, Any]] = field(default_factory=list)
    past: list[dict[str, Any]] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        names = ("id", "text", "ref", "state", "rev", "changed", "by", "drawer")
        return {name: getattr(self, name) for name in names}


class Desk:
    """Everything in memory; one loop, so each request is a transaction."""

    def __init__(self, more: Sequence[web.RouteDef] = ()) -> None:
        self._more = more
        self.things: dict[str, Thing] = {}
        self.log: list[dict[str, Any]] = []
        self._ids = itertools.count(100)
        self._by_key: dict[str, str] = {}
        self._hook: dict[str, str] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_sandbox/log", self.show_log),
            web.patch("/_sandbox/options", self.nothing),
            web.post("/_sandbox/webhooks", self.register),
            web.get("/me", self.me),
            *self._more,
            web.get("/{drawer}", self.list),
            web.post("/{drawer}", self.create),
            web.get("/{drawer}/{id}", self.one),
            web.patch("/{drawer}/{id}", self.edit),
            web.delete("/{drawer}/{id}", self.delete),
            web.post("/{drawer}/{id}/moves", self.move),
            web.get("/{drawer}/{id}/notes", self.notes),
            web.post("/{drawer}/{id}/notes", self.note),
            web.get("/{drawer}/{id}/history", self.history),
        ]

    # The admin's door.

    async def show_log(self, request: web.Request) -> web.Response:
        after = int(request.query.get("after", "0"))
        return web.json_response({"entries": [entry for entry in self.log if entry["seq"] > after]})

    async def nothing(self, request: web.Request) -> web.Response:
        return web.json_response({})

    async def register(self, request: web.Request) -> web.Response:
        self._hook = await request.json()
        return web.json_response({}, status=201)

    # The desk's own.

    async def me(self, request: web.Request) -> web.Response:
        return web.json_response({"name": _who(request)})

    async def list(self, request: web.Request) -> web.Response:
        """In the order of (changed, id), or of the id with `by=id`, behind `after`; all of one `ref` for look-ups."""
        _who(request)
        asked, drawer = request.query, request.match_info["drawer"]
        rows = [each for each in self.things.values() if each.drawer == drawer]
        if "ref" in asked:
            return web.json_response({"items": [each.shown() for each in rows if each.ref == asked["ref"]], "next": ""})
        by_id = asked.get("by") == "id"
        rows.sort(key=lambda each: (0.0 if by_id else each.changed, int(each.id)))
        at, _, id = asked.get("after", "").partition("|")
        since = float(asked.get("since", "0"))
        behind = (float(at), int(id)) if id else (-1.0, 0)
        found = [
            each for each in rows if each.changed >= since and (0.0 if by_id else each.changed, int(each.id)) > behind
        ][int(asked.get("offset", "0")) :]
        page = found[: int(asked.get("limit", "50"))]
        more = f"{0.0 if by_id else page[-1].changed}|{page[-1].id}" if len(found) > len(page) else ""
        return web.json_response({"items": [each.shown() for each in page], "next": more})

    async def create(self, request: web.Request) -> web.Response:
        who, said = _who(request), await request.json()
        key = said.get("key", "")
        if request.match_info["drawer"] == "paper" and key in self._by_key:
            return web.json_response(self.things[self._by_key[key]].shown())
        thing = Thing(
            id=str(next(self._ids)),
            drawer=request.match_info["drawer"],
            text=said["text"],
            ref=said.get("ref", ""),
            by=who,
        )
        self.things[thing.id] = thing
        self._by_key[key or thing.id] = thing.id
        self._changed(thing, who, "create", {"text": [None, thing.text]})
        return web.json_response(thing.shown(), status=201)

    async def one(self, request: web.Request) -> web.Response:
        _who(request)
        return web.json_response(self._thing(request).shown())

    async def edit(self, request: web.Request) -> web.Response:
        who, thing, said = _who(request), self._thing(request), await request.json()
        match = request.headers.get("If-Match", "")
        if thing.drawer == "paper" and match and match != str(thing.rev):
            raise web.HTTPPreconditionFailed
        if said["text"] != thing.text:
            before, thing.text = thing.text, said["text"]
            self._changed(thing, who, "update", {"text": [before, thing.text]})
        return web.json_response(thing.shown())

    async def delete(self, request: web.Request) -> web.Response:
        who, thing = _who(request), self._thing(request)
        del self.things[thing.id]
        self._changed(thing, who, "delete", {})
        return web.json_response({})

    async def move(self, request: web.Request) -> web.Response:
        who, thing, to = _who(request), self._thing(request), (await request.json())["to"]
        if to not in MOVES[thing.state]:
            raise web.HTTPConflict
        before, thing.state = thing.state, to
        self._changed(thing, who, "update", {"state": [before, to]})
        return web.json_response(thing.shown())

    async def notes(self, request: web.Request) -> web.Response:
        _who(request)
        return web.json_response({"items": self._thing(request).notes})

    async def note(self, request: web.Request) -> web.Response:
        who, thing, said = _who(request), self._thing(request), await request.json()
        note = {"id": str(next(self._ids)), "text": said["text"], "ref": said.get("ref", ""), "by": who}
        thing.notes.append(note)
        self._changed(thing, who, "comment", {}, comment={"body": note["text"]})
        return web.json_response(note, status=201)

    async def history(self, request: web.Request) -> web.Response:
        _who(request)
        return web.json_response({"items": self._thing(request).past})

    def _thing(self, request: web.Request) -> Thing:
        found = self.things.get(request.match_info["id"])
        if found is None:
            raise web.HTTPNotFound
        return found

    def _changed(self, thing: Thing, who: str, kind: str, fields: Any, comment: Any = None) -> None:
        thing.changed, thing.rev = math.floor(time.time() / GRAIN_S) * GRAIN_S, thing.rev + (kind != "create")
        entry = {"seq": len(self.log) + 1, "id": thing.id, "kind": kind, "fields": fields, "comment": comment}
        self.log.append(entry)
        thing.past.append({"id": str(entry["seq"]), "at": thing.changed, "by": who, "fields": fields})
        if self._hook and comment is None:
            body = orjson.dumps({"id": uuid.uuid4().hex, "event": kind, "thing": thing.shown()})
            task = asyncio.create_task(self._tell(body))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _tell(self, body: bytes) -> None:
        assert self._http is not None
        headers = {"Content-Type": "application/json", **signed(body, self._hook["secret"], time.time())}
        try:
            async with self._http.post(self._hook["url"], data=body, headers=headers) as answer:
                await answer.read()
        except aiohttp.ClientError:
            return  # whoever listened has left

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Its URL while it runs."""
        app = web.Application()
        app.add_routes(self.routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as self._http:
            try:
                yield f"http://127.0.0.1:{runner.addresses[0][1]}"
            finally:
                await asyncio.gather(*self._telling)
                await runner.cleanup()


def signed(body: bytes, secret: str, at: float) -> dict[str, str]:
    """Headers of a webhook: HMAC-SHA256 over time and body."""
    stamp = str(int(at))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"x-desk-time": stamp, "x-desk-signature": digest}


def _who(request: web.Request) -> str:
    """The user; passwords are `NAME-secret`."""
    _, _, coded = request.headers.get("Authorization", "").partition(" ")
    user, _, password = b64decode(coded).decode().partition(":")
    if password != f"{user}-secret":
        raise web.HTTPUnauthorized
    return user
