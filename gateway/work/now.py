"""The 3 a.m. summary as programs read it, narrowed to who asks."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Select, func, select

from dead_letter import store
from dead_letter.values import CaseFilter
from gateway.access.rights import Principal, Right
from gateway.sync import tables as t
from gateway.work.backlog import notices_waiting, pressed_workers
from gateway.work.case_reading import in_line
from gateway.work.case_scope import narrowed, personal_of
from gateway.work.connections import ConnectionView, list_connections
from gateway.work.needs import MOST, Need, needs
from gateway.work.workplace import Workplace

GROUPS = 5


class Refusing(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that takes no changes in."""

    worker: str
    at: float
    since: float
    reason: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Is something wrong, how bad, where, since when, and how much is under way."""

    at: float
    needs_people: int
    """Open cases that the reader may see, in the 200 largest groups."""
    groups: tuple[Need, ...]
    """The largest groups of them."""
    connections: tuple[ConnectionView, ...]
    notices_waiting: int
    """Changes that are not decided."""
    refusing: tuple[Refusing, ...]
    records: int
    """All that are known."""
    quiet: bool
    """Nothing is under way."""


async def summary(place: Workplace, who: Principal) -> Summary:
    """What needs people and what is under way, of what the reader may see. Raises NotAllowed."""
    who.require(Right.SEE)
    wanted = narrowed(place, who, CaseFilter(limit=MOST))
    connections = await list_connections(place, who)
    async with place.database.read() as tx:
        groups = await store.group_cases(tx, wanted)
        shown = [in_line(each, personal_of(place, each), who) for each in groups[:GROUPS]]
        largest = await needs(tx, shown, wanted, place.now())
        names = [each.name for each in connections]
        narrow = [] if who.connections is None and who.types is None else [t.notice.c.connection.in_(names)]
        waiting = await notices_waiting(tx, *narrow)
        pressed = await pressed_workers(tx, place.now())
        records = int((await tx.execute(_records(wanted.flows))).scalar_one())
    return Summary(
        at=place.now(),
        needs_people=sum(group.count for group in groups),
        groups=largest,
        connections=tuple(connections),
        notices_waiting=waiting,
        refusing=tuple(Refusing(**each) for each in pressed),
        records=records,
        quiet=not waiting and not any(each.working for each in connections),
    )


def _records(flows: frozenset[str] | None) -> Select[Any]:
    query = select(func.count()).select_from(t.record)
    return query if flows is None else query.where(t.record.c.flow.in_(sorted(flows)))
