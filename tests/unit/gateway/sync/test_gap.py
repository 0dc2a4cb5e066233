"""Which entries of a history a read had not seen, where their times cannot tell."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract.values import HistoryEntry, ObjectSpec, VersionKind
from gateway.sync.flow import Member
from gateway.sync.gap import unseen
from tests.support.gateway import mapping_of


def member(granularity_s: float) -> Member:
    spec = ObjectSpec(name="thing", version_kind=VersionKind.TIMESTAMP, granularity_s=granularity_s, history=True)
    return Member("here", "thing", mapping_of("plain"), spec, settles_s=10.0)


def entry(number: int, before: str, after: str, *, at: float = 60.0, by_us: bool = False, name: str = "x") -> Any:
    return HistoryEntry(
        id=str(number), at=at, actor="us" if by_us else "ann", by_us=by_us, before={name: before}, after={name: after}
    )


def found(entries: list[Any], *, pre: dict[str, Any], told: tuple[str, ...] = (), tick_s: float = 60.0) -> list[str]:
    return [each.id for each in unseen(entries, member(tick_s), None, 60.0, told, pre)]


OURS = entry(9, "27", "17", by_us=True)


@pytest.mark.parametrize(
    ("entries", "pre", "newer"),
    [
        ([entry(1, "0", "27"), OURS], {"x": "0"}, ["1", "9"]),
        ([entry(1, "0", "27"), OURS], {"x": "27"}, ["9"]),
        ([entry(1, "0", "5"), entry(2, "5", "27"), OURS], {"x": "5"}, ["2", "9"]),
        ([entry(1, "0", "5"), entry(2, "5", "0"), OURS], {"x": "0"}, ["9"]),  # back again: no net edit (W6)
        ([entry(1, "0", "27"), OURS], {"x": "spelled differently"}, []),  # nothing fits: the times alone decide
        ([entry(1, "0", "27"), entry(2, "q", "r", name="y"), OURS], {"x": "27", "y": "q"}, ["2", "9"]),
        ([entry(1, "0", "27", at=59.0), OURS], {"x": "27"}, ["9"]),  # older than the read
        ([entry(1, "0", "27"), OURS, entry(10, "17", "0")], {"x": "0"}, ["1", "9", "10"]),  # no read sees past ours
    ],
)
def test_the_read_showed_one_of_the_states_in_its_tick(
    entries: list[Any], pre: dict[str, Any], newer: list[str]
) -> None:
    assert found(entries, pre=pre) == newer


def test_what_was_looked_through_is_not_found_again() -> None:
    """The value came back, but to what our own write before it had made of it."""
    entries = [entry(1, "0", "27"), entry(2, "27", "17", by_us=True), entry(3, "17", "18", by_us=True)]
    assert found(entries, pre={"x": "17"}, told=("1", "2")) == ["3"]
    assert found(entries[:2], pre={"x": "0"}, told=("1", "2")) == []


def test_a_time_within_the_tick_of_a_coarser_one_proves_nothing() -> None:
    """The object's time is of the second, its history's of the millisecond."""
    entries = [entry(1, "0", "27", at=60.4), entry(2, "27", "17", at=60.9, by_us=True)]
    assert found(entries, pre={"x": "27"}, tick_s=1.0) == ["2"]
    assert found(entries, pre={"x": "0"}, tick_s=1.0) == ["1", "2"]


def test_versions_need_no_times() -> None:
    entries = [
        HistoryEntry(id=str(v), at=60.0, actor="ann", by_us=False, before={}, after={}, version=v) for v in (4, 5)
    ]
    assert unseen(entries, member(60.0), 4, 60.0, (), {}) == entries[1:]
