"""Another host, to which a connector must never be led: it writes down who comes and with which credentials."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True)
class Visit:
    """A request that should not have come."""

    path: str
    with_credentials: bool


class Elsewhere:
    """Answers everything with an empty document."""

    def __init__(self) -> None:
        self.visits: list[Visit] = []
        self.url = ""
        self._runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.2)

    async def start(self) -> None:
        """Listens. Its name is another one than the proxies', so that it is another host to every client."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://localhost:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """Stops listening."""
        await self._runner.cleanup()

    def visited(self, path: str) -> list[Visit]:
        """Visits whose path begins so."""
        return [visit for visit in self.visits if visit.path.startswith(path)]

    async def _serve(self, request: web.BaseRequest) -> web.Response:
        carried = bool({"authorization", "cookie", "x-api-key"} & {name.lower() for name in request.headers})
        self.visits.append(Visit(request.path_qs, carried))
        return web.json_response({})
