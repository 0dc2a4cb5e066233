"""Audit: who did what, to what, when and why. For auditors, who need no other right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from gateway.console.frame import Asked, moment_of
from gateway.console.paging import ways
from gateway.console.rendering import machine, moment, path
from gateway.work.audit_trail import read_trail
from gateway.work.pages_audit import AuditFilter, Entry

PAGE = 50
EXPORTED = 5000
"""Rows of one export; a longer stretch is exported in parts, by time."""
NAMES = ("who", "what", "about", "since", "until", "people", "below", "back")


async def audit(asked: Asked) -> web.StreamResponse:
    """`/audit`."""
    given = {name: asked.request.query.get(name, "") for name in NAMES}
    page = await read_trail(asked.desk.place, asked.who, _filter(given), below=given["below"], limit=PAGE)
    return asked.page(
        "audit.html",
        here="audit",
        given=given,
        page=page,
        rows=[_row(entry) for entry in page.entries],
        ways=ways("/audit", given, "below", page.next),
        narrowed=any(given[name] for name in NAMES if name not in ("below", "back")),
    )


def _filter(given: Mapping[str, str]) -> AuditFilter:
    return AuditFilter(
        who=given["who"],
        what=given["what"],
        about=given["about"],
        since=moment_of(given["since"]) if given["since"] else None,
        until=moment_of(given["until"]) if given["until"] else None,
        people=bool(given["people"]),
    )


def _row(entry: Entry) -> dict[str, Any]:
    return {"entry": entry, "href": _href(entry.cause), "detail": _flat(entry.detail)}


def _href(cause: str) -> str:
    """The page of what led to it, where there is one."""
    if cause.startswith("FO-"):
        return path("c", cause)
    if cause.startswith("rp_"):
        return path("replays", cause)
    return path("runs", cause) if cause.startswith("rr_") else ""


def _flat(detail: Any) -> list[tuple[str, str]]:
    if not isinstance(detail, dict):
        return []
    return [(name, value if isinstance(value, str) else orjson.dumps(value).decode()) for name, value in detail.items()]


async def export(asked: Asked) -> web.StreamResponse:
    """`/audit/export`: the rows of the filter as JSONL, newest first, at most `EXPORTED`."""
    given = {name: asked.request.query.get(name, "") for name in NAMES}
    lines: list[bytes] = []
    below, wanted = given["below"], _filter(given)
    while len(lines) < EXPORTED:
        page = await read_trail(asked.desk.place, asked.who, wanted, below=below, limit=500, goes_on=bool(lines))
        lines += [_line(entry) for entry in page.entries]
        below = page.next
        if not below or page.cut:
            break
    name = f"lockstep-audit-{moment(asked.now)[:10]}.jsonl"
    return web.Response(
        body=b"".join(lines[:EXPORTED]),
        content_type="application/jsonl",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _line(entry: Entry) -> bytes:
    kept = {name: getattr(entry, name) for name in ("id", "kind", "actor", "record", "connection", "cause", "detail")}
    return orjson.dumps({"at": machine(entry.at), **kept}) + b"\n"
