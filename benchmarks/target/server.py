"""HTTP over `Space`: the stand-in's API under `/{space}/tickets`, the bench's own questions under `/_bench/{space}`.

Updates change the fields they name, as ServiceNow's PUT does. The traps of this API: an update without If-Match and a
create without `?unless_marked=true` are taken unconditionally, so that a client that forgets them is not told.
"""

from __future__ import annotations

import asyncio
import signal
from collections import defaultdict
from typing import Any

import orjson
from aiohttp import web

from benchmarks.target.state import Space, StoredObject

OBJECTS = "tickets"


def _answer(payload: Any, status: int = 200, etag: str = "") -> web.Response:
    headers = {"ETag": etag} if etag else None
    return web.Response(body=orjson.dumps(payload), status=status, headers=headers, content_type="application/json")


def _problem(status: int, title: str) -> web.Response:
    return _answer({"title": title, "status": status}, status)


def _shown(stored: StoredObject, status: int = 200) -> web.Response:
    return _answer(stored.shown(), status, stored.etag)


class TargetServer:
    """Answers requests for any number of spaces; a space comes to life when it is first named."""

    def __init__(self, token: str) -> None:
        self.spaces: defaultdict[str, Space] = defaultdict(Space)
        self._authorization = f"Bearer {token}"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request. Paths are split by hand: the router would cost more than the work."""
        space_name, _, rest = request.path.lstrip("/").partition("/")
        if space_name == "_bench":
            return self._bench(*rest.split("/", 1))
        if request.headers.get("Authorization") != self._authorization:
            return _problem(401, "the token is missing or wrong")
        space = self.spaces[space_name]
        kind, _, ticket_id = rest.partition("/")
        if kind != OBJECTS:
            return _problem(404, f"unknown path {request.path}")
        if request.method == "POST":
            return await self._create(request, space)
        if not ticket_id:
            return self._search(request, space)
        stored = space.objects.get(ticket_id)
        if stored is None:
            return _problem(404, f"no ticket {ticket_id}")
        if request.method == "PUT":
            return await self._update(request, space, stored)
        space.reads += 1
        return _shown(stored)

    async def _create(self, request: web.BaseRequest, space: Space) -> web.Response:
        body = await _body(request)
        if body is None:
            return _problem(400, "the body is not an object with `fields`")
        unless_marked = request.query_string == "unless_marked=true"
        stored = space.create(str(body.get("marker", "")), body["fields"], unless_marked=unless_marked)
        return _problem(412, "an object carries this marker already") if stored is None else _shown(stored, 201)

    async def _update(self, request: web.BaseRequest, space: Space, stored: StoredObject) -> web.Response:
        body = await _body(request)
        if body is None:
            return _problem(400, "the body is not an object with `fields`")
        if not space.update(stored, body["fields"], if_match=request.headers.get("If-Match")):
            return _problem(412, f"the ticket is at {stored.etag}")
        return _shown(stored)

    def _search(self, request: web.BaseRequest, space: Space) -> web.Response:
        space.reads += 1
        query = dict(request.query)
        marker = query.pop("marker", None)
        found = space.find_by(query) if marker is None else space.find(marker)
        return _answer({"tickets": [stored.shown() for stored in found]})

    def _bench(self, space_name: str, question: str) -> web.Response:
        space = self.spaces[space_name]
        if question == "progress":
            return _answer(space.progress())
        if question == "latencies":
            taken, space.latencies_us = space.latencies_us, []
            return _answer(taken)
        if question == "dump":
            return _answer([stored.shown() | {"trail": stored.trail} for stored in space.objects.values()])
        return _problem(404, f"unknown question {question}")


async def _body(request: web.BaseRequest) -> dict[str, Any] | None:
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) and isinstance(body.get("fields"), dict) else None


async def start(port: int, token: str) -> tuple[web.ServerRunner, int]:
    """Listens on 127.0.0.1; port 0 picks one. Returns the runner (`await runner.cleanup()` stops it) and the port."""
    server = TargetServer(token)
    runner = web.ServerRunner(web.Server(server.handle, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
    await site.start()
    return runner, int(runner.addresses[0][1])


async def serve(port: int, token: str) -> None:
    """Runs until SIGTERM or SIGINT; prints `ready URL` once it listens."""
    runner, bound = await start(port, token)
    print(f"ready http://127.0.0.1:{bound}", flush=True)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()
    await runner.cleanup()
