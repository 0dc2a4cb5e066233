"""Audit: who did what, to what, when and why, and what came of it. For auditors, who need no other right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import orjson
from aiohttp import web

from dead_letter.evidence import PERSONAL
from gateway.access.rights import Principal, Right
from gateway.console.downloads import download, sheet_line
from gateway.console.frame import Asked, moment_of
from gateway.console.paging import ways
from gateway.console.rendering import machine, path
from gateway.core.kinds import APPLIED, FAILED, OPEN, SUPERSEDED, WORDS, word_of
from gateway.core.origin import SOURCES, SYSTEM
from gateway.work.audit_checked import standing
from gateway.work.audit_trail import TrailEnd, export_trail, read_trail
from gateway.work.pages_audit import AuditFilter, Entry

PAGE = 50
NAMES = ("who", "what", "about", "outcome", "risk", "source", "reason", "since", "until", "people", "below", "back")
COLUMNS = (
    *("seq", "id", "at", "actor", "kind", "record", "connection", "cause"),
    *("outcome", "ended", "closes", "risk", "detail"),
)
TONES = {"critical": "bad", "high": "bad", "medium": "warn", "low": "calm"}
BESIDE = ("before", "after", "source", "by", "on_behalf", "reason", "trace", "about", "versions", PERSONAL)
"""Of a detail: what the row shows in a place of its own, or not at all."""


async def audit(asked: Asked) -> web.StreamResponse:
    """`/audit`."""
    given = _given(asked)
    page = await read_trail(asked.desk.place, asked.who, _filter(given), below=given["below"], limit=PAGE)
    return asked.page(
        "audit.html",
        here="audit",
        given=given,
        page=page,
        rows=[_row(entry, asked.who) for entry in page.entries],
        ways=ways("/audit", given, "below", page.next),
        narrowed=any(given[name] for name in NAMES if name not in ("below", "back")),
        stands=await standing(asked.desk.place, asked.who),
        outcomes=(OPEN, APPLIED, FAILED, SUPERSEDED),
        risks=[word for word in WORDS if WORDS[word]],
        sources=SOURCES,
    )


def _given(asked: Asked) -> dict[str, str]:
    return {name: asked.request.query.get(name, "") for name in NAMES}


def _filter(given: Mapping[str, str]) -> AuditFilter:
    said = {name: given[name] for name in ("who", "what", "about", "outcome", "source", "reason")}
    return AuditFilter(
        since=moment_of(given["since"]) if given["since"] else None,
        until=moment_of(given["until"]) if given["until"] else None,
        people=bool(given["people"]),
        risk=given["risk"] if given["risk"] in WORDS else "",
        **said,
    )


def _row(entry: Entry, who: Principal) -> dict[str, Any]:
    told = entry.detail if isinstance(entry.detail, dict) else {}
    about = told.get("about")
    word = word_of(entry.risk) if entry.risk else ""
    return {
        "entry": entry,
        "href": _href(entry.cause, who),
        "detail": [each for each in _flat(told) if each[0] not in BESIDE],
        "called": about.get("called", "") if isinstance(about, dict) else "",
        "versions": _flat(told.get("versions")),
        "before": _short(told.get("before")),
        "after": _short(told.get("after")),
        "source": told.get("source", SYSTEM),
        "by": told.get("on_behalf") or told.get("by") or "",
        "reason": str(told.get("reason") or ""),
        "trace": str(told.get("trace") or ""),
        "word": word,
        "tone": TONES.get(word, "calm"),
    }


def _short(value: Any) -> str:
    if value in (None, "", [], {}):
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _href(cause: str, who: Principal) -> str:
    """The page of what led to it, where there is one that the reader may see."""
    if cause.startswith("LV-"):
        return path("leavers", cause) if who.may(Right.PEOPLE) else ""
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
    """`/audit/export`: every row of the filter, newest first, as JSONL or CSV, and at last where the chain stands."""
    found = export_trail(asked.desk.place, asked.who, _filter(_given(asked)))
    if asked.request.query.get("format") == "csv":
        return await download(asked, found, _sheet, name="audit.csv", first=sheet_line(COLUMNS))
    return await download(asked, found, _line, name="audit.jsonl")


def _line(each: Entry | TrailEnd) -> bytes:
    if isinstance(each, TrailEnd):
        return msgspec.json.encode(each) + b"\n"
    kept = {name: getattr(each, name) for name in COLUMNS if name != "at"}
    return orjson.dumps({"at": machine(each.at), **kept}) + b"\n"


def _sheet(each: Entry | TrailEnd) -> bytes:
    if isinstance(each, TrailEnd):
        head = msgspec.json.encode(each.head).decode()
        row: dict[str, Any] = {"seq": each.head.seq if each.head else 0, "id": "chain", "detail": head}
        return sheet_line([row.get(name, "") for name in COLUMNS])
    row = {name: getattr(each, name) for name in COLUMNS}
    row |= {"at": machine(each.at), "detail": orjson.dumps(each.detail).decode()}
    return sheet_line([row[name] for name in COLUMNS])
