"""Versions of connections and flows: what a new one does to what runs, what is refused, and who brought which when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access.rights import Principal, Right
from gateway.audit.effects import close
from gateway.config import Config
from gateway.config.written import Change, differences, digest, document
from gateway.core import kinds
from gateway.storage.database import dumps, loads
from gateway.sync import tables as t
from gateway.sync.state import LaneState
from gateway.versions.tables import config_version
from gateway.work.policy import note_policy, policy_moved
from gateway.work.trail import note
from gateway.work.workplace import Workplace

Facts = dict[str, Any]
APPLIED, FOUND = "applied", "found"
PER_WORKER = ("data", "database", "stream", "listen", "partitions")
"""Settings in which the workers of one database may differ."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A change, with what it does to what runs."""

    change: Change
    does: tuple[str, ...] = ()
    refused: str = ""
    """Why it is not safe; empty: it is."""


class ConfigVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A state of connections and flows."""

    version: int
    digest: str
    kind: str
    """applied: by a person's word; found: a gateway started with it."""
    at: float
    actor: str
    reason: str
    changes: tuple[Change, ...]


async def plan(tx: AsyncConnection, now: Config, then: Config, changes: Sequence[Change]) -> list[Step]:
    """Each change with what it does to lanes and records. Refused is what would leave commands that nobody could carry
    out, or objects that would mean something else.
    """
    held, linked = await _held(tx), await _linked(tx)
    return [_judged(each, now, then, held, linked) for each in changes]


Counts = Mapping[tuple[str, str], int]
"""(flow, connection) -> how many."""


def _judged(change: Change, now: Config, then: Config, held: Counts, linked: Counts) -> Step:
    if change.kind == "connection":
        return _connection(change, held, linked)
    if change.change == "added" or change.kind in ("setting", "file"):
        return noted(change, then)
    return _flow(change, now, then, held, linked)


def noted(change: Change, then: Config) -> Step:
    """What a change does that touches no lane and no record, as one does that adds something."""
    if (change.kind, change.change) != ("flow", "added"):
        return Step(change=change)
    careful = "`begins: shadow` in it would show first what it would write, and write nothing"
    told = {"live": f"it begins live: it writes from the next start on; {careful}", "draft": "a draft"}
    begins = then.flows[change.name].begins
    return Step(change=change, does=(told.get(begins, "it maps and plans from the next start on, and writes nothing"),))


def begin_live(changes: Sequence[Change], then: Config) -> list[str]:
    """The new flows that write from the next start on, without anybody having looked."""
    new = [each.name for each in changes if each.kind == "flow" and each.change == "added"]
    return [name for name in new if then.flows[name].begins == "live"]


def _connection(change: Change, held: Counts, linked: Counts) -> Step:
    commands = sum(count for (_, each), count in held.items() if each == change.name)
    objects = sum(count for (_, each), count in linked.items() if each == change.name)
    touched = {field.field for field in change.fields}
    if change.change == "added":
        said = f"linked objects from before: {objects}; it has to be the same system as then"
        return Step(change=change, does=(said,) if objects else ())
    if change.change == "removed" and commands:
        return Step(change=change, refused=_hold(commands, change.name))
    if "connector" in touched and objects:
        why = f"linked objects: {objects}, known by ids of the connector that it has now"
        return Step(change=change, refused=why)
    does = []
    if "url" in touched and objects:
        does.append(f"linked objects: {objects}; it has to be the same system under another address")
    if commands:
        does.append(f"lanes with commands: {commands}; they go on with this from the next start on")
    return Step(change=change, does=tuple(does))


def _flow(change: Change, now: Config, then: Config, held: Counts, linked: Counts) -> Step:
    name, after = change.name, then.flows.get(change.name)
    commands = sum(count for (flow, _), count in held.items() if flow == name)
    if after is None:
        refused = _hold(commands, name) if commands else ""
        return Step(change=change, refused=refused)
    before = now.flows[name]
    objects = sum(count for (flow, _), count in linked.items() if flow == name)
    if before.type.type != after.type.type and objects:
        return Step(change=change, refused=f"linked objects: {objects}, of records of type {before.type.type}")
    for member in before.members.values():
        mine = linked.get((name, member.connection), 0)
        other = after.members.get(member.connection)
        if other is None and held.get((name, member.connection)):
            return Step(change=change, refused=_hold(held[name, member.connection], name))
        if other is not None and other.object != member.object and mine:
            return Step(
                change=change, refused=f"linked objects: {mine} in {member.connection}, of kind {member.object}"
            )
    does = [f"lanes with commands: {commands}; they go on by its new rules from the next start on"] if commands else []
    if joining := [each for each in after.members if each not in before.members]:
        does.append(f"{', '.join(joining)}: joins, and is written to as the stage of the flow says")
    return Step(change=change, does=tuple(does))


def _hold(commands: int, name: str) -> str:
    lanes = "1 lane holds commands" if commands == 1 else f"{commands} lanes hold commands"
    return f"{lanes} that nobody could carry out without {name}; let them end, and decide its cases: lockstep case list"


async def _held(tx: AsyncConnection) -> dict[tuple[str, str], int]:
    """Lanes that lack something, or whose last write is not over."""
    lane = t.lane.c
    under_way = lane.state.in_([LaneState.OPEN, LaneState.READING, LaneState.UNKNOWN, LaneState.PARKED])
    query = select(t.record.c.flow, lane.connection, func.count()).join(t.record, t.record.c.id == lane.record)
    rows = await tx.execute(
        query.where(or_(lane.dirty, lane.deferred, under_way)).group_by(t.record.c.flow, lane.connection)
    )
    return {(row[0], row[1]): int(row[2]) for row in rows}


async def _linked(tx: AsyncConnection) -> dict[tuple[str, str], int]:
    link = t.link.c
    query = select(t.record.c.flow, link.connection, func.count()).join(t.record, t.record.c.id == link.record)
    rows = await tx.execute(query.where(link.state == "primary").group_by(t.record.c.flow, link.connection))
    return {(row[0], row[1]): int(row[2]) for row in rows}


async def remember_configuration(place: Workplace, *, by: str) -> bool:
    """Keeps what a gateway starts with, if it is not the last version that is known: also when files were edited while
    none ran. Whether it was another. The entry of who put it in place is closed.
    """
    if not place.config.file.is_file():
        return False
    now = document(place.config)
    try:
        async with place.database.begin("config.remember") as tx:
            last = await _last(tx)
            if last is not None and last[1] == digest(now) and not _settings_moved(loads(last[2]), now):
                await _in_use(tx, last[0], by, place.now())
                return False
            await _keep(tx, place, now, last, kind=FOUND, actor=by, human="", reason="")
    except IntegrityError:
        return False  # another worker starts at this moment, and keeps it
    return True


async def applied(place: Workplace, who: Principal, then: Facts, *, reason: str) -> ConfigVersion:
    """Keeps a state that somebody just put in place. Right CONFIGURE. The last one again: nothing is added."""
    who.require(Right.CONFIGURE)
    async with place.database.begin("config.applied") as tx:
        last = await _last(tx)
        if last is None or differences(loads(last[2]), then):
            human = who.person or who.id
            await _keep(tx, place, then, last, kind=APPLIED, actor=who.name, human=human, reason=reason)
    return (await config_versions(place, who))[0]


async def config_versions(place: Workplace, who: Principal, *, limit: int = 50) -> list[ConfigVersion]:
    """The newest first. Right CONFIGURE: they name every connection."""
    who.require(Right.CONFIGURE)
    async with place.database.read() as tx:
        query = select(config_version).order_by(config_version.c.serial.desc()).limit(limit)
        rows = (await tx.execute(query)).mappings().all()
    return [
        ConfigVersion(
            version=row["serial"],
            digest=row["digest"],
            kind=row["kind"],
            at=row["at"],
            actor=row["actor"],
            reason=row["reason"],
            changes=tuple(msgspec.convert(loads(row["changes"]), list[Change])),
        )
        for row in rows
    ]


def _settings_moved(before: Facts, now: Facts) -> bool:
    """Whether what holds for all workers differs, beside connections and flows."""
    changes = (each for each in differences(before, now) if each.kind == "setting" and each.name not in PER_WORKER)
    return any(changes) or policy_moved(before, now)


async def _in_use(tx: AsyncConnection, serial: int, worker: str, now: float) -> None:
    told = {"worker": worker}
    await close(tx, [_cause(serial)], kind="configuration_in_use", outcome=kinds.APPLIED, at=now, detail=told)


def _cause(serial: int) -> str:
    return f"version {serial}"


async def _last(tx: AsyncConnection) -> tuple[int, str, str] | None:
    row = config_version.c
    query = select(row.serial, row.digest, row.document).order_by(row.serial.desc()).limit(1)
    found = (await tx.execute(query)).first()
    return None if found is None else (found[0], found[1], found[2])


async def _keep(
    tx: AsyncConnection,
    place: Workplace,
    state: Facts,
    last: tuple[int, str, str] | None,
    *,
    kind: str,
    actor: str,
    human: str,
    reason: str,
) -> None:
    changes = differences(loads(last[2]), state) if last else []
    serial, at = (last[0] if last else 0) + 1, place.now()
    row = {"serial": serial, "digest": digest(state), "kind": kind, "at": at, "actor": actor[:100], "human": human}
    told = dumps(msgspec.to_builtins(changes))
    await tx.execute(config_version.insert().values(**row, reason=reason, document=dumps(state), changes=told))
    detail = {"version": serial, "changes": [f"{each.change} {each.kind} {each.name}" for each in changes]}
    detail |= {"reason": reason, "config": str(place.config.file)}
    detail |= {"digest": row["digest"], "before": last[1] if last else ""} | ({"by": human} if human else {})
    if last:
        await close(tx, [_cause(last[0])], kind="configuration_in_use", outcome=kinds.SUPERSEDED, at=at)
    outcome = kinds.OPEN if kind == APPLIED else ""
    said = {"actor": actor, "cause": _cause(serial)}
    await note(tx, at=at, kind=f"configuration_{kind}", detail=detail, outcome=outcome, **said)
    await note_policy(tx, loads(last[2]) if last else {}, state, at=at, **said)
