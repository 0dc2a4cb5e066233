"""Settings in words: every right has some, and spans are told in the largest unit that fits."""

from __future__ import annotations

import pytest

from gateway.access.rights import Right
from gateway.console.standing import RIGHTS, span


def test_every_right_has_words() -> None:
    assert set(RIGHTS) == set(Right)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "never"),
        (90.0, "90 s"),
        (120.0, "2 minutes"),
        (3600.0, "1 hour"),
        (57_600.0, "16 hours"),
        (604_800.0, "7 days"),
    ],
)
def test_spans_are_told_in_the_largest_unit_that_fits(seconds: float | None, told: str) -> None:
    assert span(seconds) == told
