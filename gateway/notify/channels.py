"""How each channel does: working, failing, or disabled by its receiver. Written by who sends, read by people."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.notify.tables import channel
from gateway.storage.database import insert

FAILING_AFTER = 4
"""Failures one after the other: then its fallback is told, long before the last try."""


class State(StrEnum):
    """Of a channel."""

    WORKING = "working"
    FAILING = "failing"
    DISABLED = "disabled"  # the receiver said that it is gone (410), until somebody tests it again


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """One channel, as it did last."""

    name: str
    state: State = State.WORKING
    since: float = 0.0
    """When it came to this state; 0: nothing was sent yet."""
    reason: str = ""
    failures: int = 0
    wait_until: float = 0.0
    delivered_at: float = 0.0


async def all_health(tx: AsyncConnection) -> Mapping[str, Health]:
    """By name; channels over which nothing was sent yet are not there."""
    rows = (await tx.execute(select(channel))).mappings()
    return {row["name"]: Health(**{**row, "state": State(row["state"])}) for row in rows}


async def health_of(tx: AsyncConnection, name: str) -> Health:
    """One channel's, held until the transaction ends."""
    found = (await tx.execute(select(channel).where(channel.c.name == name).with_for_update())).mappings().first()
    return Health(**{**found, "state": State(found["state"])}) if found else Health(name=name)


async def keep_health(tx: AsyncConnection, health: Health) -> None:
    """Stores it."""
    row = {**msgspec.structs.asdict(health), "state": str(health.state)}
    statement = insert(tx, channel).values(**row)
    told = {name: statement.excluded[name] for name in row if name != "name"}
    await tx.execute(statement.on_conflict_do_update(index_elements=["name"], set_=told))


def after_delivery(before: Health, now: float) -> Health:
    """It works."""
    since = before.since if before.state is State.WORKING and before.since else now
    return Health(name=before.name, since=since, delivered_at=now)


def after_failure(before: Health, reason: str, now: float, *, gone: bool, wait_s: float) -> Health:
    """It does not: `gone` for good, or once more in a row; nothing is sent for `wait_s`."""
    failures = before.failures + 1
    state = before.state
    if gone:
        state = State.DISABLED
    elif failures >= FAILING_AFTER and state is State.WORKING:
        state = State.FAILING
    return msgspec.structs.replace(
        before,
        state=state,
        since=before.since if state is before.state and before.since else now,
        reason=reason,
        failures=failures,
        wait_until=max(before.wait_until, now + wait_s) if wait_s else before.wait_until,
    )
