"""Between rows and values: what is stored of a wish, what a row reads as, and what differs between two observations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson
from sqlalchemy import RowMapping

from dead_letter.business import Deadlines
from dead_letter.evidence import Redactor, personal_in, without
from dead_letter.parking import Until
from dead_letter.priority import Rank, rank
from dead_letter.scrub import clean
from dead_letter.tables import cases
from dead_letter.values import Case, CaseClass, CaseState, CaseSummary, NewCase, Reason, Step, format_number
from dead_letter.wording import headline

TELLING = ("cls", "cause", "title", "object", "object_id", "object_key", "field", "fingerprint")
"""What a decision may depend on, besides evidence and state."""

VENDOR = ("vendor_code", "vendor_text")
"""What the system itself said; a new word of it shows in the evidence too."""
_CONTENT = ("flow", "record", "connection", *TELLING, *VENDOR)
MOST_SAID = 2000

Row = Mapping[Any, Any]
"""A row by column names, of the database or about to be stored."""

SUMMARY = tuple(column for column in cases.c if column.name not in ("evidence", "reasons", *VENDOR))

_PLAIN = Deadlines()


class Observation(msgspec.Struct, frozen=True):
    """One key's wishes of a batch, folded: the last one's content, all of them counted."""

    key: str
    content: dict[str, str]
    evidence: dict[str, Any]
    times: int


def observe(new: Sequence[NewCase], redactor: Redactor) -> dict[str, Observation]:
    """Key -> observation, keys in order: whoever locks several cases locks them in the same order."""
    folded: dict[str, Observation] = {}
    for wish in new:
        before = folded.get(wish.key)
        content = {name: clean(str(getattr(wish, name))) for name in _CONTENT}
        evidence = redactor(wish.evidence)
        content["title"] = headline(without(redactor.scrub(content["title"]), personal_in(evidence)))
        content["vendor_text"] = redactor.scrub(content["vendor_text"])[:MOST_SAID]
        # A fingerprint is `credentials.dead connection=...`: rules that read names would take that for a secret.
        content["fingerprint"] = redactor.scrub.known(content["fingerprint"])
        times = before.times + 1 if before else 1
        folded[wish.key] = Observation(wish.key, content, evidence, times)
    return dict(sorted(folded.items()))


def opened_row(seen: Observation, former: int | None, group: str, now: float, *, back: bool) -> dict[str, Any]:
    """The row of a case that opens now, in this group; `back`: a person had closed what it is about."""
    row = {
        **seen.content,
        "key": seen.key,
        "evidence": dump(seen.evidence),
        "state": CaseState.CAME_BACK if back else CaseState.OPEN,
        "version": 1,
        "count": seen.times,
        "first_seen": now,
        "last_seen": now,
        "former": former,
        "closed_at": None,
        "ending": "",
        "closed_by": "",
        "reason": "",
        "owner": "",
        "work": 0,
        "group_key": group,
        "escalated": 0,
        "park": "",
        "pending": "",
        "number": 0,
        "due_at": 0.0,
        "warn_at": 0.0,
        "priority": 0,
        "level": "normal",
    }
    row |= ranked_row(rank(to_summary(row), now=now), now, _PLAIN)
    del row["number"]  # the database gives it
    return row


def ranked_row(found: Rank, first_seen: float, deadlines: Deadlines) -> dict[str, Any]:
    """What is stored of a rank, with the due time that follows from it."""
    due_at, warn_at = deadlines.of(found.level, first_seen)
    return {
        "priority": found.points,
        "level": found.level,
        "reasons": orjson.dumps([[reason.points, reason.text] for reason in found.reasons]).decode(),
        "due_at": due_at,
        "warn_at": warn_at,
    }


def resting_state(owner: str, former: object) -> CaseState:
    """The state of an open case for which nothing special is going on."""
    if owner:
        return CaseState.TAKEN
    return CaseState.OPEN if former is None else CaseState.CAME_BACK


def differences(row: RowMapping, seen: Observation) -> tuple[str, ...]:
    """Names of what the observation changes in an open case: evidence by first level, a failed retry as `state`."""
    changed = [name for name in TELLING if row[name] != seen.content[name]]
    text = dump(seen.evidence)
    if row["evidence"] != text:
        before, after = load(row["evidence"]), load(text)
        names = sorted(before.keys() | after.keys())
        changed += [f"evidence.{name}" for name in names if before.get(name) != after.get(name)]
    if row["state"] == CaseState.IN_RUN:
        changed.append("state")
    return tuple(changed)


def to_summary(row: Row) -> CaseSummary:
    """A row as a list shows it."""
    return CaseSummary(**_common(row))


def to_case(row: RowMapping) -> Case:
    """A row as its page shows it."""
    reasons = tuple(Reason(points, text) for points, text in orjson.loads(row["reasons"]))
    said = {name: row[name] for name in VENDOR}
    return Case(**_common(row), **said, evidence=load(row["evidence"]), reasons=reasons)


def to_step(row: RowMapping) -> Step:
    """A history row."""
    values = {name: row[name] for name in Step.__struct_fields__}
    return Step(**{**values, "state": CaseState(row["state"]), "changed": tuple(orjson.loads(row["changed"]))})


def step_row(number: int, step: Step) -> dict[str, Any]:
    """A step as a history row."""
    values = {name: getattr(step, name) for name in Step.__struct_fields__}
    return {**values, "number": number, "changed": orjson.dumps(step.changed).decode()}


def dump(value: dict[str, Any]) -> str:
    """JSON text, equal for equal values."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def load(text: str) -> dict[str, Any]:
    """The object in JSON text."""
    value: dict[str, Any] = orjson.loads(text)
    return value


def until_of_row(text: str) -> Until | None:
    """The end of a parking as it is stored."""
    return msgspec.json.decode(text, type=Until) if text else None


_DERIVED = frozenset({"group", "parked_until"})


def _common(row: Row) -> dict[str, Any]:
    values = {name: row[name] for name in CaseSummary.__struct_fields__ if name not in _DERIVED}
    former = row["former"]
    parked = until_of_row(row["park"])
    return {
        **values,
        "group": row["group_key"],
        "parked_until": parked.text if parked else "",
        "number": format_number(row["number"]),
        "cls": CaseClass(row["cls"]),
        "state": CaseState(row["state"]),
        "former": None if former is None else format_number(former),
    }
