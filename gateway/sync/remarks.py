"""What a record says to those it refers to, and what one that is told makes of it (ADR 0207).

Who says something only leaves a remark with its decision; who is told decides about itself, under its own lock, by the
rules for everybody's values. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.contract.errors import MappingError
from gateway.storage.database import dumps
from gateway.sync.asking import answered, ask, holds, home
from gateway.sync.conflict import Rival, wins
from gateway.sync.items import said
from gateway.sync.plan import mark_dirty
from gateway.sync.state import Heard, PendingItem
from gateway.sync.undecided import Undecided
from gateway.sync.unit import Unit
from mappings.refers import Refers, Tell

SOURCE = "references"
"""Where a value comes from that a record says of itself for what it refers to."""
_WHETHER = "what is said for {} of this record"
_OF_A_DIGEST = 12
_KEYS = "refers."
"""How the questions begin that are asked here."""


class Remark(msgspec.Struct, omit_defaults=True):
    """One thing that one record says to another."""

    id: str
    of: str
    """The record that says it."""
    flow: str
    author: str
    label: str
    at: float
    """The time of who says it, by which older and newer are told apart; in its system's clock, give or take `blur`."""
    blur: float
    by: str
    """Its object, see `Heard.by`."""
    values: dict[str, Any] = {}
    forward: bool = False
    comment: str = ""


def sourced(flow: str) -> str:
    """Where a value comes from that records of this flow said. No connection is called so."""
    return f"flow:{flow}"


def speak(unit: Unit) -> None:
    """All that follows for a record from what it refers to, if it was not said before."""
    for refers in unit.flow.refers:
        key = f"{_KEYS}{refers.field}"
        if not holds(unit, key, refers.when, _WHETHER):
            continue
        named = unit.state.named.get(refers.field, {})
        try:
            _answer(unit, refers, named)
            _tell(unit, refers, named)
        except MappingError as error:
            ask(unit, f"{key}.set", _WHETHER, Undecided(key, str(error), {error.field: error.value}))
        else:
            answered(unit, f"{key}.set")


def silent(unit: Unit) -> None:
    """Who has left says nothing any more, so nobody is asked what it would say."""
    for key in [each for each in unit.state.undecided if each.startswith(_KEYS)]:
        answered(unit, key)


def found_and_missing(refers: Refers, named: Mapping[str, list[str]]) -> tuple[list[str], list[str]]:
    """What people call what was found, and the names that lead nowhere."""
    own = {name: targets for name, targets in named.items() if "\n" not in name}
    passed = sorted({name.partition("\n")[2] for name in named if "\n" in name})
    found = passed if refers.through else sorted(name for name, targets in own.items() if targets)
    return found, sorted(name for name, targets in own.items() if not targets)


def _answer(unit: Unit, refers: Refers, named: Mapping[str, list[str]]) -> None:
    """Said when it changes and only then: a person may say otherwise."""
    if not (refers.found.values or refers.missing.values):
        return
    found, missing = found_and_missing(refers, named)
    values = refers.answer(unit.state.values(), found, missing)
    told = _digest(values)
    if unit.state.answered.get(refers.field) == told:
        return
    unit.state.answered[refers.field] = told
    for name, value in values.items():
        canon = unit.state.fields.get(name)
        if (canon.now.value if canon else None) != value:
            unit.decide(name, value, SOURCE, (unit.now, unit.now))
    unit.audit("answered", field=refers.field, found=found, missing=missing)
    mark_dirty(unit)


def _tell(unit: Unit, refers: Refers, named: Mapping[str, list[str]]) -> None:
    targets = sorted({target for each in named.values() for target in each})
    if not targets or not refers.tells:
        return
    record = unit.state.values()
    at = refers.at(record)
    for tell in refers.tells:
        if holds(unit, f"{_KEYS}{refers.field}.{tell.rule.name}", tell.rule.when, _WHETHER):
            values, comment = tell.says(record)
            for target in targets:
                _say(unit, target, tell, values, comment, unit.now if at is None else at)


def _say(unit: Unit, target: str, tell: Tell, values: dict[str, Any], comment: str, at: float) -> None:
    flow, _, record = target.partition(":")
    told = _digest([target, tell.rule.name, values, comment])
    if told in unit.state.said or record == unit.state.id or not (values or comment):
        return
    unit.state.said.append(told)
    connection = home(unit)
    member, object_id = unit.member(connection), unit.held(connection).id
    remark = Remark(
        id=f"{unit.state.id}.{told}",
        of=unit.state.id,
        flow=unit.flow.name,
        author=f"{unit.flow.type} {unit.called(connection) or object_id}",
        label=member.label or connection,
        at=at,
        blur=member.spec.granularity_s + member.skew_s,
        by=object_id.rjust(20, "0"),
        values=values,
        forward=tell.forward,
        comment=comment,
    )
    doc = msgspec.json.encode(remark).decode()
    unit.effects.remarks.append({"id": remark.id, "flow": flow, "record": record, "said_at": unit.now, "doc": doc})
    unit.audit("told", to=record, rule=tell.rule.name, values=values, comment=bool(comment))


def origin_of(remark: Remark) -> str:
    """Of the comment in it: the same remark is one comment."""
    return f"{remark.flow}:{remark.id}"


def hear(unit: Unit, remark: Remark) -> None:
    """What was said to this record takes effect, as far as nobody newer or with more right said otherwise."""
    unit.notice = remark.of
    if unit.state.tombstoned_at is not None:
        unit.audit("told_too_late", of=remark.of, why="the record has left")
        return
    for name, value in remark.values.items():
        why = _against(unit, remark, name, value)
        if why:
            unit.audit("not_followed", of=remark.of, field=name, value=value, why=why)
        else:
            when = (remark.at - remark.blur, remark.at + remark.blur)
            unit.decide(name, value, sourced(remark.flow), when)
            unit.audit("followed", of=remark.of, field=name, value=value)
    if remark.comment:
        item = PendingItem(origin_of(remark), "comment", remark.comment, remark.author, unit.now, label=remark.label)
        said(unit, item)
    mark_dirty(unit)


def _against(unit: Unit, remark: Remark, name: str, value: Any) -> str:
    """Why the field is not set; "" if it is."""
    heard = unit.state.heard.get(name)
    if heard is not None and (remark.at, remark.by) < (heard.at, heard.by):
        return "somebody newer spoke of it already"
    unit.state.heard[name] = Heard(remark.at, remark.by)
    canon = unit.state.fields.get(name)
    if canon is None or canon.now.value in (None, ""):
        return ""
    if canon.now.value == value:
        return "it is so already"
    if remark.forward and _goes_back(unit, name, canon.now.value, value):
        return f"it stands at {canon.now.value} and is only moved on"
    when = (remark.at - remark.blur, remark.at + remark.blur)
    rival = Rival(sourced(remark.flow), name, value, when)
    if canon.now.source in unit.flow.members and not wins(unit.flow.policy(name), rival, canon.now):
        unit.lost(rival.connection, name, value, f"{unit.flow.policy(name).merge}: {canon.now.source} won")
        return f"{canon.now.source} said otherwise"
    return ""


def _goes_back(unit: Unit, name: str, now: Any, then: Any) -> bool:
    order = unit.flow.ranks.get(name, ())
    return now in order and then in order and order.index(then) < order.index(now)


def _digest(what: Any) -> str:
    return hashlib.sha256(dumps(what).encode()).hexdigest()[:_OF_A_DIGEST]
