"""What became of secrets that people handed in, in the audit trail: it closes the entry of who handed them in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.chain import append
from gateway.audit.effects import Opened, closing, opened
from gateway.core.kinds import APPLIED, FAILED, SUPERSEDED


def cause_of(connection: str) -> str:
    """Of every entry about the secrets of a connection."""
    return f"secret:{connection}"


async def note_taken(tx: AsyncConnection, connection: str, versions: Mapping[str, int], now: float) -> None:
    """These are in use; what was handed in before them never was."""
    for each, is_it in await _of(tx, connection, versions):
        outcome = APPLIED if is_it else SUPERSEDED
        append(tx, [closing(each, "secret_in_use", outcome, now, {"names": sorted(versions)})])


async def note_refused(tx: AsyncConnection, connection: str, versions: Mapping[str, int], why: str, now: float) -> None:
    """The system does not take these."""
    for each, is_it in await _of(tx, connection, versions):
        if is_it:
            append(tx, [closing(each, "secret_refused", FAILED, now, {"names": sorted(versions), "why": why})])


async def note_gone(tx: AsyncConnection, connection: str, name: str, now: float) -> None:
    """The secret was removed before anything came of it."""
    for each, _ in await _of(tx, connection, {name: 0}):
        append(tx, [closing(each, "secret_in_use", SUPERSEDED, now, {"names": [name], "why": "removed"})])


async def _of(tx: AsyncConnection, connection: str, versions: Mapping[str, int]) -> Iterator[tuple[Opened, bool]]:
    """Open entries about any of these secrets, and whether it is these versions that they tell of."""
    found = await opened(tx, [cause_of(connection)])
    told = [(each, each.detail.get("versions") or {}) for each in found]
    return ((each, _is_in(theirs, versions)) for each, theirs in told if theirs.keys() & versions.keys())


def _is_in(theirs: Mapping[str, int], versions: Mapping[str, int]) -> bool:
    return all(versions[name] == version for name, version in theirs.items() if name in versions)
