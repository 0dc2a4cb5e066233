"""The verdict must fail for each thing that can go wrong; a verdict that always holds would prove nothing."""

from __future__ import annotations

from typing import Any

from benchmarks.verify import expected_documents, verify
from benchmarks.workload import Workload


def _finished(records: int = 12, changes: int = 60) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    workload = Workload(records, 5, 4)
    for _ in range(changes):
        change = workload.next()
        workload.stamps[change.record] = workload.planned
    expected = expected_documents(workload)
    dump = [
        {"id": f"t{index}", "fields": dict(document), "trail": list(range(1, document["revision"] + 1))}
        for index, document in enumerate(expected.values())
    ]
    return expected, dump


def test_a_target_that_shows_everything_in_order_holds() -> None:
    expected, dump = _finished()
    verdict = verify(expected, dump)
    assert verdict.holds
    assert (verdict.records, verdict.coalesced, verdict.examples) == (12, 0, ())
    assert max(len(stored["trail"]) for stored in dump) > 2, "updates must be among what was verified"


def test_a_missing_record_is_lost() -> None:
    expected, dump = _finished()
    verdict = verify(expected, dump[1:])
    assert (verdict.lost, verdict.holds) == (1, False)
    assert "missing at the target" in verdict.examples[0]


def test_a_record_without_its_last_change_is_lost() -> None:
    expected, dump = _finished()
    dump[0]["fields"]["title"] = "as it was before"
    verdict = verify(expected, dump)
    assert (verdict.lost, verdict.holds) == (1, False)
    assert "title" in verdict.examples[0]


def test_the_last_stamp_is_part_of_the_last_value() -> None:
    expected, dump = _finished()
    dump[0]["fields"]["sent_us"] = "0"
    assert verify(expected, dump).lost == 1


def test_a_second_object_of_a_record_is_a_duplicate() -> None:
    expected, dump = _finished()
    verdict = verify(expected, [*dump, dump[0] | {"id": "t99"}])
    assert (verdict.duplicates, verdict.holds) == (1, False)


def test_an_object_the_source_never_had_is_a_duplicate() -> None:
    expected, dump = _finished()
    stranger = {"id": "t99", "fields": {"reference": "TKT9999999"}, "trail": [1]}
    assert verify(expected, [*dump, stranger]).duplicates == 1


def test_an_update_that_changed_nothing_is_a_duplicate() -> None:
    expected, dump = _finished()
    assert verify(expected, dump, idle_updates=1).duplicates == 1


def test_a_revision_twice_or_out_of_order_violates_order() -> None:
    for trail in ([1, 2, 2], [1, 3, 2], [2, 1]):
        expected, dump = _finished()
        dump[0]["trail"] = trail
        verdict = verify(expected, dump)
        assert (verdict.order_violations, verdict.holds) == (1, False)


def test_a_skipped_revision_is_coalesced_and_does_no_harm() -> None:
    expected, dump = _finished()
    updated = next(stored for stored in dump if stored["fields"]["revision"] > 2)
    updated["trail"].remove(1)
    verdict = verify(expected, dump)
    assert (verdict.coalesced, verdict.holds) == (1, True)
