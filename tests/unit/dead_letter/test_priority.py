"""The score is the sum of the reasons it names."""

from __future__ import annotations

import pytest

from dead_letter.classify import Cause
from dead_letter.priority import LEVELS, MOST, Known, rank
from dead_letter.values import CaseClass, CaseState
from tests.support.cases import NOW, case


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_a_score_with_a_reason(cause: Cause) -> None:
    found = rank(case(cause), now=NOW)
    assert found.reasons and found.points == sum(reason.points for reason in found.reasons) <= MOST
    assert found.level in LEVELS and all(reason.text for reason in found.reasons)


def test_a_leaver_with_access_is_critical_at_once() -> None:
    assert rank(case(Cause.CLOSE_REFUSED), now=NOW).level == "critical"


@pytest.mark.parametrize(
    ("known", "text"),
    [
        (Known(group=118), "100 or more cases have this cause"),
        (Known(waiting=1), "1 later change of its record waits behind it"),
        (Known(waiting=3), "3 later changes wait behind it"),
        (Known(own="priority critical"), "the record itself is urgent (priority critical)"),
    ],
)
def test_what_the_gateway_knows_counts(known: Known, text: str) -> None:
    plain, found = rank(case(), now=NOW), rank(case(), known, now=NOW)
    assert found.points > plain.points
    assert text in [reason.text for reason in found.reasons]


def test_age_moves_the_score_and_never_the_level() -> None:
    for known in (Known(), Known(group=10)):  # with the second, points for its age would lift the level
        young, old = rank(case(), known, now=NOW), rank(case(), known, now=NOW + 100 * 3600)
        assert old.points > young.points and old.level == young.level == "normal"


def test_what_came_back_or_was_escalated_or_repeats_is_more_urgent() -> None:
    plain = rank(case(), now=NOW).points
    for changes in ({"former": "FO-1"}, {"state": CaseState.CAME_BACK}, {"escalated": 1}, {"count": 10}):
        assert rank(case(**changes), now=NOW).points > plain
    assert rank(case(due_at=NOW - 1), now=NOW).points > plain


def test_the_score_ends_at_its_most() -> None:
    worst = rank(
        case(Cause.CLOSE_REFUSED, count=500, escalated=9, former="FO-1"), Known(group=999, waiting=9, own="x"), now=NOW
    )
    assert worst.points == MOST


def test_every_class_has_points() -> None:
    assert {rank(case(cls=cls), now=NOW).points > 0 for cls in CaseClass} == {True}
