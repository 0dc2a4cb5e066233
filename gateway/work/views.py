"""Views of the worklist that people save, for themselves or for the team, and since when things are new to a person.

A view is a filter under a name, never the cases that fit it. One that names what is outside the reader's scope does not
exist for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import InputError
from gateway.access.rights import NotAllowed, Principal, Right
from gateway.core.ids import new_id
from gateway.storage.database import insert
from gateway.work.tables import page_visit, saved_view
from gateway.work.trail import note
from gateway.work.workplace import Workplace

MOST = 50
"""Views of one person."""
LONGEST = 2000
NAME_MOST = 60
VISIT_S = 1800.0
"""Whoever was away for so long comes again: what was new then is known, what came since is new."""
_STEP_S = 60.0


class ViewRefused(InputError):
    """The view cannot be kept so: 409."""

    status = 409


class NoSuchView(InputError):
    """There is no such view, or the reader may not see it: 404."""

    status = 404

    def __init__(self) -> None:
        super().__init__("there is no such view; look at the list of views", code="view.not_found")


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A filter under a name."""

    id: str
    name: str
    query: str
    """As in the address, without the question mark."""
    team: bool
    by: str
    mine: bool
    """Whether the reader may rename and delete it."""


async def list_views(place: Workplace, who: Principal) -> list[View]:
    """One's own and the team's, by name. Right SEE."""
    who.require(Right.SEE)
    row = saved_view.c
    query = select(saved_view).where(or_(row.owner == _owner(who), row.team == 1)).order_by(row.name, row.id)
    async with place.database.read() as tx:
        found = [_view(each, who) for each in (await tx.execute(query)).mappings()]
    return [each for each in found if _is_inside(place, who, each.query)]


async def save_view(place: Workplace, who: Principal, name: str, query: str, *, team: bool = False) -> View:
    """A new view. The team's needs Right.WORK. Raises NotAllowed; ViewRefused for a name that one's own view has."""
    who.require(Right.WORK if team else Right.SEE)
    name = _name(name)
    if len(query) > LONGEST:
        raise ViewRefused(f"a filter has at most {LONGEST} characters", code="view.refused")
    row: dict[str, Any] = {
        "id": new_id("sv", at=place.now()),
        "owner": _owner(who),
        "by_name": who.name[:100],
        "name": name,
    }
    row |= {"query": query, "team": int(team), "at": place.now()}
    async with place.database.begin("view.save") as tx:
        mine = select(func.count()).select_from(saved_view).where(saved_view.c.owner == _owner(who))
        if (await tx.execute(mine)).scalar_one() >= MOST:
            raise ViewRefused(f"you have {MOST} views; delete one first", code="view.refused")
        kept = insert(tx, saved_view).values(row).on_conflict_do_nothing(index_elements=["owner", "name"])
        if not (await tx.execute(kept)).rowcount:
            raise _taken(name)
        await _told(tx, place, who, "view_saved", name, team=team, query=query)
    return _view(row, who)


async def rename_view(place: Workplace, who: Principal, id: str, name: str) -> View:
    """The same filter under another name. One's own; a team's also for Right.MANAGE. Raises NoSuchView, ViewRefused."""
    name = _name(name)
    async with place.database.begin("view.rename") as tx:
        view, owner = await _changeable(tx, place, who, id)
        row = saved_view.c
        namesake = select(row.id).where(row.owner == owner, row.name == name, row.id != id)
        if (await tx.execute(namesake)).first():
            raise _taken(name)
        await tx.execute(update(saved_view).where(row.id == id).values(name=name, at=place.now()))
        await _told(tx, place, who, "view_renamed", name, team=view.team, before=view.name)
    return msgspec.structs.replace(view, name=name)


async def delete_view(place: Workplace, who: Principal, id: str) -> View:
    """Gone, for everybody who saw it; the cases are untouched. As `rename_view`."""
    async with place.database.begin("view.delete") as tx:
        view, _ = await _changeable(tx, place, who, id)
        await tx.execute(delete(saved_view).where(saved_view.c.id == id))
        await _told(tx, place, who, "view_deleted", view.name, team=view.team, query=view.query)
    return view


async def last_visit(place: Workplace, who: Principal, page: str, *, opened: bool) -> float:
    """When the person was at the page the visit before this one; 0 at the first. `opened`: they open it just now.

    A visit lasts until nobody opened the page for half an hour: opening it again in between makes nothing old.
    """
    now, person = place.now(), _owner(who)
    row = page_visit.c
    mine = (row.person == person) & (row.page == page)
    async with place.database.read() as tx:
        found = (await tx.execute(select(row.seen_at, row.before_at).where(mine))).first()
    seen, before = (found.seen_at, found.before_at) if found else (0.0, 0.0)
    if now - seen >= VISIT_S:
        before = seen
    if opened and now - seen >= _STEP_S:
        async with place.database.begin("view.visit") as tx:
            kept = {"seen_at": now, "before_at": before}
            statement = insert(tx, page_visit).values(person=person, page=page, **kept)
            await tx.execute(statement.on_conflict_do_update(index_elements=["person", "page"], set_=kept))
    return float(before)


def _owner(who: Principal) -> str:
    return who.person or who.id


def _view(each: Mapping[Any, Any], who: Principal) -> View:
    mine = each["owner"] == _owner(who)
    changeable = mine or (bool(each["team"]) and who.may(Right.MANAGE))
    team = bool(each["team"])
    return View(id=each["id"], name=each["name"], query=each["query"], team=team, by=each["by_name"], mine=changeable)


async def _changeable(tx: AsyncConnection, place: Workplace, who: Principal, id: str) -> tuple[View, str]:
    """The view and its owner. Raises NoSuchView; NotAllowed for a team's view of somebody else."""
    who.require(Right.SEE)
    row = (await tx.execute(select(saved_view).where(saved_view.c.id == id).with_for_update())).mappings().first()
    if row is None or not (row["team"] or row["owner"] == _owner(who)):
        raise NoSuchView
    view = _view(row, who)
    if not _is_inside(place, who, view.query):
        raise NoSuchView
    if not view.mine:
        raise NotAllowed(Right.MANAGE, f"a view of {view.by}")
    return view, str(row["owner"])


def _is_inside(place: Workplace, who: Principal, query: str) -> bool:
    """Whether all that the filter names is in the reader's scope; a group's key and a flow name connections too."""
    said = {name: values[-1] for name, values in parse_qs(query).items()}
    named = {said.get("connection", ""), *said.get("group", "").split(":")}
    if flow := place.config.flows.get(said.get("flow", "")):
        if not who.covers(type=flow.type.type):
            return False
        if not any(who.covers(connection=name) for name in flow.members):
            return False
    return all(who.covers(connection=name) for name in named & set(place.config.connections))


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= NAME_MOST:
        raise ViewRefused(f"a view needs a name of 1 to {NAME_MOST} characters", code="view.refused")
    return name


def _taken(name: str) -> ViewRefused:
    return ViewRefused(f"you have a view {name} already; take another name, or delete that one", code="view.refused")


async def _told(
    tx: AsyncConnection, place: Workplace, who: Principal, kind: str, name: str, **more: str | bool
) -> None:
    await note(tx, at=place.now(), kind=kind, actor=who.name, detail={"view": name, **more})
