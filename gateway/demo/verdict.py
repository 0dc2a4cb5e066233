"""What the judge says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from gateway.demo.evidence import Entry


class Kind(StrEnum):
    """What was broken."""

    OUT_OF_STEP = "out_of_step"
    DUPLICATE = "duplicate"
    LOST_EDIT = "lost_edit"
    ORDER = "order"
    INVENTED = "invented"
    LEFT_BEHIND = "left_behind"
    """Access of somebody who left is there, still or again."""
    TAKEN = "taken"
    """A colleague lacks what was theirs, or what they were to take over."""
    LATE = "late"
    UNPROVED = "unproved"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise: where, what, and why the judge thinks so."""

    kind: Kind
    object: str
    field: str
    value: Any
    why: str


@dataclass(frozen=True, slots=True)
class Sums:
    """What happened in one system."""

    edits: int
    """By people."""
    writes: int
    """By the gateway."""

    @classmethod
    def of(cls, log: Sequence[Entry]) -> Sums:
        """Of its whole log."""
        by_people = sum(entry.by_human for entry in log)
        return cls(by_people, len(log) - by_people)


@dataclass(slots=True)
class Verdict:
    """Counts and violations. `records` counts things a person made, `in_step` those that agree or are openly held."""

    changes: int = 0
    commands: int = 0
    records: int = 0
    in_step: int = 0
    held: int = 0
    ledgered: int = 0
    net_zero: int = 0
    """Edits that people took back before anybody looked."""
    cases: int = 0
    tasks: int = 0
    """Tasks that were made of somebody's start or leaving."""
    violations: list[Violation] = field(default_factory=list)

    def count(self, kind: Kind) -> int:
        """How often this was broken."""
        return sum(1 for violation in self.violations if violation.kind is kind)

    @property
    def ok(self) -> bool:
        """Nothing was broken."""
        return not self.violations

    def as_json(self) -> dict[str, Any]:
        """The summary, for one JSON object."""
        return {
            "changes": self.changes,
            "commands": self.commands,
            "records": self.records,
            "in_step": self.in_step,
            "held": self.held,
            "duplicates": self.count(Kind.DUPLICATE),
            "lost_edits": self.count(Kind.LOST_EDIT),
            "order_violations": self.count(Kind.ORDER),
            "invented": self.count(Kind.INVENTED),
            "ledgered": self.ledgered,
            "net_zero": self.net_zero,
            "cases": self.cases,
            "tasks": self.tasks,
            "violations": [asdict(violation) for violation in self.violations],
        }
