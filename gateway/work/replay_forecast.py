"""What a run of a plan would do beside its writes: who would be told of them, and how long live traffic would wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.config import Config
from gateway.notify.facts import Facts as Told
from gateway.notify.facts import Kind
from gateway.notify.routing import channels_for
from gateway.sync import tables as t
from gateway.sync.batch import Topology
from gateway.sync.state import LaneState
from gateway.sync.tables import WORK
from gateway.work.backlog import lane_counts
from replay import store
from replay.running import IN_HAND
from replay.tables import holds
from replay.values import SENDS, Plan

Facts = dict[str, Any]


def told_of(plan: Plan, folds: Sequence[Mapping[str, Any]], config: Config, topology: Topology, now: float) -> Facts:
    """Who would be told. {systems: [{connection, action, count, who}], ours: [{event, to: [channels]}]}. `who` is what
    the connector declares of its system; empty: it declares nothing, so nobody can say.
    """
    counts: dict[tuple[str, str], int] = {}
    for fold in folds:
        if fold["action"] in SENDS and fold["connection"]:
            place = (fold["connection"], fold["action"])
            counts[place] = counts.get(place, 0) + fold["count"]
    who = _declared(topology)
    systems = [
        {"connection": connection, "action": action, "count": count, "who": who.get(connection, "")}
        for (connection, action), count in counts.items()
    ]
    about = Told(text="", path="", connections=tuple(sorted({connection for connection, _ in counts})))
    ours = []
    for kind in (Kind.RUN_FINISHED, Kind.RECOVERED) if counts else ():
        channels = channels_for(kind, about, config.notifications.rules, now)
        ours.append({"event": str(kind), "to": sorted(channels)})
    return {"systems": systems, "ours": ours}


def _declared(topology: Topology) -> dict[str, str]:
    """Connection -> whom its system tells of a write by itself."""
    found: dict[str, set[str]] = {}
    for flow in topology.flows.values():
        for name, member in flow.members.items():
            if member.spec.tells:
                found.setdefault(name, set()).add(member.spec.tells)
    return {name: "; ".join(sorted(each)) for name, each in found.items()}


async def effect_on_live(
    tx: AsyncConnection, plan: Plan, folds: Sequence[Mapping[str, Any]], config: Config, now: float
) -> list[Facts]:
    """For each connection that would be written to: how old its oldest unfinished change is (`lag_s`), how many writes
    wait, how many calls a minute the run leaves to live traffic, and by how much a fresh change may wait longer at most
    (`adds_s`): the lanes have no more than `replay.running.IN_HAND` items of a run at once. None: no budget is set.
    """
    lanes = {row["connection"]: row for row in await lane_counts(tx, [], now)}
    ages = await live_ages(tx, now)
    each_takes = max(1.0, plan.calls / plan.sends) if plan.sends else 1.0
    found = []
    for name in sorted({fold["connection"] for fold in folds if fold["action"] in SENDS and fold["connection"]}):
        here = lanes.get(name)
        connection = config.connections.get(name)
        rate = connection.per_s if connection else None
        items = sum(fold["count"] for fold in folds if fold["action"] in SENDS and fold["connection"] == name)
        takes = min(plan.limits.rate, float(items)) * each_takes
        found.append(
            {
                "connection": name,
                "lag_s": ages.get(name, 0.0),
                "waiting": here["queue"]["writes"] if here else 0,
                "takes_per_min": takes,
                "keeps_per_min": max(0.0, rate * 60.0 - takes) if rate else None,
                "adds_s": min(items, IN_HAND) * each_takes / rate if rate else None,
            }
        )
    return found


async def lags_of(tx: AsyncConnection, plan: str, now: float) -> dict[str, float]:
    """Connection of a plan -> age of the oldest unfinished change of live traffic, in seconds."""
    ages = await live_ages(tx, now)
    return {name: ages.get(name, 0.0) for name in sorted(await store.connections_of(tx, plan)) if name}


async def live_ages(tx: AsyncConnection, now: float) -> dict[str, float]:
    """Connection -> age of its oldest unfinished change, without what runs of replays have: those changes are old
    already when they are handed over, and say nothing of how long a fresh one waits. Parked lanes wait for people.
    """
    lane = t.lane.c
    held = select(holds.c.record)
    query = select(lane.connection, func.min(lane.dirty_since)).where(
        WORK, lane.state != LaneState.PARKED, lane.record.not_in(held)
    )
    return {row[0]: max(0.0, now - row[1]) for row in await tx.execute(query.group_by(lane.connection)) if row[1]}
