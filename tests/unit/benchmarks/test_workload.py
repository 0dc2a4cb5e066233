"""The plan of changes: its mix, its order per record, its size, and that a seed decides it."""

from __future__ import annotations

from collections import Counter

import orjson

from benchmarks.fields import FIELDS, to_target
from benchmarks.workload import BODY_BYTES, UNSTAMPED, Planned, Workload


def _plan(records: int, changes: int, *, seed: int = 3, distance: int = 50) -> list[Planned]:
    workload = Workload(records, seed, distance)
    return [workload.next() for _ in range(changes)]


def test_seven_updates_to_three_creates_once_there_is_something_to_update() -> None:
    plan = _plan(2_000, 3_050)[50:]
    assert sum(change.is_create for change in plan) == 900


def test_the_mix_fits_the_records_exactly() -> None:
    workload = Workload(400, 3, 50)
    for _ in range(100):
        workload.next_create()
    for _ in range(workload.changes_left):
        workload.next()
    assert workload.creates_left == 0
    assert workload.planned == 100 + 1_000


def test_revisions_of_a_record_count_up_from_one() -> None:
    seen: Counter[int] = Counter()
    for change in _plan(100, 2_000):
        seen[change.record] += 1
        assert change.revision == seen[change.record]


def test_no_update_comes_closer_to_its_create_than_the_distance() -> None:
    created: dict[int, int] = {}
    for position, change in enumerate(_plan(500, 1_500, distance=80)):
        if change.is_create:
            created[change.record] = position
        else:
            assert position - created[change.record] >= 80


def test_updates_are_spread_over_the_records() -> None:
    updated = Counter(change.record for change in _plan(300, 8_000) if not change.is_create)
    assert len(updated) == 300
    assert max(updated.values()) < 8 * min(updated.values())


def test_a_seed_decides_everything_but_the_times() -> None:
    def told(seed: int) -> list[object]:
        return [orjson.loads(change.body)["ticket"]["fields"] for change in _plan(50, 200, seed=seed)]

    assert told(1) == told(1)
    assert told(1) != told(2)


def test_a_webhook_has_about_a_kilobyte_and_takes_its_stamp_without_growing() -> None:
    for change in _plan(50, 300):
        stamped = change.stamped(1_234_567_890)
        assert abs(len(stamped) - BODY_BYTES) < 128
        assert len(stamped) == len(change.body)
        assert orjson.loads(stamped)["ticket"]["fields"]["sent_us"] == "0000001234567890"


def test_every_update_changes_the_target_document() -> None:
    before: dict[int, object] = {}
    for change in _plan(20, 400):
        document = to_target(orjson.loads(change.body)["ticket"]["fields"])
        assert document != before.get(change.record)
        assert document["sent_us"] == UNSTAMPED
        before[change.record] = document


def test_twenty_five_fields() -> None:
    assert len(dict(FIELDS)) == 25
