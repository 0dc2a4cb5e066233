"""Between rows and values: what is stored of a wish, what a row reads as, and what differs between two observations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import orjson
from sqlalchemy import RowMapping

from dead_letter.evidence import Redactor
from dead_letter.scrub import clean
from dead_letter.tables import cases
from dead_letter.values import Case, CaseClass, CaseState, CaseSummary, NewCase, Step, format_number
from dead_letter.wording import headline

TELLING = ("cls", "cause", "title", "object", "object_id", "object_key", "field", "fingerprint")
"""What a decision may depend on, besides evidence and state."""

_CONTENT = ("flow", "record", "connection", *TELLING)

SUMMARY = tuple(column for column in cases.c if column.name != "evidence")


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
        content["title"] = headline(redactor.scrub(content["title"]))
        # A fingerprint is `credentials.dead connection=...`: rules that read names would take that for a secret.
        content["fingerprint"] = redactor.scrub.known(content["fingerprint"])
        times = before.times + 1 if before else 1
        folded[wish.key] = Observation(wish.key, content, redactor(wish.evidence), times)
    return dict(sorted(folded.items()))


def opened_row(seen: Observation, former: int | None, now: float) -> dict[str, Any]:
    """The row of a case that opens now."""
    return {
        **seen.content,
        "key": seen.key,
        "evidence": dump(seen.evidence),
        "state": CaseState.OPEN if former is None else CaseState.CAME_BACK,
        "version": 1,
        "count": seen.times,
        "first_seen": now,
        "last_seen": now,
        "former": former,
        "closed_at": None,
        "ending": "",
        "closed_by": "",
        "reason": "",
    }


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


def to_summary(row: RowMapping) -> CaseSummary:
    """A row as a list shows it."""
    return CaseSummary(**_common(row))


def to_case(row: RowMapping) -> Case:
    """A row as its page shows it."""
    return Case(**_common(row), evidence=load(row["evidence"]))


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


def _common(row: RowMapping) -> dict[str, Any]:
    values = {name: row[name] for name in CaseSummary.__struct_fields__}
    former = row["former"]
    return {
        **values,
        "number": format_number(row["number"]),
        "cls": CaseClass(row["cls"]),
        "state": CaseState(row["state"]),
        "former": None if former is None else format_number(former),
    }
