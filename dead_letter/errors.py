"""Decisions that are refused. They are input from outside, so they share its branch of the error tree."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract.errors import InputError


class CaseNotFound(InputError):
    """No case has this number: 404."""

    status = 404

    def __init__(self, number: str) -> None:
        super().__init__(f"there is no case {number}; look at the list of cases", code="case.not_found")
        self.number = number


class DecisionRefused(InputError):
    """The domain does not allow this action now: 409. `reason` says why and what to do instead."""

    status = 409

    def __init__(self, number: str, action: str, reason: str, *, code: str = "action.forbidden") -> None:
        super().__init__(f"{number}: {action} is not possible. {reason}", code=code)
        self.number, self.action = number, action


class StaleDecision(InputError):
    """The case moved after the decider looked: 412. `moved` names each step in words, oldest first."""

    status = 412

    def __init__(self, number: str, *, expected: int, actual: int, moved: Sequence[str]) -> None:
        what = "; ".join(moved) or "it never had the version you name"
        super().__init__(
            f"{number} is at version {actual}, you decided on version {expected}: {what}. Look again, then decide",
            code="decision.stale",
        )
        self.number, self.expected, self.actual, self.moved = number, expected, actual, tuple(moved)
