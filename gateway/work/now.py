"""Is something wrong, how bad, where, since when: one summary for API, console and command line, narrowed to who asks.

Each part is a verb of its own, so that a page can show the others while one cannot be read.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Select, func, select

from dead_letter.values import CaseFilter, CaseGroup
from gateway.access.rights import Principal, Right
from gateway.intake.pressure import disk_reason
from gateway.sweeps.book import states as sweep_states
from gateway.sync import tables as t
from gateway.work import cases
from gateway.work.backlog import notices_waiting, pressed_workers
from gateway.work.case_scope import narrowed
from gateway.work.connections import ConnectionView, list_connections
from gateway.work.leavers import LeaverTally, leaver_tally
from gateway.work.needs import LATELY_S, Need, need_of
from gateway.work.pages_cases import parked_of_groups
from gateway.work.workplace import Workplace

SHOWN = 5
MOST = 200
CASES = "cases that were closed long ago"
NOT_KEPT = ("owners", "parked", "connections", "queues", "workers", "sweeps")
"""What nothing tells of a moment in the past: only how it is now is written down."""


class Refusing(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that takes no changes in."""

    worker: str
    at: float
    since: float
    reason: str


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """What the last round of a sweep found."""

    connection: str
    kind: str
    finished_at: float | None
    found: dict[str, Any]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Is something wrong, how bad, where, since when, and how much is under way."""

    at: float
    needs_people: int
    """Open cases that the reader may see, in the 200 largest groups; what is parked needs nobody."""
    things: int
    """Groups of them."""
    groups: tuple[Need, ...]
    """The most urgent of these groups."""
    connections: tuple[ConnectionView, ...]
    notices_waiting: int
    """Changes that are not decided."""
    refusing: tuple[Refusing, ...]
    sweeps: tuple[Swept, ...]
    records: int
    """All that are known."""
    disk: str
    """Why changes are refused for lack of disk, where this is answered; empty: there is enough."""
    quiet: bool
    """Nothing is under way."""
    leavers: LeaverTally | None = None
    """How departures stand; null: of a moment in the past."""
    not_known: tuple[str, ...] = ()
    """Of a moment in the past: what is not told here, because nobody wrote it down."""


async def summary(place: Workplace, who: Principal, *, at: float | None = None) -> Summary:
    """What needs people and what is under way, of what the reader may see. Raises NotAllowed.

    `at`: as it was at that moment, as far as that was kept: cases that were open then, and records that were known.
    """
    who.require(Right.SEE)
    if at is not None and at < place.now():
        return await _then(place, who, at)
    groups = await pressing(place, who)
    connections = await list_connections(place, who)
    names = {each.name for each in connections}
    async with place.database.read() as tx:
        narrow = [] if who.connections is None and who.types is None else [t.notice.c.connection.in_(sorted(names))]
        waiting = await notices_waiting(tx, *narrow)
        pressed = await pressed_workers(tx, place.now())
        records = int((await tx.execute(_records(place, who))).scalar_one())
    sweeps = [each for each in await sweep_states(place.database) if each["connection"] in names]
    return Summary(
        at=place.now(),
        needs_people=sum(group.count for group in groups),
        things=len(groups),
        groups=groups[:SHOWN],
        connections=tuple(connections),
        notices_waiting=waiting,
        refusing=tuple(Refusing(**each) for each in pressed),
        sweeps=tuple(msgspec.convert(each, Swept) for each in sweeps),
        records=records,
        disk=disk_reason(place.config.data, place.config.limits.disk_reserve),
        quiet=not waiting and not any(each.working for each in connections),
        leavers=await leaver_tally(place, who),
    )


async def pressing(place: Workplace, who: Principal) -> tuple[Need, ...]:
    """Groups of open cases that need somebody, the most urgent first, without their parked cases. Right SEE."""
    parked = await parked_of_groups(place, who)
    groups = [_unparked(each, parked) for each in await cases.group_cases(place, who, CaseFilter(limit=MOST))]
    groups = sorted((each for each in groups if each.count), key=lambda each: (-each.priority, -each.count))
    if not groups:
        return ()
    lately = CaseFilter(opened_since=place.now() - LATELY_S, limit=MOST)
    fresh = {each.key: each.count for each in await cases.group_cases(place, who, lately)}
    return tuple(need_of(each, fresh.get(each.key, 0)) for each in groups)


def _unparked(group: CaseGroup, parked: dict[str, int]) -> CaseGroup:
    waits = parked.get(group.key, 0)
    left = group.count - waits
    return msgspec.structs.replace(group, count=left, unowned=min(group.unowned, left)) if waits else group


async def _then(place: Workplace, who: Principal, at: float) -> Summary:
    """A case was open from when it was first seen until it was closed; neither is ever changed."""
    found = await cases.group_cases(place, who, CaseFilter(open_at=at, limit=MOST))
    lately = CaseFilter(open_at=at, opened_since=at - LATELY_S, limit=MOST)
    fresh = {each.key: each.count for each in await cases.group_cases(place, who, lately)} if found else {}
    groups = tuple(
        need_of(msgspec.structs.replace(each, owners=(), unowned=0), fresh.get(each.key, 0)) for each in found
    )
    async with place.database.read() as tx:
        known = _records(place, who).where(t.record.c.created_at <= at)
        records = int((await tx.execute(known)).scalar_one())
    return Summary(
        at=at,
        needs_people=sum(group.count for group in groups),
        things=len(groups),
        groups=groups[:SHOWN],
        connections=(),
        notices_waiting=0,
        refusing=(),
        sweeps=(),
        records=records,
        disk="",
        quiet=False,
        not_known=NOT_KEPT if at >= place.now() - place.config.retention.cases_s else (CASES, *NOT_KEPT),
    )


def _records(place: Workplace, who: Principal) -> Select[Any]:
    flows = narrowed(place, who, CaseFilter()).flows
    query = select(func.count()).select_from(t.record)
    return query if flows is None else query.where(t.record.c.flow.in_(sorted(flows)))
