"""Ids tell the order in which they were made."""

from __future__ import annotations

from gateway.core.ids import new_id


def test_they_sort_by_time() -> None:
    assert new_id("t", at=1_000.0) < new_id("t", at=1_000.001) < new_id("t", at=2_000.0)


def test_those_of_one_millisecond_sort_as_they_were_made() -> None:
    made = []
    for _ in range(1_000):
        made.append(new_id("t", at=5_000.0))
        new_id("other")
    assert made == sorted(set(made))


def test_a_clock_that_goes_back_gives_no_id_twice() -> None:
    assert len({new_id("t", at=at) for at in (9_000.0, 8_000.0, 9_000.0, 8_000.0)}) == 4
