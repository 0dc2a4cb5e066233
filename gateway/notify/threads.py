"""What to tell of a group of cases: what it is now, held against what was told. Pure.

It goes by states, not by events: whatever happened between two looks, in whichever order it was committed, what is told
is true at the time of the look and nothing is told twice. Only escalations leave no state and come in as a count.
"""

from __future__ import annotations

import msgspec

from gateway.notify.facts import Facts, Kind

CALM_S = 30.0
"""So long a group has to be without an open case until that is told: cases that come and go are one trouble."""
GROWN = 10
"""Cases from which on a group counts as growing; after that, each doubling."""
NEAR, MISSED = 1, 2


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The open cases of a group, at a look."""

    key: str
    count: int
    first: int
    """Number of the oldest."""
    first_seen: float
    priority: int
    due_at: float
    """The nearest; 0: none."""
    warn_at: float = 0.0
    """When that one counts as near."""
    came_back: bool = False
    """Whether the oldest follows a closed case."""


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """What was told; see `tables.thread`."""

    subject: str
    key: str
    sequence: int = 0
    ended: bool = True
    told: int = 0
    sla: int = 0
    due_at: float = 0.0
    warn_at: float = 0.0
    empty_at: float = 0.0
    facts: Facts = Facts(text="", path="/")
    changed_at: float = 0.0


def news_of(thread: Thread, group: Group, escalations: int, now: float) -> tuple[Thread, tuple[Kind, ...]]:
    """The thread after a look at which the group had open cases, and what is told of it, in this order."""
    news: list[Kind] = []
    told = thread.told
    if thread.ended:
        back = thread.sequence > 0 or group.came_back
        news.append(Kind.CAME_BACK if back else Kind.OPENED)
        told = group.count
    elif group.count >= max(GROWN, 2 * thread.told):
        news.append(Kind.GROWING)
        told = group.count
    before = 0 if thread.ended else thread.sla
    reached = _sla(group, now)
    if reached > before:
        news.append(Kind.SLA_MISSED if reached == MISSED else Kind.SLA_NEAR)
    # One after the other becoming overdue is told once, until none is even near.
    sla = max(before, reached) if reached else 0
    if escalations:
        news.append(Kind.ESCALATED)
    after = msgspec.structs.replace(
        thread, ended=False, told=told, sla=sla, due_at=group.due_at, warn_at=group.warn_at, empty_at=0.0
    )
    return after, tuple(news)


def news_of_none(thread: Thread, now: float) -> tuple[Thread, tuple[Kind, ...]]:
    """As `news_of`, at a look at which no case of the group is open."""
    if thread.ended:
        return thread, ()
    if not thread.empty_at:
        return msgspec.structs.replace(thread, empty_at=now), ()
    if now - thread.empty_at < CALM_S:
        return thread, ()
    ended = msgspec.structs.replace(thread, ended=True, told=0, sla=0, due_at=0.0, warn_at=0.0, empty_at=0.0)
    return ended, (Kind.RECOVERED,)


def _sla(group: Group, now: float) -> int:
    if group.due_at and now >= group.due_at:
        return MISSED
    return NEAR if group.warn_at and now >= group.warn_at else 0
