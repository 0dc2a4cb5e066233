"""Sign-ins that fail in a row, of one account or from one address: counted for all workers together, and told of when
they are many, and again each time they double.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, delete
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access import tables as t
from gateway.access.throttle import hidden, network_of
from gateway.storage.database import insert

_PREFIX = "row:"


async def failed(
    tx: AsyncConnection, name: str, address: str, *, now: float, failures: int, within_s: float
) -> list[dict[str, Any]]:
    """Counts a failure. What is to be told of it: {of: account | address, count} for each count that says so."""
    told = []
    keys = {"account": _account(name)} if name else {}  # a provider does not say who it was
    for of, key in (keys | {"address": _address(address)}).items():
        count = await _counted(tx, key, now, within_s)
        if _says(count, failures):
            told.append({"of": of, "count": count})
    return told


async def succeeded(tx: AsyncConnection, name: str, address: str) -> None:
    """Both rows end: whoever knows the password was no stranger who guesses."""
    await tx.execute(delete(t.attempt).where(t.attempt.c.key.in_([_account(name), _address(address)])))


def _says(count: int, failures: int) -> bool:
    times, rest = divmod(count, failures)
    return rest == 0 and times > 0 and times & (times - 1) == 0


async def _counted(tx: AsyncConnection, key: str, now: float, within_s: float) -> int:
    row = insert(tx, t.attempt).values(key=key, failures=1, last_at=now, free_at=0.0)
    count = case((t.attempt.c.last_at < now - within_s, 1), else_=t.attempt.c.failures + 1)
    taken = row.on_conflict_do_update(index_elements=["key"], set_={"failures": count, "last_at": now})
    return int((await tx.execute(taken.returning(t.attempt.c.failures))).scalar_one())


def _account(name: str) -> str:
    return f"{_PREFIX}a:{hidden(name.casefold())}"


def _address(address: str) -> str:
    return f"{_PREFIX}n:{hidden(network_of(address))}"
