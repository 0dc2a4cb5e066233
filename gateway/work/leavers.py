"""Departures: who leaves, how it stands in each system, and what proves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, and_, case, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access.rights import Principal, Right
from gateway.offboarding import store
from gateway.offboarding import tables as t
from gateway.offboarding.values import Event, Leaver, LeaverState, Place, Step, parse_number
from gateway.work.leaver_errors import LeaverNotFound
from gateway.work.leaver_views import (
    LeaverDetail,
    LeaverHappened,
    LeaverPage,
    LeaverView,
    accounts_of,
    proof_of,
    step_of,
    view_of,
)
from gateway.work.workplace import Workplace

MOST = 200


class LeaverFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which departures."""

    states: tuple[LeaverState, ...] = ()
    """Empty: those that are not over."""
    kinds: tuple[Event, ...] = ()
    connection: str = ""
    past_due: bool = False
    privileged: bool = False
    over: bool = False
    """Those that are over, too."""


EVERY_OPEN_ONE = LeaverFilter()


class LeaverTally(msgspec.Struct, frozen=True, kw_only=True):
    """How departures stand as a whole."""

    open: int
    past_due: int
    privileged: int
    """Of those that are past due."""
    next_due_at: float | None


def may_name(who: Principal) -> bool:
    """Whether somebody is told who it is."""
    return who.may(Right.PEOPLE)


def require_sight(who: Principal) -> None:
    """Raises NotAllowed for whoever may see neither people nor how things stand."""
    if not (who.may(Right.PEOPLE) or who.may(Right.SEE)):
        who.require(Right.PEOPLE)


async def list_leavers(
    place: Workplace, who: Principal, wanted: LeaverFilter = EVERY_OPEN_ONE, *, after: int = 0, limit: int = 50
) -> LeaverPage:
    """Past due and privileged first, then by deadline. Without the right PEOPLE nobody is named. Raises NotAllowed."""
    require_sight(who)
    now, limit = place.now(), min(limit, MOST)
    async with place.database.read() as tx:
        found = await store.listed(tx, _query(wanted, now).offset(after).limit(limit + 1))
        views = await _views(tx, place, who, found[:limit], now)
    return LeaverPage(leavers=tuple(views), next=after + limit if len(found) > limit else 0)


async def leaver_tally(place: Workplace, who: Principal) -> LeaverTally:
    """How many are open, past due, and when the next one falls due. Raises NotAllowed."""
    require_sight(who)
    async with place.database.read() as tx:
        counted = await store.tally(tx, place.now())
    return msgspec.convert(counted, LeaverTally)


async def get_leaver(place: Workplace, who: Principal, number: str) -> LeaverDetail:
    """All that is known of it. Raises LeaverNotFound, NotAllowed."""
    require_sight(who)
    now, named = place.now(), may_name(who)
    async with place.database.read() as tx:
        leaver = await _there(tx, number)
        places, steps = await _within(tx, who, [leaver.number])
        seen = {each.connection for each in places} | {""}
        evidence = [each for each in await store.evidence_of(tx, leaver.number) if each.connection in seen]
        history = [each for each in await store.history_of(tx, leaver.number) if each["connection"] in seen]
    person: dict[str, Any] = msgspec.to_builtins(leaver.doc.person) if named else {}
    return LeaverDetail(
        leaver=view_of(leaver, places, steps, now, named=named),
        person=person,
        accounts=accounts_of(places) if named else (),
        steps=tuple(step_of(leaver, each, now, named=named) for each in steps),
        unseen={each.connection: dict(each.doc.unseen) for each in places if each.doc.unseen},
        evidence=tuple(proof_of(each) for each in evidence),
        history=tuple(
            LeaverHappened(**{name: each[name] for name in LeaverHappened.__struct_fields__}) for each in history
        )
        if named
        else (),
    )


async def leaver_evidence(place: Workplace, who: Principal, number: str, id: str) -> Any:
    """What was read, sent or said, whole. Right PEOPLE. Raises LeaverNotFound, NotAllowed."""
    who.require(Right.PEOPLE)
    async with place.database.read() as tx:
        leaver = await _there(tx, number)
        found = [each for each in await store.evidence_of(tx, leaver.number) if each.id == id]
    if not found or not who.covers(connection=found[0].connection):
        raise LeaverNotFound(f"{number} with the evidence {id}")
    return msgspec.to_builtins(found[0])


async def seen(tx: AsyncConnection, place: Workplace, who: Principal, leaver: Leaver) -> LeaverView:
    """One of them, as the reader may see it."""
    return (await _views(tx, place, who, [leaver], place.now()))[0]


async def _views(
    tx: AsyncConnection, place: Workplace, who: Principal, leavers: Sequence[Leaver], now: float
) -> list[LeaverView]:
    places, steps = await _within(tx, who, [each.number for each in leavers])
    return [
        view_of(
            each,
            [one for one in places if one.number == each.number],
            [one for one in steps if one.number == each.number],
            now,
            named=may_name(who),
        )
        for each in leavers
    ]


async def _within(tx: AsyncConnection, who: Principal, numbers: Sequence[int]) -> tuple[list[Place], list[Step]]:
    """What lies in the reader's scope; systems that are done by hand lie in everybody's."""
    places = [each for each in await store.places_of(tx, numbers) if who.covers(connection=each.connection)]
    steps = [each for each in await store.steps_of(tx, numbers) if who.covers(connection=each.connection)]
    return places, steps


async def _there(tx: AsyncConnection, number: str) -> Leaver:
    parsed = parse_number(number)
    found = await store.get(tx, parsed) if parsed is not None else None
    if found is None:
        raise LeaverNotFound(number)
    return found


def _query(wanted: LeaverFilter, now: float) -> Select[Any]:
    row = t.leaver.c
    query = select(t.leaver)
    if wanted.states:
        query = query.where(row.state.in_([str(each) for each in wanted.states]))
    elif not wanted.over:
        query = query.where(row.closed_at.is_(None))
    if wanted.kinds:
        query = query.where(row.kind.in_([str(each) for each in wanted.kinds]))
    if wanted.connection:
        theirs = select(t.leaver_system.c.number).where(t.leaver_system.c.connection == wanted.connection)
        query = query.where(row.number.in_(theirs))
    late = and_(row.due_at < now, row.done_at.is_(None), row.closed_at.is_(None))
    if wanted.past_due:
        query = query.where(late)
    if wanted.privileged:
        query = query.where(row.privileged)
    first = case((late, 0), else_=1)
    none = case((row.due_at.is_(None), 1), else_=0)
    return query.order_by(first, row.privileged.desc(), none, row.due_at, row.ends_at, row.number)
