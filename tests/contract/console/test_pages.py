"""What pages read, on SQLite and on PostgreSQL: counts, ages, the trail in parts, records by what people call them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from connectors.contract.clock import SystemClock
from dead_letter import store
from dead_letter.values import CaseFilter
from gateway.access.rights import NotAllowed, Principal, Role
from gateway.app.compose import connectors_of, topology_of
from gateway.config import load
from gateway.core.ids import new_id
from gateway.storage.database import Database, insert_all
from gateway.sync.attempts import Outcome
from gateway.sync.decider import Decider
from gateway.sync.tables import attempt
from gateway.work import cases, pages_audit, pages_cases, pages_charts, pages_now, pages_records
from gateway.work.pages_audit import AuditFilter
from gateway.work.workplace import Workplace
from tests.browser.filling import incident
from tests.support.cases import wish
from tests.support.running import ENVIRONMENT, write_config
from tests.support.tables import make_tables

ATTEMPT = {"record": "r1", "kind": "update", "doc": "{}", "answer": None}
ADA = Principal(id="user:ada", name="ada", roles=frozenset({Role.ADMIN}), person="user:ada")
SNOW = Principal(id="user:sam", name="sam", roles=frozenset({Role.OPERATOR}), connections=frozenset({"snow"}))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Workplace]:
    url = f"sqlite+aiosqlite:///{tmp_path}/pages.db"
    if request.param == "postgres":
        url = request.getfixturevalue("furnished_url")
    database = Database(url)
    await make_tables(database)
    config = load(write_config(tmp_path, snow="http://127.0.0.1:9", jira="http://127.0.0.1:9")[0], ENVIRONMENT)
    transport = httpx.MockTransport(lambda request: httpx.Response(503))
    connectors = connectors_of(config, SystemClock(), dict.fromkeys(config.connections, transport))
    yield Workplace(database=database, config=config, topology=topology_of(config, connectors), now=time.time)
    for connector in connectors.values():
        await connector.close()
    await database.close()


async def _open(place: Workplace, count: int, ages_s: list[float]) -> None:
    for age_s in ages_s:
        new = [wish(f"r{age_s:.0f}-{at}", object_key=f"OPS-{at}", fingerprint=f"f{at % 2}") for at in range(count)]
        async with place.database.begin("test.cases") as tx:
            await store.open_cases(tx, new, now=time.time() - age_s)


async def test_counts_are_exact_where_an_index_tells_and_bounded_elsewhere(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _open(place, 6, [10.0, 5000.0])
    monkeypatch.setattr(pages_cases, "MOST", 5)
    assert await pages_cases.count_cases(place, ADA, CaseFilter()) == pages_cases.Count(count=12, more=False)
    groups = await cases.group_cases(place, ADA)
    wanted = CaseFilter(group=groups[0].key)
    assert (await pages_cases.count_cases(place, ADA, wanted)).count == groups[0].count == 6
    assert await pages_cases.count_cases(place, ADA, CaseFilter(text="OPS")) == pages_cases.Count(count=5, more=True)
    assert (await pages_cases.count_cases(place, SNOW, CaseFilter())).count == 0  # all of them are jira's


async def test_ages_add_up_to_what_is_open(place: Workplace) -> None:
    await _open(place, 2, [10.0, 1000.0, 90_000.0])
    assert await pages_cases.by_age(place, ADA, [900, 3600, 86_400]) == [2, 2, 0, 2]
    assert await pages_cases.by_age(place, SNOW, [900]) == [0, 0]


async def test_parked_cases_are_told_by_group(place: Workplace) -> None:
    await _open(place, 2, [10.0])
    first = (await cases.list_cases(place, ADA)).cases[0]
    assert await pages_cases.parked_of_groups(place, ADA) == {}
    await cases.act(place, ADA, first.number, "park", {"until": "7d"})
    assert await pages_cases.parked_of_groups(place, ADA) == {first.group: 1}


async def test_the_trail_goes_on_where_a_page_ended(place: Workplace) -> None:
    await _open(place, 5, [10.0])
    for case in (await cases.list_cases(place, ADA)).cases:
        await cases.act(place, ADA, case.number, "comment", {"text": "seen"})
    whole = await pages_audit.read(place, ADA, AuditFilter(people=True), limit=50)
    parts, below = [], ""
    for _ in range(3):
        page = await pages_audit.read(place, ADA, AuditFilter(people=True), below=below, limit=2)
        parts += [entry.id for entry in page.entries]
        below = page.next
    assert parts == [entry.id for entry in whole.entries] and len(parts) == 5
    assert below == ""
    times = [entry.at for entry in whole.entries]
    assert times == sorted(times, reverse=True)
    about = await pages_audit.read(place, ADA, AuditFilter(about="FO-3"))
    assert {entry.cause for entry in about.entries} == {"FO-3"}
    assert [each.text for each in await pages_audit.lately(place, ADA)] == ["ada: comment, 5 cases"]
    with pytest.raises(NotAllowed):
        await pages_audit.read(place, SNOW, AuditFilter())


async def test_records_are_found_by_key_id_and_link_and_only_in_scope(place: Workplace) -> None:
    decider = Decider(place.database, place.topology, SystemClock())
    await decider.start()
    await decider.accept([incident(1, time.time() - 60)])
    await decider.stop()
    for text in ("INC0010001", "inc0010001", "https://snow.example/nav_to.do/INC0010001?x=1"):
        assert [each.key for each in await pages_records.find(place, ADA, text)] == ["INC0010001"], text
    jira = Principal(id="user:j", name="j", roles=frozenset({Role.VIEWER}), connections=frozenset({"jira"}))
    assert await pages_records.find(place, jira, "INC0010001") == []
    assert await pages_records.find(place, ADA, "  ") == []
    flow = await pages_now.flow(place, ADA)
    assert sum(flow.came) == 1 and len(flow.came) == pages_now.MINUTES
    assert sum((await pages_now.flow(place, jira)).came) == 0
    assert [side.name for side in await pages_now.sides(place, jira)] == ["jira"]


async def test_failures_are_counted_in_the_minute_in_which_they_ended(place: Workplace) -> None:
    now = time.time()
    began = now - pages_now.MINUTES * 60

    def ended(connection: str, outcome: Outcome, ago_s: float) -> dict[str, object]:
        at = now - ago_s
        told = {"id": new_id("at", at=at), "connection": connection, "outcome": outcome, "finished_at": at}
        return {**ATTEMPT, **told, "started_at": at}

    rows = [ended("jira", Outcome.REFUSED, 30), ended("jira", Outcome.UNKNOWN, 40), ended("jira", Outcome.APPLIED, 50)]
    rows += [ended("snow", Outcome.REFUSED, 1830), ended("jira", Outcome.REFUSED, 4000)]
    async with place.database.begin("test.attempts") as tx:
        await insert_all(tx, attempt, rows)
    failed = await pages_charts.failed_by_minute(place, ADA, began=began)
    assert {at: count for at, count in enumerate(failed) if count} == {29: 1, 59: 2}
    assert sum(await pages_charts.failed_by_minute(place, SNOW, began=began)) == 1
    assert sum(await pages_charts.failed_by_minute(place, ADA, began=began, connection="jira")) == 2
