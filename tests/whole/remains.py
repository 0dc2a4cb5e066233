"""What the database must not hold after a run that went quiet: work left over, attempts burnt, cases for being down."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from gateway.storage.database import Database

_LEFT = """
SELECT connection, record, state, owner, wait_reason FROM lane
WHERE state <> 'parked' AND (work OR owner <> '' OR state <> 'idle')
"""
_WAITING = "SELECT connection, object_id, state FROM notice WHERE state <> 'done'"
_OPEN = "SELECT connection, record, id FROM attempt WHERE outcome = 'open'"
_CASES = "SELECT number, cause, connection, object_key, title, closed_at FROM cases"
BURNT = frozenset({"tries.exhausted", "lane.defect", "notice.poison", "change.unfit", "target.moving"})
"""Causes that no trouble of a run may bring about: a system was down, or our own code failed."""
PASSING = frozenset({"credentials.dead", "outcome.unknown"})
"""They may be told of while they last, and must have closed by themselves."""


@dataclass(slots=True)
class Remains:
    """Violations, each a sentence, and how often each cause opened a case."""

    problems: list[str] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)


async def remains(database: Database) -> Remains:
    """Looks through the database."""
    found = Remains()
    async with database.read() as tx:
        for query, what in ((_LEFT, "left in its lane"), (_WAITING, "a notice waits"), (_OPEN, "an attempt is open")):
            rows = (await tx.execute(text(query))).mappings().all()
            found.problems += [f"{what}: {dict(row)}" for row in rows]
        cases = (await tx.execute(text(_CASES))).mappings().all()
    for case in cases:
        _judge(dict(case), found)
    return found


def _judge(case: dict[str, Any], found: Remains) -> None:
    found.causes[case["cause"]] += 1
    if case["cause"] in BURNT:
        found.problems.append(f"a case for {case['cause']}: {case['title']}")
    if case["cause"] in PASSING and case["closed_at"] is None:
        found.problems.append(f"still open after everything was well: {case['title']}")
