"""Saved views and visits, on SQLite and on PostgreSQL: whose a view is, who sees it, and since when things are new."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from connectors.contract.clock import SystemClock
from gateway.access.rights import NotAllowed, Principal, Role
from gateway.app.compose import connectors_of, topology_of
from gateway.audit.tables import audit
from gateway.config import load
from gateway.storage.database import Database
from gateway.work import views
from gateway.work.workplace import Workplace
from tests.browser.stage import NO_SYSTEM
from tests.support.running import ENVIRONMENT, write_config
from tests.support.tables import make_tables


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


def _who(name: str, role: Role, *connections: str) -> Principal:
    scope = frozenset(connections) if connections else None
    return Principal(id=f"user:{name}", name=name, roles=frozenset({role}), person=f"user:{name}", connections=scope)


ADA, NADIA = _who("ada", Role.ADMIN), _who("nadia", Role.OPERATOR)
OMAR, VERA, SAM = _who("omar", Role.OPERATOR), _who("vera", Role.VIEWER), _who("sam", Role.OPERATOR, "snow")
JIRA = "connection=jira&state=open"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def place(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[Workplace]:
    url = f"sqlite+aiosqlite:///{tmp_path}/views.db"
    if request.param == "postgres":
        url = request.getfixturevalue("furnished_url")
    database = Database(url)
    await make_tables(database)
    config = load(write_config(tmp_path, snow="http://127.0.0.1:9", jira="http://127.0.0.1:9")[0], ENVIRONMENT)
    connectors = connectors_of(config, SystemClock(), dict.fromkeys(config.connections, NO_SYSTEM))
    yield Workplace(database=database, config=config, topology=topology_of(config, connectors), now=clock)
    for connector in connectors.values():
        await connector.close()
    await database.close()


async def _names(place: Workplace, who: Principal) -> list[str]:
    return [view.name for view in await views.list_views(place, who)]


async def test_a_private_view_is_its_makers_alone_and_a_teams_is_everybodys(place: Workplace) -> None:
    await views.save_view(place, NADIA, "My Jira", JIRA)
    team = await views.save_view(place, NADIA, "  Jira   at night ", JIRA, team=True)
    assert team.name == "Jira at night"
    assert await _names(place, NADIA) == ["Jira at night", "My Jira"]
    assert await _names(place, OMAR) == ["Jira at night"]
    (seen,) = await views.list_views(place, VERA)
    assert (seen.by, seen.mine, seen.query) == ("nadia", False, JIRA)
    async with place.database.read() as tx:
        kinds = list((await tx.execute(select(audit.c.kind).order_by(audit.c.id))).scalars())
    assert kinds == ["view_saved", "view_saved"]


async def test_a_view_that_names_what_is_out_of_scope_is_not_there(place: Workplace) -> None:
    # Would pass wrongly if Sam saw no view of the team at all.
    made = await views.save_view(place, NADIA, "Jira", JIRA, team=True)
    await views.save_view(place, NADIA, "A group", "group=target.refused%3Ajira%3AOPS", team=True)
    await views.save_view(place, NADIA, "Snow", "connection=snow", team=True)
    assert await _names(place, SAM) == ["Snow"]
    with pytest.raises(views.NoSuchView):
        await views.rename_view(place, msgspec.structs.replace(SAM, roles=ADA.roles), made.id, "Mine now")


async def test_who_may_not_change_a_view_changes_none(place: Workplace) -> None:
    private = await views.save_view(place, NADIA, "Private", JIRA)
    team = await views.save_view(place, NADIA, "Team", JIRA, team=True)
    with pytest.raises(views.NoSuchView):
        await views.delete_view(place, ADA, private.id)
    with pytest.raises(NotAllowed):
        await views.rename_view(place, OMAR, team.id, "Omar's")
    with pytest.raises(NotAllowed):
        await views.save_view(place, VERA, "For all", JIRA, team=True)
    await views.save_view(place, VERA, "For me", JIRA)
    assert (await views.rename_view(place, ADA, team.id, "Everybody's")).name == "Everybody's"
    assert await _names(place, NADIA) == ["Everybody's", "Private"]
    await views.delete_view(place, ADA, team.id)
    assert await _names(place, NADIA) == ["Private"]


async def test_a_name_is_used_once_by_each_person(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await views.save_view(place, NADIA, "Night", JIRA)
    with pytest.raises(views.ViewRefused, match="already"):
        await views.save_view(place, NADIA, "Night", "state=parked")
    other = await views.save_view(place, NADIA, "Day", JIRA)
    with pytest.raises(views.ViewRefused, match="already"):
        await views.rename_view(place, NADIA, other.id, "Night")
    assert (await views.rename_view(place, NADIA, first.id, "Night")).name == "Night"  # as it is: nothing to refuse
    await views.save_view(place, OMAR, "Night", JIRA)
    for name in ("", "  ", "x" * 61):
        with pytest.raises(views.ViewRefused):
            await views.save_view(place, NADIA, name, JIRA)
    with pytest.raises(views.ViewRefused):
        await views.save_view(place, NADIA, "Too long", "x" * 2001)
    monkeypatch.setattr(views, "MOST", 2)
    with pytest.raises(views.ViewRefused, match="delete one"):
        await views.save_view(place, NADIA, "One more", JIRA)


async def test_new_is_what_came_since_the_visit_before(place: Workplace, clock: Clock) -> None:
    async def at_the_page(*, opened: bool = True) -> float:
        return await views.last_visit(place, NADIA, "cases", opened=opened)

    began = clock.at
    assert await at_the_page() == 0.0
    clock.at += 600
    assert await at_the_page() == 0.0  # the same visit
    last = clock.at
    clock.at += 3600
    assert await at_the_page(opened=False) == last  # a page that asks for itself is no visit
    assert await at_the_page() == last
    clock.at += 1200
    assert await at_the_page() == last
    assert began < last
    assert await views.last_visit(place, OMAR, "cases", opened=True) == 0.0
