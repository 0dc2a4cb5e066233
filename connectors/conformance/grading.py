"""From trials to a grade. A grade is what was seen, never what a file or a connector says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from connectors.conformance.faults import Word
from connectors.conformance.writes import STALE, TWICE, Trial


class Grade(StrEnum):
    """What holds for an action whatever goes wrong, best first."""

    BY_KEY = "effectively once by key"
    BY_PRECONDITION = "effectively once by precondition"
    BY_MARKER = "effectively once by marker and probe"
    BY_TARGET_STATE = "effectively once by target state"
    BY_A_PERSON = "needs a person"
    REJECTED = "rejected"


ORDER = tuple(Grade)
APPENDS = frozenset({"create", "comment"})
"""Actions whose repetition makes something more; all others set a state."""


def grade(action: str, trials: Sequence[Trial]) -> Grade:
    """The grade of one action from all its trials."""
    if any(not each.ok for each in trials):
        return Grade.REJECTED
    by_name = {each.fault: each for each in trials}
    if recognises(by_name.get(TWICE)) and action in APPENDS:
        return Grade.BY_KEY
    if any(not each.settled for each in trials):
        return Grade.BY_A_PERSON
    stale = by_name.get(STALE)
    if stale is not None and stale.word == Word.CONFLICT:
        return Grade.BY_PRECONDITION
    return Grade.BY_MARKER if action in APPENDS else Grade.BY_TARGET_STATE


def recognises(twice: Trial | None) -> bool:
    """Whether a resend was answered as the first, and had no effect of its own."""
    return twice is not None and twice.effects == 1 and twice.word == f"{Word.APPLIED}, {Word.APPLIED}"


def rank(text: str) -> int:
    """0 is best; a text that is no grade of ours is worse than all."""
    return next((number for number, each in enumerate(ORDER) if each.value == text), len(ORDER))
