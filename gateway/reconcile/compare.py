"""One record, compared: what its objects show, what we hold them to show, and what the rules would make of it.

Nothing is decided here. The reads were made without the lanes' mutex, so they are folded into a copy of the record, by
the rules that will fold the lanes' own reads; what that leaves is the plan, and the copy is thrown away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.contract.errors import MappingError
from gateway.reconcile.values import Drift, Kind
from gateway.sync.absorb import agrees
from gateway.sync.attempts import Seen
from gateway.sync.observe import exts_of, fold
from gateway.sync.plan import closing_wants, lacks, wants, wants_create
from gateway.sync.recheck import differs
from gateway.sync.state import BUSY, Lane, LaneState, LinkState, Shadow
from gateway.sync.unit import Unit

BODY = 200
"""Characters of a comment that a plan shows."""


def compare(unit: Unit, seen: Mapping[str, Seen], offsets: Mapping[str, float]) -> list[Drift]:
    """Every difference of one record. `unit` is a copy: it is folded into and must not be saved.

    `seen`: connection -> a read of its object; `offsets`: its clock minus ours.
    """
    if unit.state.tombstoned_at is not None:
        return list(_after_departure(unit, seen))
    found = [*_blocked(unit, seen), *_lacking(unit, seen)]
    for connection, each in seen.items():
        if busy(unit.lane(connection)):
            found.append(Drift(Kind.WAITING, connection, doc={"lane": unit.lane(connection).wait_reason or "busy"}))
        elif each.snapshot is not None and not each.snapshot.exists:
            found.append(Drift(Kind.GONE, connection, outcome=str(unit.flow.on_delete)))
        else:
            more = list(_folded(unit, connection, each, seen, offsets.get(connection, 0.0)))
            found += more
            if any(drift.kind is Kind.LEAVES for drift in more):
                break
    return found


def busy(lane: Lane) -> bool:
    """Something is on its way here, so that what the object shows proves little."""
    if lane.state is LaneState.PARKED:
        return lane.read_wanted or lane.deferred
    return lane.state in BUSY or bool(lane.owner) or lane.has_work


def _after_departure(unit: Unit, seen: Mapping[str, Seen]) -> Iterator[Drift]:
    """Rule 4: nothing of a record that has left is believed. Alive again, its object is closed."""
    for connection, each in seen.items():
        held = unit.held(connection)
        if held.link is not LinkState.PRIMARY or each.snapshot is None or busy(unit.lane(connection)):
            continue
        if not each.snapshot.exists:
            yield Drift(Kind.GONE, connection, outcome="left before")
            continue
        fold(unit, connection, each)
        if closing_wants(unit, connection):
            yield Drift(Kind.REOPENED, connection, outcome="closed again")


def _folded(unit: Unit, connection: str, each: Seen, seen: Mapping[str, Seen], offset_s: float) -> Iterator[Drift]:
    """What this object tells that nobody has told us."""
    assert each.snapshot is not None
    shown = exts_of(unit, connection, each.snapshot)
    moved = [name for name, ext in shown.items() if differs(unit, connection, name, ext)]
    known = {name: _known(unit.held(connection).shadow.get(name)) for name in moved}
    was = {name: unit.state.fields[name].now.fver for name in moved if name in unit.state.fields}
    before = {name: field.now.value for name, field in unit.state.fields.items()}
    effects = unit.effects
    marks = len(effects.ledger), len(effects.cases), len(effects.items)
    fold(unit, connection, each, offset_s=offset_s)
    if unit.state.tombstoned_at is not None:
        others = [other for other, held in unit.state.members.items() if other != connection and _there(held.link)]
        yield Drift(Kind.LEAVES, connection, outcome="closes", doc={"then": others})
        return
    ledger, cases = effects.ledger[marks[0] :], effects.cases[marks[1] :]
    for name in moved:
        asked = [case for case in cases if case.connection == connection and case.field == name]
        lost = [row for row in ledger if row["field"] == name]
        canon = unit.state.fields.get(name)
        newer = canon is not None and canon.now.fver > was.get(name, 0)
        doc = {
            "canonical": before.get(name),
            "shown": _shown(unit, name, seen),
            "becomes": canon.now.value if canon else None,
            "known": known[name],
            "fver": was.get(name, 0),
            "then": _receivers(unit, name),
            "why": asked[0].title if asked else lost[0]["reason"] if lost else "",
        }
        yield Drift(Kind.ABSORB, connection, name, _outcome(unit, connection, name, newer, asked, lost), doc=doc)
    yield from _comments(unit, connection, each, effects.items[marks[2] :])


def _outcome(unit: Unit, connection: str, name: str, newer: bool, asked: list[Any], lost: list[Any]) -> str:
    if asked:
        return "asks a person"
    if newer:
        if any(row["connection"] != connection for row in lost):
            return "wins"
        return "merged" if name in unit.flow.sets else "taken"
    return "loses" if lost else "same"


def _known(shadow: Shadow | None) -> Any:
    return shadow.ext if shadow is not None and shadow.known else None


def _there(link: LinkState) -> bool:
    return link is LinkState.PRIMARY


def _shown(unit: Unit, name: str, seen: Mapping[str, Seen]) -> dict[str, Any]:
    """What every system that was read shows of the field, in its own terms."""
    read = {c: exts_of(unit, c, each.snapshot) for c, each in seen.items() if each.snapshot and each.snapshot.exists}
    return {connection: exts[name] for connection, exts in read.items() if name in exts}


def _receivers(unit: Unit, name: str) -> list[str]:
    """Where the field would be written after that."""
    canon = unit.state.fields.get(name)
    found = []
    for connection, member in unit.flow.members.items():
        held, rule = unit.held(connection), member.mapping.fields.get(name)
        if canon is None or held.link is not LinkState.PRIMARY or rule is None or not rule.writable:
            continue
        shadow = unit.shadow(connection, name)
        shows = shadow.known and agrees(member, name, canon.now.value, shadow.ext)
        if not shows and not shadow.held and shadow.carried < canon.now.fver:
            found.append(connection)
    return found


def _comments(unit: Unit, connection: str, each: Seen, new: list[dict[str, Any]]) -> Iterator[Drift]:
    """Comments that would cross. One that stays where it is, by the mapping, is no drift."""
    shown = {f"{connection}:{item.id}": item for item in each.items or ()}
    for row in new:
        then = [c for c, held in unit.state.members.items() if any(p.origin == row["origin"] for p in held.items)]
        item = shown.get(row["origin"])
        if then and item is not None:
            doc = {"item": item.id, "author": item.author, "body": item.body[:BODY], "then": then}
            yield Drift(Kind.COMMENT, connection, "comments", "copied", about=item.id, doc=doc)


def _lacking(unit: Unit, seen: Mapping[str, Seen]) -> Iterator[Drift]:
    """What the record holds, a system lacks, and no lane is on its way to bring."""
    for connection in unit.flow.members:
        lane, held = unit.lane(connection), unit.held(connection)
        if busy(lane) or lane.state is LaneState.PARKED:
            continue
        if held.link is LinkState.NONE and unit.state.fields and wants_create(unit, connection):
            yield Drift(Kind.CREATE, connection, outcome="made")
        if held.link is not LinkState.PRIMARY:
            continue
        names = [want.name for want in wants(unit, connection, None)] if lacks(unit, connection) else []
        for name in {*names, *astray(unit, connection)}:
            yield Drift(Kind.WRITE, connection, name, "written", doc=_sides(unit, name, seen))
        waiting = [item for item in held.items if not item.held]
        for item in waiting:
            doc = {"origin": item.origin, "body": item.body[:BODY]}
            yield Drift(Kind.WRITE, connection, "comments", "written", about=item.origin, doc=doc)


def astray(unit: Unit, connection: str) -> list[str]:
    """Fields that this system is held to carry, though what it shows does not mean that to its mapping of today."""
    member, held, found = unit.member(connection), unit.held(connection), []
    shown = {name: shadow.ext for name, shadow in held.shadow.items() if shadow.known}
    for name, shadow in held.shadow.items():
        rule, canon = member.mapping.fields.get(name), unit.state.fields.get(name)
        if rule is None or canon is None or not (rule.readable and rule.writable and shadow.known):
            continue
        settled = shadow.carried >= canon.now.fver and not shadow.held and shadow.waived != canon.now.fver
        settled = settled and shadow.instead != canon.now.fver
        if settled and member.mapping.open(name, shown) and not _means(unit, connection, name, shadow.ext):
            found.append(name)
    return found


def _means(unit: Unit, connection: str, name: str, ext: Any) -> bool:
    member, value = unit.member(connection), unit.state.fields[name].now.value
    if agrees(member, name, value, ext):
        return True
    try:
        read, _ = member.mapping.from_ext(name, ext), member.mapping.to_ext(name, value)
    except MappingError:
        return True  # there is nothing to write; it becomes a case when the field is next decided
    return set(read or ()) == set(value or ()) if name in unit.flow.sets else bool(read == value)


def _blocked(unit: Unit, seen: Mapping[str, Seen]) -> Iterator[Drift]:
    """What differs and waits for a person."""
    for connection, member in unit.flow.members.items():
        held, lane = unit.held(connection), unit.lane(connection)
        if lane.state is LaneState.PARKED:
            yield Drift(Kind.BLOCKED, connection, outcome="lane", doc={"case": lane.case})
        if held.link is LinkState.GONE:
            yield Drift(Kind.BLOCKED, connection, outcome="gone", doc={"case": f"deleted:{unit.state.id}:{connection}"})
        for name, shadow in held.shadow.items():
            canon = unit.state.fields.get(name)
            if shadow.held and canon is not None and not agrees(member, name, canon.now.value, shadow.ext):
                yield Drift(
                    Kind.BLOCKED, connection, name, "held", doc={**_sides(unit, name, seen), "case": shadow.held}
                )
        for item in held.items:
            if item.held:
                doc = {"origin": item.origin, "case": item.held}
                yield Drift(Kind.BLOCKED, connection, "comments", "held", about=item.origin, doc=doc)


def _sides(unit: Unit, name: str, seen: Mapping[str, Seen]) -> dict[str, Any]:
    canon = unit.state.fields.get(name)
    return {"canonical": canon.now.value if canon else None, "shown": _shown(unit, name, seen)}
