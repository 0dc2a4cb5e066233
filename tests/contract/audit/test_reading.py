"""The trail as auditors ask for it: filtered, one entry, followed, exported with where the chain stood."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select, update

from gateway.access.asking import set_principal
from gateway.access.rights import NotAllowed, Principal, Right, Role
from gateway.app.refusing import refusals
from gateway.audit.effects import opened
from gateway.audit.ended import note_back, note_ended
from gateway.audit.tables import audit
from gateway.console.audit import audit as audit_page
from gateway.console.audit import export as audit_download
from gateway.console.desk import Desk
from gateway.console.frame import framed
from gateway.core import origin
from gateway.core.kinds import OPEN
from gateway.storage.database import Database, loads
from gateway.sync.batch import Topology
from gateway.work.audit_trail import TrailEnd, export_trail, follow_trail, read_trail, show_entry
from gateway.work.pages_audit import AuditFilter
from gateway.work.trail import note
from gateway.work.workplace import Workplace
from tests.support.tables import make_tables
from tests.unit.gateway.config.support import loaded

NOW = 1_800_000_000.0
EVE = Principal(id="user:eve", name="eve", roles=frozenset({Role.AUDITOR}), person="user:eve")
ANN = Principal(id="user:ann", name="ann", roles=frozenset({Role.VIEWER}), person="user:ann")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Workplace]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/store.db")
    await make_tables(database)
    clock = [NOW]

    def now() -> float:
        clock[0] += 1.0
        return clock[0]

    yield Workplace(database=database, config=loaded(tmp_path), topology=Topology.of([]), now=now)
    await database.close()


async def _say(place: Workplace, kind: str, **more: Any) -> str:
    said = {"actor": "ann", "detail": {}, "at": place.now(), **more}
    async with place.database.begin("test") as tx:
        return await note(tx, kind=kind, **said)


async def _kinds(place: Workplace, **wanted: Any) -> list[str]:
    page = await read_trail(place, EVE, AuditFilter(**wanted), goes_on=True)
    return [each.kind for each in page.entries]


async def test_every_filter_narrows(place: Workplace) -> None:
    await _say(place, "observed")
    await _say(place, "secret_removed", detail={"reason": "left in a wiki"}, connection="jira")
    origin.enter(origin.Origin(origin.CONSOLE, "user:ann", "ann"))
    await _say(place, "case_decided", detail={"action": "retry", "reason": "mended"}, cause="FO-1", outcome=OPEN)
    origin.enter(origin.Origin())
    assert await _kinds(place, risk="high") == ["secret_removed"]
    assert await _kinds(place, risk="low") == ["case_decided", "secret_removed"]
    assert await _kinds(place, source="console") == ["case_decided"]
    assert await _kinds(place, source="system") == ["secret_removed", "observed"]
    assert await _kinds(place, reason="WIKI") == ["secret_removed"]
    assert await _kinds(place, outcome="open") == ["case_decided"]
    assert await _kinds(place, about="jira", what="secret") == ["secret_removed"]
    entry = (await read_trail(place, EVE, AuditFilter(about="FO-1"))).entries[0]
    assert (entry.detail["by"], entry.detail["source"]) == ("user:ann", "console")


@pytest.mark.parametrize(("ending", "outcome"), [("applied", "applied"), ("obsolete", "superseded")])
async def test_a_case_that_ends_closes_what_was_asked_for(place: Workplace, ending: str, outcome: str) -> None:
    asked = await _say(place, "case_decided", cause="FO-1", outcome=OPEN, detail={"action": "retry"})
    async with place.database.begin("test") as tx:
        await note_ended(tx, ["FO-1", "FO-2"], ending, place.now())
    found = await show_entry(place, EVE, asked) or []
    assert [(each.kind, each.stands) for each in found] == [("case_decided", outcome), ("case_ended", outcome)]
    assert found[1].closes == asked == found[0].id and found[0].closed_by == found[1].id
    assert await _kinds(place, outcome="open") == []
    assert await _kinds(place, about="FO-2") == ["case_ended"], "nobody asked for anything there"


async def test_a_case_that_comes_back_closes_it_as_failed_once(place: Workplace) -> None:
    asked = await _say(place, "case_decided", cause="FO-1", outcome=OPEN, detail={"action": "retry"})
    for _ in range(2):
        async with place.database.begin("test") as tx:
            await note_back(tx, ["FO-1", "FO-3"], place.now())
    async with place.database.read() as tx:
        rows = (await tx.execute(select(audit).where(audit.c.closes == asked))).all()
        assert [(row.kind, row.outcome) for row in rows] == [("case_came_back", "failed")]
        assert await opened(tx, ["FO-1"]) == []


async def test_the_earlier_of_two_is_superseded(place: Workplace) -> None:
    first = await _say(place, "replay_started", cause="rp_1", outcome=OPEN)
    second = await _say(place, "replay_started", cause="rp_1", outcome=OPEN)
    async with place.database.begin("test") as tx:
        await note_ended(tx, ["rp_1"], "applied", place.now())
    page = await read_trail(place, EVE, AuditFilter(what="replay_started"))
    assert {each.id: each.ended for each in page.entries} == {first: "superseded", second: "applied"}


async def test_following_misses_none_and_tells_of_itself_once(place: Workplace) -> None:
    await _say(place, "observed")
    first = await follow_trail(place, EVE, AuditFilter(), after=0)
    await _say(place, "adopted")
    then = await follow_trail(place, EVE, AuditFilter(), after=first[-1].seq, goes_on=True)
    assert [[each.kind for each in found] for found in (first, then)] == [["observed", "audit_read"], ["adopted"]]


async def test_an_export_is_open_until_its_last_row_and_names_the_head(place: Workplace) -> None:
    for _ in range(3):
        await _say(place, "observed")
    lines = [each async for each in export_trail(place, EVE, AuditFilter(what="observed"))]
    assert isinstance(lines[-1], TrailEnd) and lines[-1].rows == 3 == len(lines) - 1
    assert lines[-1].head is not None and lines[-1].head.seq == 3
    whole, closing = await show_entry(place, EVE, lines[-1].entry) or []
    assert (whole.kind, whole.outcome, whole.stands, whole.risk) == ("audit_exported", "open", "applied", 4)
    assert closing.detail["rows"] == 3


async def test_an_export_that_breaks_off_has_failed(place: Workplace) -> None:
    for _ in range(3):
        await _say(place, "observed")
    found = export_trail(place, EVE, AuditFilter())
    await anext(found)
    await found.aclose()
    page = await read_trail(place, EVE, AuditFilter(what="audit_exported"))
    assert [each.stands for each in page.entries] == ["failed", "failed"]


async def test_nobody_without_the_right_reads_it(place: Workplace) -> None:
    with pytest.raises(NotAllowed):
        await read_trail(place, ANN, AuditFilter())
    with pytest.raises(NotAllowed):
        await show_entry(place, ANN, "1")
    with pytest.raises(NotAllowed):
        [each async for each in export_trail(place, ANN, AuditFilter())]


def _console(place: Workplace, who: Principal) -> web.Application:
    @web.middleware
    async def signed_in(request: web.Request, handler: Any) -> web.StreamResponse:
        set_principal(request, who)
        origin.enter(origin.Origin(origin.CONSOLE, who.id, who.name))
        response: web.StreamResponse = await handler(request)
        return response

    app = web.Application(middlewares=[refusals(place.database, place.now), signed_in])
    desk = Desk(place=place)
    app.add_routes([web.get("/audit", framed(desk, audit_page, Right.AUDIT))])
    app.add_routes([web.get("/audit/export", framed(desk, audit_download, Right.AUDIT))])
    return app


async def test_the_page_shows_rows_and_how_the_chain_stands(place: Workplace) -> None:
    detail = {
        "about": {"called": "INC0010001"},
        "before": "low",
        "after": "high",
        "field": "priority",
        "reason": "typo",
    }
    await _say(place, "case_decided", cause="FO-1", detail={"action": "correct", **detail})
    async with TestClient(TestServer(_console(place, EVE))) as client:
        text = await (await client.get("/audit?risk=high&source=system")).text()
        for part in ("INC0010001", "low &rarr; high", "typo", "FO-1", ">high<", "Unbroken from"):
            assert part in text, part
        sheet = await (await client.get("/audit/export?format=csv")).text()
        assert sheet.startswith("seq,id,at") and ",chain," in sheet.splitlines()[-1]
        async with place.database.begin("test") as tx:
            await tx.execute(update(audit).where(audit.c.seq == 2).values(actor="nobody"))
        text = await (await client.get("/audit")).text()
        assert "Broken at #2" in text


async def test_what_was_tried_without_the_right_is_told_once_a_minute(place: Workplace) -> None:
    async with TestClient(TestServer(_console(place, ANN))) as client:
        for _ in range(3):
            assert (await client.get("/audit")).status == 403
    async with place.database.read() as tx:
        (row,) = (await tx.execute(select(audit).where(audit.c.kind == "right_refused"))).all()
    detail = loads(row.detail)
    assert (row.actor, detail["by"], detail["right"], detail["act"]) == ("ann", "user:ann", "audit", "GET /audit")
    assert (detail["source"], row.risk) == ("console", 4)
