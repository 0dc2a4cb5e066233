"""How urgent a case is, in points that say where they come from. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dead_letter.classify import Cause
from dead_letter.values import CaseClass, CaseState, CaseSummary, Reason

MOST = 100
LEVELS = ("critical", "high", "normal", "low")
_FROM = (("critical", 60), ("high", 40), ("normal", 20))

_CLASS: Mapping[CaseClass, Reason] = {
    CaseClass.CREDENTIALS: Reason(40, "a whole connection stands still"),
    CaseClass.FEED: Reason(40, "security does not see what happens"),
    CaseClass.DEPARTURE: Reason(40, "somebody who leaves may still have access"),
    CaseClass.UNKNOWN_OUTCOME: Reason(35, "nobody knows whether a write took effect"),
    CaseClass.DELETED: Reason(30, "an object is gone and the other systems still have it"),
    CaseClass.SCHEMA: Reason(30, "a mapping breaks before its records do"),
    CaseClass.POISON: Reason(25, "a defect of ours"),
    CaseClass.REFUSED: Reason(20, "a system refused a write"),
    CaseClass.DUPLICATE: Reason(20, "two objects stand for one record"),
    CaseClass.MAPPING: Reason(15, "the mapping lacks something"),
    CaseClass.CONFLICT: Reason(15, "two people want different values"),
    CaseClass.OVERWRITE: Reason(10, "an edit may have been written over"),
}


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway knows besides the case itself."""

    group: int = 1
    """Open cases of its group."""
    waiting: int = 0
    """Changes of the same record that wait behind it."""
    own: str = ""
    """The record's own priority, where its flow has one that counts as urgent."""


class Rank(msgspec.Struct, frozen=True, kw_only=True):
    """0 to 100 points, their parts, and the level that the due time follows."""

    points: int
    level: str
    reasons: tuple[Reason, ...]


NOTHING_KNOWN = Known()


def rank(case: CaseSummary, known: Known = NOTHING_KNOWN, *, now: float) -> Rank:
    """The level leaves the age out: otherwise what waits long would have been due before it was urgent."""
    lasting = [_CLASS[case.cls], *_of_case(case), *_of_known(known)]
    aged = _of_age(now - case.first_seen)
    if case.due_at and case.due_at <= now:
        aged.append(Reason(10, "it is overdue"))
    reasons = tuple(sorted([*lasting, *aged], key=lambda reason: -reason.points))
    weight = sum(reason.points for reason in lasting)
    level = next((name for name, least in _FROM if weight >= least), "low")
    return Rank(points=min(MOST, sum(reason.points for reason in reasons)), level=level, reasons=reasons)


def _of_case(case: CaseSummary) -> list[Reason]:
    found = []
    if case.cause == Cause.CLOSE_REFUSED:
        found.append(Reason(50, "somebody has left and still has access"))
    if case.cause in (Cause.LEAVER_PAST_DUE, Cause.LEAVER_DRIFT):
        found.append(Reason(25, "access is there that should be gone by now"))
    if case.former is not None or case.state is CaseState.CAME_BACK:
        found.append(Reason(5, "it was closed before and came back"))
    if case.count >= 10:
        found.append(Reason(10 if case.count >= 100 else 5, f"it happened {case.count} times"))
    if case.escalated:
        found.append(Reason(min(30, 15 * case.escalated), "it was escalated"))
    return found


def _of_known(known: Known) -> list[Reason]:
    found = []
    # No number: the group may be larger than what the reader of the case may see.
    size, least = next((each for each in ((20, 100), (10, 10), (5, 3)) if known.group >= each[1]), (0, 0))
    if size:
        found.append(Reason(size, f"{least} or more cases have this cause"))
    if known.waiting:
        changes = "1 later change of its record waits" if known.waiting == 1 else f"{known.waiting} later changes wait"
        found.append(Reason(15, f"{changes} behind it"))
    if known.own:
        found.append(Reason(20, f"the record itself is urgent ({known.own})"))
    return found


def _of_age(seconds: float) -> list[Reason]:
    for hours, points in ((72, 15), (24, 10), (4, 5)):
        if seconds >= hours * 3600:
            return [Reason(points, f"it waits longer than {hours} hours")]
    return []
