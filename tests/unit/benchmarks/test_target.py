"""The stand-in: what counts as an effect, and the conditions under which there is none."""

from __future__ import annotations

import pytest

from benchmarks.target.state import Space, monotonic_us


@pytest.fixture
def space() -> Space:
    return Space()


def test_a_create_under_a_taken_marker_has_no_effect(space: Space) -> None:
    assert space.create("m1", {"revision": 1}, unless_marked=True) is not None
    assert space.create("m1", {"revision": 1}, unless_marked=True) is None
    assert space.progress()["objects"] == 1
    assert space.progress()["mismatches"] == 1


def test_an_unconditional_twin_is_counted(space: Space) -> None:
    for _ in range(2):
        space.create("m1", {"revision": 1}, unless_marked=False)
    assert space.progress()["twin_creates"] == 1
    assert len(space.find("m1")) == 2


def test_a_stale_etag_has_no_effect(space: Space) -> None:
    stored = space.create("m1", {"revision": 1, "title": "a"}, unless_marked=True)
    assert stored is not None
    first = stored.etag
    assert space.update(stored, {"revision": 2, "title": "b"}, if_match=first)
    assert not space.update(stored, {"revision": 3, "title": "c"}, if_match=first)
    assert stored.document["title"] == "b"
    assert (stored.version, stored.trail) == (2, [1, 2])


def test_an_update_leaves_fields_alone_that_it_does_not_name(space: Space) -> None:
    stored = space.create("m1", {"title": "a", "body": "b"}, unless_marked=True)
    assert stored is not None
    space.update(stored, {"title": "c"}, if_match=None)
    assert stored.document == {"title": "c", "body": "b"}


def test_covered_counts_changes_shown_whatever_was_merged_or_came_late(space: Space) -> None:
    stored = space.create("m1", {"revision": 3}, unless_marked=True)
    assert stored is not None
    assert space.covered == 3
    space.update(stored, {"revision": 5}, if_match=None)
    space.update(stored, {"revision": 4}, if_match=None)
    assert space.covered == 5
    assert stored.trail == [3, 5, 4]


def test_an_update_that_changes_nothing_is_counted(space: Space) -> None:
    stored = space.create("m1", {"revision": 1, "title": "a"}, unless_marked=True)
    assert stored is not None
    space.update(stored, {"revision": 1, "title": "a"}, if_match=None)
    space.update(stored, {"revision": 2, "title": "a"}, if_match=None)
    assert space.progress()["idle_updates"] == 1


def test_latency_is_measured_from_the_stamp(space: Space) -> None:
    due = monotonic_us() - 5_000_000
    space.create("m1", {"sent_us": f"{due:016d}"}, unless_marked=True)
    assert space.latencies_us[0] >= 5_000_000
