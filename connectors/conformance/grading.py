"""From trials to a grade. A grade is what was seen, never what a file or a connector says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from connectors.conformance.faults import Word
from connectors.conformance.writes import STALE, TWICE, Trial, recognised


class Grade(StrEnum):
    """What holds for an action whatever goes wrong, best first."""

    BY_KEY = "effectively once by key"
    BY_PRECONDITION = "effectively once by precondition"
    BY_MARKER = "effectively once by marker and probe"
    BY_TARGET_STATE = "effectively once by target state"
    BY_A_PERSON = "needs a person"
    REJECTED = "rejected"


ORDER = tuple(Grade)
_APPENDS = frozenset({"create", "comment"})
"""Actions whose repetition makes something more; all others set a state."""


def grade(action: str, trials: Sequence[Trial], *, keyed: bool) -> Grade:
    """The grade of one action from all its trials. `keyed`: the connector declares a key, so the gateway resends."""
    if any(not each.ok for each in trials):
        return Grade.REJECTED
    by_name = {each.fault: each for each in trials}
    if keyed and action == "create" and TWICE in by_name and recognised(by_name[TWICE]):
        return Grade.BY_KEY
    if any(not each.settled for each in trials):
        return Grade.BY_A_PERSON
    stale = by_name.get(STALE)
    if stale is not None and stale.word == Word.CONFLICT:
        return Grade.BY_PRECONDITION
    return Grade.BY_MARKER if action in _APPENDS else Grade.BY_TARGET_STATE


def rank(text: str) -> int:
    """0 is best; a text that is no grade of ours is worse than all."""
    return next((number for number, each in enumerate(ORDER) if each.value == text), len(ORDER))
