"""Guessing gets slow: failed sign-ins are counted per account and per address, for all workers together.

A try is counted before it is made, so that many at once are not free. Nobody is locked out for good: waits are capped,
and an address from which a person signed in before has a count of its own, which strangers cannot drive up.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from sqlalchemy import case, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import InputError
from gateway.access import tables as t
from gateway.storage.database import insert

FORGET_S = 24 * 3600.0
"""A count without a failure for so long begins anew."""
KNOWN_S = 90 * 24 * 3600.0
"""So long an address is known after a sign-in from there."""


class Rule(NamedTuple):
    """So many failures are free; then the wait doubles from a second up to `cap_s`."""

    free: int
    cap_s: float


_PAIR = "pair:"
ACCOUNT = Rule(5, 900.0)
ADDRESS = Rule(20, 300.0)


class TooManyTries(InputError):
    """Nothing was tried: 429. It is worth trying again in `retry_after_s` seconds."""

    status = 429

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        reason = f"too many sign-ins failed here; try again in {max(1, round(retry_after_s))} s"
        super().__init__(reason, code="too-many-tries")


def wait_s(failures: int, rule: Rule) -> float:
    """How long nothing is tried after so many failures in a row."""
    over = failures - rule.free
    return 0.0 if over <= 0 else min(2.0 ** min(over - 1, 30), rule.cap_s)


async def count(tx: AsyncConnection, name: str, address: str, *, now: float) -> None:
    """Counts a try as failed, until `succeeded`. Raises TooManyTries before the time: nothing is counted then."""
    account = _pair(name, address) if await _is_known(tx, name, address, now=now) else _account(name)
    await _take(tx, account, ACCOUNT, now=now)
    await _take(tx, _address(address), ADDRESS, now=now)


async def succeeded(tx: AsyncConnection, name: str, address: str, *, now: float) -> None:
    """The try was no failure: the account's count ends, the address's loses this one, and the pair is known."""
    mine = {"failures": 0, "last_at": now, "free_at": 0.0}
    pair = _pair(name, address)
    await tx.execute(
        insert(tx, t.attempt).values(key=pair, **mine).on_conflict_do_update(index_elements=["key"], set_=mine)
    )
    await tx.execute(delete(t.attempt).where(t.attempt.c.key == _account(name)))
    here = update(t.attempt).where(t.attempt.c.key == _address(address), t.attempt.c.failures > 0)
    await tx.execute(here.values(failures=t.attempt.c.failures - 1, free_at=0.0))


async def _is_known(tx: AsyncConnection, name: str, address: str, *, now: float) -> bool:
    query = select(t.attempt.c.key).where(t.attempt.c.key == _pair(name, address), t.attempt.c.last_at > now - KNOWN_S)
    return (await tx.execute(query)).first() is not None


async def _take(tx: AsyncConnection, key: str, rule: Rule, *, now: float) -> None:
    """One statement decides, so that two workers cannot both be the last free try."""
    row = insert(tx, t.attempt).values(key=key, failures=1, last_at=now, free_at=0.0)
    failures = case((t.attempt.c.last_at < now - FORGET_S, 1), else_=t.attempt.c.failures + 1)
    taken = row.on_conflict_do_update(
        index_elements=["key"],
        set_={"failures": failures, "last_at": now},
        where=t.attempt.c.free_at <= now,
    ).returning(t.attempt.c.failures)
    found = (await tx.execute(taken)).scalar()
    if found is None:
        free_at = (await tx.execute(select(t.attempt.c.free_at).where(t.attempt.c.key == key))).scalar_one()
        raise TooManyTries(free_at - now)
    await tx.execute(update(t.attempt).where(t.attempt.c.key == key).values(free_at=now + wait_s(int(found), rule)))
    if found == 1:
        await _prune(tx, now=now)


async def _prune(tx: AsyncConnection, *, now: float) -> None:
    kept_s = case((t.attempt.c.key.startswith(_PAIR), KNOWN_S), else_=FORGET_S)
    await tx.execute(delete(t.attempt).where(t.attempt.c.last_at < now - FORGET_S, t.attempt.c.last_at < now - kept_s))


def _account(name: str) -> str:
    return f"account:{hidden(name.casefold())}"


def _address(address: str) -> str:
    return f"address:{hidden(network_of(address))}"


def _pair(name: str, address: str) -> str:
    return f"{_PAIR}{hidden(f'{name.casefold()} {network_of(address)}')}"


def network_of(address: str) -> str:
    """Of IPv6 the first 64 bits: whoever has one such address has all of them."""
    return ":".join(address.split(":")[:4]) if address.count(":") > 1 else address


def hidden(text: str) -> str:
    """A key that does not say what it stands for: people type their password where a name belongs."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:40]
