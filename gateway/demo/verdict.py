"""What the judge says."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What was broken."""

    OUT_OF_STEP = "out_of_step"
    DUPLICATE = "duplicate"
    LOST_EDIT = "lost_edit"
    ORDER = "order"
    INVENTED = "invented"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise: where, what, and why the judge thinks so."""

    kind: Kind
    object: str
    field: str
    value: Any
    why: str


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
            "violations": [asdict(violation) for violation in self.violations],
        }
