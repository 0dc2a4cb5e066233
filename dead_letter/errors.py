"""Decisions that are refused. They are input from outside, so they share its branch of the error tree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connectors.contract.errors import InputError


class CaseNotFound(InputError):
    """No case has this number: 404."""

    status = 404

    def __init__(self, number: str) -> None:
        super().__init__(f"there is no case {number}, or you may not see it", code="case.not_found")
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


class CorrectionMoved(InputError):
    """The value to correct is another by now: 412."""

    status = 412

    def __init__(self, number: str, field: str) -> None:
        what = f"{field} holds another value by now. Look again, then correct that"
        super().__init__(f"{number}: {what}", code="correction.stale")
        self.number, self.field, self.moved = number, field, (f"{field} changed",)


class BadCursor(InputError):
    """A page of another order, or of no order at all: 400."""

    def __init__(self, cursor: str, sort: str) -> None:
        super().__init__(f"{cursor} is no place in a list sorted by {sort}; begin at its first page", code="cursor.bad")


class NoSuchGrouping(InputError):
    """Cases are not grouped by this: 400."""

    def __init__(self, by: str, known: Iterable[str]) -> None:
        super().__init__(f"cases are not grouped by {by}; try {', '.join(known)}", code="grouping.unknown")


class ApprovalNotFound(InputError):
    """No request for approval has this id: 404."""

    status = 404

    def __init__(self, id: str) -> None:
        super().__init__(f"there is no request {id}, or you may not see it", code="approval.not_found")
        self.id = id
