"""Entries whose effect comes later, and the entries that tell of it.

An entry with the outcome `open` is never changed. When its effect is known, another entry names it in `closes` and has
the outcome: applied, failed, superseded. What belongs together has the same `cause`: the case, the plan, the version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.chain import OURS, append, entry
from gateway.audit.tables import audit
from gateway.core.kinds import OPEN, SUPERSEDED
from gateway.storage.database import loads

_CHUNK = 500


class Opened(msgspec.Struct, frozen=True):
    """An entry that nobody has closed yet."""

    id: str
    kind: str
    cause: str
    detail: Mapping[str, Any]
    record: str | None = None
    connection: str | None = None


def still_open(row: Any = audit.c) -> tuple[Any, Any]:
    """Of an entry: its effect is not known yet. In words of the partial indexes that find these few among millions."""
    others = audit.alias("closing")
    return (
        row.outcome == literal_column(f"'{OPEN}'"),
        ~select(others.c.id).where(others.c.closes == row.id).correlate_except(others).exists(),
    )


async def opened(tx: AsyncConnection, causes: Sequence[str]) -> list[Opened]:
    """What is open of these causes, the newest first. Entries of the transaction under way are not among them."""
    columns = [audit.c[name] for name in ("id", "kind", "cause", "detail", "record", "connection")]
    found: list[Opened] = []
    for start in range(0, len(causes), _CHUNK):
        query = select(*columns).where(audit.c.cause.in_(causes[start : start + _CHUNK]), *still_open())
        for id, kind, cause, detail, record, connection in await tx.execute(query.order_by(audit.c.id.desc())):
            told = loads(detail)
            found.append(Opened(id, kind, cause, told if isinstance(told, dict) else {}, record, connection))
    return found


async def close(
    tx: AsyncConnection,
    causes: Sequence[str],
    *,
    kind: str,
    outcome: str,
    at: float,
    detail: Mapping[str, Any] | None = None,
    only: Callable[[Opened], bool] = lambda entry: True,
    actor: str = OURS,
) -> list[Opened]:
    """Closes what is open of these causes: the newest of each with this outcome, those before it as superseded. Gives
    what it closed; nothing is written where nothing is open.
    """
    found = [each for each in await opened(tx, causes) if only(each)] if causes else []
    told: set[str] = set()
    for each in found:
        append(tx, [closing(each, kind, SUPERSEDED if each.cause in told else outcome, at, detail or {}, actor=actor)])
        told.add(each.cause)
    return found


def closing(
    each: Opened, kind: str, outcome: str, at: float, detail: Mapping[str, Any], *, actor: str = OURS
) -> dict[str, Any]:
    """The entry that tells how another one ended."""
    about = {"record": each.record, "connection": each.connection, "cause": each.cause}
    row = entry(kind, at, {"of": each.kind, **detail}, **about, outcome=outcome, closes=each.id)
    return {**row, "actor": actor}
