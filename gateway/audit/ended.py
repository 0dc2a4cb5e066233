"""Entries of cases that ended or came back without a person, in the transaction that does it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.chain import append, entry
from gateway.audit.effects import close
from gateway.core.kinds import APPLIED, FAILED, SUPERSEDED

_WORKED = frozenset({"applied", "agreed"})
"""Endings of a case that say that what a person asked for is in effect."""


async def note_ended(tx: AsyncConnection, numbers: Sequence[str], ending: str, now: float) -> None:
    """One entry for each case, `cause` is its number: the one that closes what a person asked for, where somebody did.
    Why it ended stands in its history.
    """
    outcome = APPLIED if ending in _WORKED else SUPERSEDED
    told = {"ending": ending}
    asked = await close(tx, numbers, kind="case_ended", outcome=outcome, at=now, detail=told)
    closed = {each.cause for each in asked}
    append(tx, [entry("case_ended", now, told, cause=number) for number in numbers if number not in closed])


async def note_back(tx: AsyncConnection, numbers: Collection[str], now: float) -> None:
    """What a person asked for about these cases did not work: they are open again."""
    await close(tx, sorted(numbers), kind="case_came_back", outcome=FAILED, at=now)
