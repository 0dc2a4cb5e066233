"""Cases and a lane port for tests."""

from __future__ import annotations

from typing import Any

from dead_letter.classify import Cause, class_of
from dead_letter.fingerprint import fingerprint
from dead_letter.values import Case, CaseState, NewCase

NOW = 1_763_712_000.0


def wish(record: str = "r1", cause: Cause = Cause.TARGET_REFUSED, **changes: Any) -> NewCase:
    """A wish for a case of a record at the connection `jira`."""
    cls = class_of(cause)
    values: dict[str, Any] = {
        "key": f"{cls}:{record}:jira",
        "cls": cls,
        "cause": cause,
        "title": f"jira refuses to write OPS-1 of {record}",
        "flow": "incidents",
        "record": record,
        "connection": "jira",
        "object": "issue",
        "object_id": "10001",
        "object_key": "OPS-1",
        "evidence": {"answer": {"status": 400, "body": "component is required"}},
        "fingerprint": fingerprint(cause, connection="jira"),
    }
    return NewCase(**{**values, **changes})


def case(cause: Cause = Cause.TARGET_REFUSED, **changes: Any) -> Case:
    """A case as it is read."""
    new = wish(cause=cause)
    values = {name: getattr(new, name) for name in NewCase.__struct_fields__}
    read = {
        "number": "FO-1",
        "state": CaseState.OPEN,
        "version": 1,
        "count": 1,
        "first_seen": NOW,
        "last_seen": NOW,
        "former": None,
        "closed_at": None,
        "ending": "",
        "closed_by": "",
        "reason": "",
    }
    return Case(**{**values, **read, **changes})


class Lanes:
    """A lane port that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    async def retry(self, case: Case) -> None:
        self.asked.append(("retry", case.number))

    async def discard(self, case: Case) -> None:
        self.asked.append(("discard", case.number))

    async def accept(self, case: Case) -> None:
        self.asked.append(("accept", case.number))

    async def look(self, case: Case) -> None:
        self.asked.append(("look", case.number))

    async def declare(self, case: Case, applied: bool) -> None:
        self.asked.append(("declare", case.number, applied))

    async def resolve(self, case: Case, winner: str) -> None:
        self.asked.append(("resolve", case.number, winner))

    async def enter(self, case: Case, value: Any) -> None:
        self.asked.append(("enter", case.number, value))

    async def correct(self, case: Case, field: str, old: Any, new: Any) -> None:
        self.asked.append(("correct", case.number, field, old, new))

    async def seen_to(self, case: Case) -> None:
        self.asked.append(("seen_to", case.number))
