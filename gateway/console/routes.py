"""Every address of the console. Mounted once by whoever serves HTTP; who asks is set by the sign-in before."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from gateway.access.rights import Right
from gateway.console import (
    audit,
    case,
    cases,
    connections,
    door,
    exports,
    flows,
    keys,
    leaver,
    leavers,
    mappings,
    now,
    records,
    register,
    register_steps,
    removing,
    replays,
    reports,
    settings,
    views,
)
from gateway.console.desk import Desk
from gateway.console.frame import Asked, Handler, framed
from gateway.console.rendering import HERE, release_of_files

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_SEE: tuple[tuple[str, Handler], ...] = (
    ("/now", now.now),
    ("/find", records.find),
    ("/cases", cases.worklist),
    ("/cases/export", exports.export),
    ("/c/{number}", case.case_page),
    ("/c/{number}/files/{file}", case.attachment),
    ("/records", records.search),
    ("/r/{system}/{object}/{key:.+}", records.record),
    ("/replays", replays.index),
    ("/replays/new", replays.new),
    ("/replays/{plan}", replays.plan),
    ("/replays/{plan}/making", replays.making),
    ("/runs/{run}", replays.run),
    ("/connections", connections.connections),
    ("/conn/{name}", connections.connection),
    ("/conn/{name}/remove", removing.look),
    ("/register", register.start),
    ("/register/{draft}/{step}", register.step),
    ("/flow/{name}", flows.flow),
    ("/mappings", mappings.mappings),
    ("/map", mappings.of_case),
    ("/map/{mapping}", mappings.mapping),
)
_PEOPLE: tuple[tuple[str, Handler], ...] = (
    ("/leavers", leavers.board),
    ("/leavers/floods/{flood}", leavers.flood),
    ("/leavers/{number}", leaver.person),
    ("/leavers/{number}/statement", leaver.statement),
    ("/leavers/{number}/certificate", leaver.certificate),
    ("/leavers/{number}/evidence/{id}", leaver.evidence),
    ("/leavers/{number}/files/{id}", leaver.handed_in),
)
_DO: tuple[tuple[str, Handler, Right | None], ...] = (
    ("/cases/act", cases.act, Right.WORK),
    ("/cases/views", views.save, Right.SEE),
    ("/cases/views/{id}", views.change, Right.SEE),
    ("/cases/split", cases.split, Right.WORK),
    ("/cases/merge", cases.merge, Right.WORK),
    ("/c/{number}/act", case.act, Right.SEE),
    ("/c/{number}/answer", case.answer, Right.SEE),
    ("/replays/plan", replays.make, Right.WORK),
    ("/replays/{plan}/run", replays.run_plan, Right.WORK),
    ("/replays/{plan}/cancel", replays.cancel, Right.WORK),
    ("/replays/{plan}/again", replays.again, Right.WORK),
    ("/replays/{plan}/approve", replays.approve, Right.APPROVE),
    ("/runs/{run}/turn", replays.turn, Right.WORK),
    ("/runs/{run}/leftovers", replays.leftovers, Right.WORK),
    ("/conn/{name}/check", connections.check, Right.CONFIGURE),
    ("/conn/{name}/pause", connections.pause, Right.CONFIGURE),
    ("/conn/{name}/resume", connections.resume, Right.CONFIGURE),
    ("/conn/{name}/switch", connections.switch, Right.CONFIGURE),
    ("/conn/{name}/remove", removing.remove, Right.CONFIGURE),
    ("/register", register.begin, Right.CONFIGURE),
    ("/register/{draft}/{step}", register.save, Right.CONFIGURE),
    ("/configuration/take-up", register_steps.take_up, Right.CONFIGURE),
    ("/flow/{name}/move", flows.move, Right.CONFIGURE),
    ("/leavers/floods/{flood}", leavers.decide, Right.PEOPLE),
    ("/leavers/{number}/act", leaver.act, Right.PEOPLE),
    ("/map/{mapping}", mappings.mapping, Right.SEE),
    ("/map/{mapping}/act", mappings.act, Right.SEE),
    ("/settings/display", settings.display, None),
    ("/settings/{what}", settings.change, None),
)


def routes(desk: Desk) -> list[web.RouteDef]:
    """The pages, what their forms send, and the static files."""
    pages = [web.get(path, framed(desk, handler)) for path, handler in _SEE]
    pages += [web.get(path, framed(desk, handler, Right.PEOPLE)) for path, handler in _PEOPLE]
    pages += [
        web.get("/", framed(desk, _home, None)),
        web.get("/sign-in", door.sign_in_page(desk)),
        web.get("/audit", framed(desk, audit.audit, Right.AUDIT)),
        web.get("/audit/export", framed(desk, audit.export, Right.AUDIT)),
        web.get("/reports", framed(desk, reports.index, Right.AUDIT)),
        web.get("/reports/{name}", framed(desk, reports.report, Right.AUDIT)),
        web.get("/settings", framed(desk, settings.settings, None)),
        web.get("/keys", framed(desk, keys.keys, None)),
        web.get("/console/static/{release}/{name}", static),
    ]
    return pages + [web.post(path, framed(desk, handler, right)) for path, handler, right in _DO]


async def _home(asked: Asked) -> web.StreamResponse:
    """The first page that somebody may see: *Now* for most, the leavers for who watches people."""
    return web.Response(status=303, headers={"Location": asked.nav[0][2]})


def _files() -> dict[str, Path]:
    return {file.name: file for file in (HERE / "static").iterdir()}


async def static(request: web.Request) -> web.StreamResponse:
    """A static file. Its address changes with its content, so browsers may keep it."""
    file = _files().get(request.match_info["name"])
    if file is None:
        raise web.HTTPNotFound
    fresh = request.match_info["release"] == release_of_files()
    kept = "public, max-age=31536000, immutable" if fresh else "no-cache"
    headers = {
        "Cache-Control": kept,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    response = web.Response(body=file.read_bytes(), content_type=_TYPES[file.suffix], charset="utf-8", headers=headers)
    response.enable_compression()
    return response
