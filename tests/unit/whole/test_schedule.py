"""A run can be had again from its seed, and every kind of trouble comes."""

from __future__ import annotations

from collections import Counter

from tests.whole.schedule import HOOK_FAULTS, OTHERS_EVERY_S, REQUEST_FAULTS, SERVER_EVENTS, WORKER_EVENTS, schedule

KINDS = (*REQUEST_FAULTS, *HOOK_FAULTS, *WORKER_EVENTS, *SERVER_EVENTS)


def test_a_seed_is_a_schedule() -> None:
    assert schedule(7, kills=5, seconds=60, workers=3) == schedule(7, kills=5, seconds=60, workers=3)
    assert schedule(7, kills=5, seconds=60, workers=3) != schedule(8, kills=5, seconds=60, workers=3)


def test_every_kind_comes_before_any_comes_twice() -> None:
    events = schedule(3, kills=9, seconds=OTHERS_EVERY_S * len(KINDS), workers=3)
    counts = Counter(event.kind for event in events)
    assert counts.pop("kill") == 9
    assert counts == dict.fromkeys(KINDS, 1)
    assert [event.at_s for event in events] == sorted(event.at_s for event in events)


def test_a_frozen_worker_is_away_longer_than_its_session_and_its_leases() -> None:
    freezes = [event for event in schedule(1, kills=0, seconds=600, workers=3) if event.kind == "freeze"]
    assert freezes
    assert all(event.for_s > 10.0 for event in freezes)
