"""Connections as people see them: what each is, how it stands, and how much waits for it. Reads only."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access.rights import Principal, Right
from gateway.config.values import Connection
from gateway.core.ids import new_id
from gateway.delivery.pauses import Pause, disabled, maintained_at, pauses_at
from gateway.intake.scim.place import address_of
from gateway.sync import tables as t
from gateway.sync.attempts import Outcome
from gateway.sync.tables import WAITING
from gateway.work.backlog import lane_counts
from gateway.work.budgets import BudgetView, budgets
from gateway.work.credentials import CredentialView, standings
from gateway.work.drift import SchemaView, schemas
from gateway.work.workplace import Workplace

MOST = 20_000
"""Rows that a figure of the last hour is counted over; a busier hour is told of by its newest part."""


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """A queue of writes."""

    writes: int
    per_s: float | None
    """Writes by which it shrinks in a second; null: not known, or it does not."""
    done_s: float | None
    """Seconds until it is empty; null as `per_s`."""


class ConnectionView(msgspec.Struct, frozen=True, kw_only=True):
    """A connection."""

    name: str
    label: str
    connector: str
    flows: tuple[str, ...]
    state: str
    """Of its gate: closed (work passes), open (down), throttled, credentials; empty: never used."""
    reason: str
    since: float
    until: float
    """When it is tried again."""
    working: int
    """Records with something to write to it."""
    unknown: int
    """Writes whose outcome is being proved."""
    parked: int
    """Records that wait for a decision."""
    oldest_s: float
    """Age of the oldest change that is not written to it, in seconds; 0: none."""
    in_s: float
    """Age of the oldest change from it that is not decided, in seconds; 0: none."""
    noticed: int
    """Changes from it that are not decided."""
    tries: int
    """Writes to it that ended within the hour (the newest, if there were very many)."""
    failed: int
    """Of these, refused or without an answer."""
    queue: Speed
    polled_at: float
    polls: bool
    webhooks: bool
    paused: tuple[Pause, ...] = ()
    """By people, and by the configuration while the system is maintained."""
    next_maintenance: float | None = None
    """When the next one begins; null: none is planned."""
    pushed_to: str = ""
    """Where an identity provider pushes to; empty: nobody pushes."""
    disabled: Pause | None = None
    """By whom, since when and why; null: it is not. `until` means nothing."""
    credential: CredentialView | None = None
    """What it signs in with; null: no gateway has run with it yet."""
    budget: BudgetView
    """What it may be sent, and why something waits for that."""
    schemas: tuple[SchemaView, ...] = ()
    """What its system says of its fields, and the mappings that feel a change; of one connection only, lists leave it
    out.
    """


async def list_connections(place: Workplace, who: Principal) -> list[ConnectionView]:
    """All that the reader may see, by name. Raises NotAllowed."""
    who.require(Right.SEE)
    seen = [name for name in sorted(place.config.connections) if within(place, who, name)]
    async with place.database.read() as tx:
        lanes = {row["connection"]: row for row in await lane_counts(tx, seen, place.now())}
        states = {row.connection: row for row in await tx.execute(select(t.connection_state))}
        polled = {row.connection: row.polled_at for row in await tx.execute(select(t.cursor))}
        held = await pauses_at(tx, place.now())
        off = await disabled(tx)
        held += maintained_at({name: place.config.connections[name].maintenance for name in seen}, place.now())
        noticed = await _noticed(tx)
        tried = await _tried(tx, place.now())
        signed = await standings(tx)
        rules = {name: place.config.connections[name].budget for name in seen}
        allowed = await budgets(tx, rules, place.now())
    return [
        _view(
            place,
            place.config.connections[name],
            states.get(name),
            lanes[name],
            polled.get(name, 0.0),
            noticed.get(name, (0, place.now())),
            tried.get(name, (0, 0)),
            held,
            off.get(name),
            signed.get(name),
            allowed[name],
        )
        for name in seen
    ]


async def get_connection(place: Workplace, who: Principal, name: str) -> ConnectionView | None:
    """One; None: there is none, or it is outside the reader's scope."""
    found = next((each for each in await list_connections(place, who) if each.name == name), None)
    if found is None:
        return None
    async with place.database.read() as tx:
        return msgspec.structs.replace(found, schemas=await schemas(tx, place.config, name))


def within(place: Workplace, who: Principal, name: str) -> bool:
    """A connection is in scope by itself, and by the record types that it holds."""
    types = {flow.type.type for flow, _ in place.config.members_of(name)}
    return who.covers(connection=name) and (who.types is None or bool(who.types & types))


def _view(
    place: Workplace,
    connection: Connection,
    state: Any,
    lanes: dict[str, Any],
    polled_at: float,
    noticed: tuple[int, float],
    tried: tuple[int, int],
    held: list[Pause],
    off: Pause | None,
    signed: CredentialView | None,
    allowed: BudgetView,
) -> ConnectionView:
    return ConnectionView(
        name=connection.name,
        label=connection.label,
        connector=connection.settings.connector,
        flows=tuple(flow.name for flow, _ in place.config.members_of(connection.name)),
        state=state.state if state else "",
        reason=state.reason if state else "",
        since=state.since if state else 0.0,
        until=state.until if state else 0.0,
        working=lanes["working"],
        unknown=lanes["unknown"],
        parked=lanes["parked"],
        oldest_s=lanes["oldest_s"],
        in_s=max(0.0, place.now() - noticed[1]),
        noticed=noticed[0],
        tries=tried[0],
        failed=tried[1],
        queue=msgspec.convert(lanes["queue"], Speed),
        polled_at=polled_at,
        polls=connection.poll_every_s is not None,
        webhooks=connection.has_webhook,
        paused=tuple(each for each in held if each.connection == connection.name),
        pushed_to=address_of(place.config.access.url, connection.name, connection.settings.connector),
        disabled=off,
        credential=signed,
        budget=allowed,
        next_maintenance=min((each.hours.next(place.now())[0] for each in connection.maintenance), default=None),
    )


async def _noticed(tx: AsyncConnection) -> dict[str, tuple[int, float]]:
    """Connection -> changes that wait, and when the oldest came."""
    row = t.notice.c
    query = select(row.connection, func.count(), func.min(row.received_at)).where(WAITING).group_by(row.connection)
    return {each[0]: (int(each[1]), float(each[2])) for each in await tx.execute(query)}


async def _tried(tx: AsyncConnection, now: float) -> dict[str, tuple[int, int]]:
    """Connection -> writes that ended within the hour, and those that failed."""
    row = newest(t.attempt, now - 3600)
    bad = func.sum(case((row.outcome.in_((Outcome.REFUSED, Outcome.UNKNOWN)), 1), else_=0))
    query = select(row.connection, func.count(), bad).where(row.outcome != Outcome.OPEN).group_by(row.connection)
    return {each[0]: (int(each[1]), int(each[2] or 0)) for each in await tx.execute(query)}


def newest(table: Any, since: float) -> Any:
    """The newest rows of a table whose ids tell when they were made."""
    lowest = new_id("at", at=since)[:-16]
    return select(table).where(table.c.id >= lowest).order_by(table.c.id.desc()).limit(MOST).subquery().c


async def states(tx: AsyncConnection) -> list[dict[str, Any]]:
    """How the gates stand, as the workers wrote it down last."""
    return [dict(row) for row in (await tx.execute(select(t.connection_state))).mappings()]
