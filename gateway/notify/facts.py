"""What is told, and the event it is told in: CloudEvents 1.0, structured, a few hundred bytes.

Nothing of it is a value: causes and classes are our own words, systems, flows and fields are the configuration's, the
rest are counts, times and numbers of cases. Titles, keys of objects, evidence, and names of people stay inside: a
receiver who wants them opens the link, where rights and masking apply.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec
import orjson

from dead_letter.values import CaseClass

LARGEST = 20_000
"""Bytes of a body, by Standard Webhooks 1.0.0."""
MOST_NAMED = 20
"""Systems that are named; of more, the first."""


class Kind(StrEnum):
    """What happened. The first eight are what rules choose from (`config.notifications.EVENTS`)."""

    OPENED = "opened"
    GROWING = "growing"
    CAME_BACK = "came_back"
    SLA_NEAR = "sla_near"
    SLA_MISSED = "sla_missed"
    ESCALATED = "escalated"
    RUN_FINISHED = "run_finished"
    RECOVERED = "recovered"
    CHANNEL_FAILED = "channel_failed"
    CHANNEL_RECOVERED = "channel_recovered"
    TEST = "test"


TYPE: Mapping[Kind, str] = {
    Kind.RUN_FINISHED: "dev.lockstep.run.finished.v1",
    Kind.CHANNEL_FAILED: "dev.lockstep.channel.failed.v1",
    Kind.CHANNEL_RECOVERED: "dev.lockstep.channel.recovered.v1",
    Kind.TEST: "dev.lockstep.channel.test.v1",
} | {kind: f"dev.lockstep.case.{kind}.v1" for kind in [*list(Kind)[:6], Kind.RECOVERED]}

URGENT = frozenset({Kind.SLA_MISSED, Kind.ESCALATED, Kind.CHANNEL_FAILED, Kind.TEST})
"""Told in quiet hours, too; so is everything of the level `critical`."""

_WORDS: Mapping[CaseClass, str] = {
    CaseClass.MAPPING: "the mapping does not know a value or a move",
    CaseClass.REFUSED: "a system refused a write",
    CaseClass.CONFLICT: "two people want different values",
    CaseClass.UNKNOWN_OUTCOME: "nobody knows whether a write took effect",
    CaseClass.OVERWRITE: "an edit may have been written over",
    CaseClass.DUPLICATE: "two objects stand for one record",
    CaseClass.DELETED: "an object is gone and other systems still have it",
    CaseClass.CREDENTIALS: "a connection can no longer sign in",
    CaseClass.SCHEMA: "a system changed its fields and a mapping breaks by it",
    CaseClass.POISON: "a change that our own code could not process",
    CaseClass.FEED: "a receiver of security events lacks some",
    CaseClass.DEPARTURE: "somebody leaves and a part of it needs people",
}


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a thread when it is told. Fields that do not apply are left out of the event."""

    text: str
    """One plain sentence."""
    path: str
    """Of the page to open, below the address that people open."""
    level: str = "normal"
    """critical, high, normal or low."""
    connections: tuple[str, ...] = ()
    open: int = 0
    """Cases that are open."""
    case: str = ""
    """Number of the oldest."""
    cls: str = ""
    cause: str = ""
    flow: str = ""
    field: str = ""
    groups: int = 0
    """Of a flood: how many groups this one event tells of; it names no case."""
    first_seen: float = 0.0
    due_at: float = 0.0
    """The nearest."""
    run: str = ""
    state: str = ""
    counts: Mapping[str, int] = {}
    """Items of the run by outcome."""
    channel: str = ""
    why: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to tell, with the state of its thread at that time: a later one replaces what an earlier said."""

    id: str
    subject: str
    sequence: int
    kind: Kind
    at: float
    facts: Facts


def body_of(event: Event, base: str) -> str:
    """The text that is signed. `sequence` sorts as text, as the CloudEvents extension wants it."""
    told: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": base,
        "type": TYPE[event.kind],
        "time": _time(event.at),
        "subject": event.subject,
        "sequence": f"{event.sequence:010d}",
        "datacontenttype": "application/json",
        "data": _data(event.facts, base),
    }
    return orjson.dumps(told).decode()


def _data(facts: Facts, base: str) -> dict[str, Any]:
    told = {
        "text": facts.text,
        "link": base + facts.path,
        "level": facts.level,
        "connections": list(facts.connections[:MOST_NAMED]),
        "open": facts.open if facts.case or facts.groups else None,
        "groups": facts.groups or None,
        "case": facts.case,
        "class": facts.cls,
        "cause": facts.cause,
        "flow": facts.flow,
        "field": facts.field,
        "first_seen": _time(facts.first_seen) if facts.first_seen else None,
        "due": _time(facts.due_at) if facts.due_at else None,
        "run": facts.run,
        "state": facts.state,
        "counts": dict(facts.counts) or None,
        "channel": facts.channel,
        "why": facts.why,
    }
    return {name: value for name, value in told.items() if value not in (None, "", [])}


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_FLOOD: Mapping[Kind, str] = {
    Kind.OPENED: "new",
    Kind.GROWING: "growing",
    Kind.CAME_BACK: "came back",
    Kind.SLA_NEAR: "due soon",
    Kind.SLA_MISSED: "overdue",
    Kind.ESCALATED: "escalated",
    Kind.RECOVERED: "recovered",
}


def flood(kind: Kind, facts: Facts) -> str:
    """What happened to many groups at once, for a line in a chat."""
    where = f" at {', '.join(facts.connections[:3])}" if facts.connections else ""
    groups = "1 more group" if facts.groups == 1 else f"{facts.groups} more groups"
    if kind is Kind.RECOVERED and not facts.groups:
        return "Recovered: of the groups that were told together no case is open"
    cases = f" with {facts.open} cases" if facts.open else ""
    return f"{groups} of cases {_FLOOD[kind]}{cases}{where}: too many to tell one by one"


def sentence(kind: Kind, facts: Facts) -> str:
    """What happened to a group of cases, for a line in a chat."""
    what = _WORDS.get(CaseClass(facts.cls), "") if facts.cls else ""
    where = f" at {', '.join(facts.connections[:3])}" if facts.connections else ""
    many = "1 case" if facts.open == 1 else f"{facts.open} cases"
    about = f"{what}{where} ({facts.cause})"
    match kind:
        case Kind.GROWING:
            return f"Growing: {many} now; {about}"
        case Kind.CAME_BACK:
            return f"Came back, {many}: {about}"
        case Kind.SLA_NEAR:
            return f"Due soon, {many}: {about}"
        case Kind.SLA_MISSED:
            return f"Overdue, {many}: {about}"
        case Kind.ESCALATED:
            return f"Escalated, {many}: {about}"
        case Kind.RECOVERED:
            return f"Recovered, no case is open: {about}"
    return f"{many}: {about}"
