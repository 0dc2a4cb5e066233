"""Who gets how much of a window, and of the places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract.limits import Purpose
from gateway.budget.sharing import granted, places
from gateway.config.budget import SHARES

LIVE, REPLAY, BACKFILL, LEAVER = Purpose.LIVE, Purpose.REPLAY, Purpose.BACKFILL, Purpose.LEAVER


@pytest.mark.parametrize(
    ("used", "asking", "purpose", "wanted", "got"),
    [
        ({}, {LIVE}, LIVE, 1000, 97),  # a tenth of the others' shares is kept for them
        ({}, {LIVE, REPLAY, BACKFILL}, LIVE, 1000, 70),
        ({LIVE: 70}, {LIVE, REPLAY, BACKFILL}, LIVE, 1, 0),
        ({LIVE: 70}, {LIVE}, REPLAY, 1000, 29),
        ({LIVE: 97}, {LIVE, REPLAY}, REPLAY, 1000, 3),  # lent to live before: it gets what is there
        ({REPLAY: 20, BACKFILL: 10}, {LIVE, REPLAY, BACKFILL}, LIVE, 1000, 70),
        ({LIVE: 97}, {LIVE}, LEAVER, 10, 3),
        ({LIVE: 100}, {LIVE}, LEAVER, 10, 0),
    ],
)
def test_a_share_is_its_owners_and_what_nobody_asks_for_is_lent(
    used: dict[Purpose, int], asking: set[Purpose], purpose: Purpose, wanted: int, got: int
) -> None:
    assert granted(100, used, SHARES, asking, purpose, wanted) == got


def test_a_window_too_small_to_be_divided_is_first_come_first_served() -> None:
    assert [granted(1, {}, SHARES, set(SHARES), purpose, 1) for purpose in SHARES] == [1, 1, 1]


@given(
    st.integers(0, 50),
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 60), min_size=1),
    st.data(),
)
def test_places_are_never_given_twice(most: int, wanted: dict[str, int], data: st.DataObject) -> None:
    held: dict[str, int] = {}
    for _ in range(8):
        worker = data.draw(st.sampled_from(sorted(wanted)))
        held[worker] = places(most, wanted, held, worker)
        assert sum(held.values()) <= most


def test_whoever_wants_little_gets_it_and_the_rest_is_divided_evenly() -> None:
    wanted = {"a": 1, "b": 50, "c": 50}
    held: dict[str, int] = {}
    for _ in range(2):
        for worker in wanted:
            held[worker] = places(9, wanted, held, worker)
    assert held == {"a": 1, "b": 4, "c": 4}
