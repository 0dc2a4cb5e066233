"""Nothing at or above the lowest unfinished offset may be committed, whatever the order of finishing."""

from __future__ import annotations

from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from gateway.streams.ledger import Ledger

TP0, TP1 = TP("changes", 0), TP("changes", 1)


def reading(start: int, *offsets: int) -> Ledger:
    ledger = Ledger()
    ledger.begin(TP0, start)
    for offset in offsets:
        ledger.fetched(TP0, offset)
    return ledger


@given(st.permutations(list(range(10, 20))))
def test_the_commit_never_passes_an_unfinished_offset(order: list[int]) -> None:
    ledger, finished = reading(10, *range(10, 20)), set[int]()
    for offset in order:
        ledger.finished(TP0, offset)
        finished.add(offset)
        lowest = min(set(range(10, 21)) - finished)
        assert ledger.committable().get(TP0, 10) == lowest


def test_a_later_one_alone_commits_nothing() -> None:
    """Upstream issue 606: stock Faust commits 13 here."""
    ledger = reading(10, 10, 11, 12)
    ledger.finished(TP0, 11)
    ledger.finished(TP0, 12)
    assert ledger.committable() == {}


def test_only_what_is_confirmed_is_not_offered_again() -> None:
    ledger = reading(10, 10, 11)
    ledger.finished(TP0, 10)
    assert ledger.committable() == {TP0: 11}
    assert ledger.committable() == {TP0: 11}
    ledger.confirm({TP0: 11})
    assert ledger.committable() == {}


def test_a_gap_is_told_once_and_passed_when_what_is_behind_it_is_finished() -> None:
    ledger = reading(10, 10)
    assert ledger.fetched(TP0, 14) == 11
    assert ledger.fetched(TP0, 15) is None
    ledger.finished(TP0, 14)
    assert ledger.committable() == {}
    ledger.finished(TP0, 10)
    assert ledger.committable() == {TP0: 15}


def test_going_back_starts_the_books_again() -> None:
    ledger = reading(10, 10, 11, 12)
    ledger.finished(TP0, 11)
    ledger.begin(TP0, 10)
    assert ledger.fetched(TP0, 10) is None
    ledger.finished(TP0, 10)
    assert ledger.committable() == {TP0: 11}


def test_a_repeated_offset_is_not_waited_for_twice() -> None:
    ledger = reading(10, 10, 11)
    ledger.finished(TP0, 10)
    assert ledger.fetched(TP0, 10) is None
    ledger.finished(TP0, 11)
    assert ledger.committable() == {TP0: 12}


def test_partitions_that_were_given_up_are_ignored() -> None:
    ledger = reading(10, 10)
    ledger.forget([TP0])
    ledger.finished(TP0, 10)
    assert ledger.fetched(TP0, 11) is None
    ledger.finished(TP1, 3)
    assert ledger.committable() == {}
    assert ledger.positions() == {}
