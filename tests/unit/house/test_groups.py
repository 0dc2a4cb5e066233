"""What stays together in one worker of the tests is there to stay together."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.groups import TOGETHER, group_of

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("place", TOGETHER)
def test_each_place_has_tests(place: str) -> None:
    at = ROOT / place
    assert any(at.glob("**/test_*.py")) if place.endswith("/") else at.is_file(), f"{place} was moved: name it anew"


def test_only_those_stay_together() -> None:
    assert group_of("tests/browser/test_live.py::test_a") == group_of("tests/browser/test_views.py::test_b[x]")
    assert group_of("tests/unit/a.py::test_a") != group_of("tests/unit/a.py::test_b")
