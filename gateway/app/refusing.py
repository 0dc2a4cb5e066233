"""What somebody tried without the right for it, in the audit trail: by page or API, noted where every answer passes."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from connectors.contract.errors import StorageError
from gateway.access.asking import not_allowed_of, principal_of
from gateway.access.rights import NotAllowed, Principal, Right
from gateway.access.signin import SAFE
from gateway.storage.database import Database
from gateway.work.trail import note

AGAIN_S = 60.0
"""The same attempt again within this time is counted, and told with the next one."""
MOST = 1000
GUARDED = frozenset({Right.MANAGE, Right.AUDIT, Right.APPROVE, Right.SEE_PERSONAL, Right.PEOPLE, Right.PUSH})
"""Without one of these a look is an attempt as well. Other pages are just not for everybody."""

Attempt = tuple[str, str, str]
log = structlog.get_logger()


def refusals(database: Database, now: Callable[[], float]) -> Middleware:
    """The middleware. Of one worker: an attempt that is repeated at several is told by each."""
    told: dict[Attempt, tuple[float, int]] = {}

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        error = not_allowed_of(request)
        if error is not None and (request.method not in SAFE or error.right in GUARDED):
            try:
                await _noted(database, principal_of(request), request, error, now(), told)
            except StorageError as away:
                log.warning("a refused attempt is not in the trail", right=str(error.right), error=str(away))
        return response

    return middleware


async def _noted(
    database: Database,
    who: Principal,
    request: web.Request,
    error: NotAllowed,
    now: float,
    told: dict[Attempt, tuple[float, int]],
) -> None:
    resource = request.match_info.route.resource
    act = f"{request.method} {resource.canonical if resource is not None else request.path}"
    key = (who.id, str(error.right), act)
    at, repeated = told.get(key, (float("-inf"), 0))
    if now - at < AGAIN_S:
        told[key] = (at, repeated + 1)
        return
    if len(told) >= MOST:
        told.clear()
    told[key] = (now, 0)
    detail = {"by": who.id, "right": str(error.right), "act": act, "at": request.path[:200], "repeated": repeated}
    async with database.begin("right.refused") as tx:
        await note(tx, at=now, kind="right_refused", actor=who.name, detail=detail)
