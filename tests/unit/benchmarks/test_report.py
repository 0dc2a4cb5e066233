"""The shape of the result, and that ratios are taken within a round before they are put together."""

from __future__ import annotations

import io

import msgspec
import orjson
import pytest
from rich.console import Console

from benchmarks.__main__ import parse
from benchmarks.load import Measured, Percentiles, percentiles
from benchmarks.processes import Cores
from benchmarks.report import as_json, as_table, holds
from benchmarks.rounds import Outcome, Round, Settings
from benchmarks.verify import Verdict

GOOD = Verdict(records=1, lost=0, duplicates=0, order_violations=0, coalesced=0)


def _outcome(per_s: float, cpu_us: float, verdict: Verdict = GOOD) -> Outcome:
    times = Percentiles(1.0, 2.0, 3.0)
    measured = Measured(
        throughput_per_s=per_s,
        changes=10,
        requests_per_change=1.0,
        cpu_us_per_change=cpu_us,
        rss_mb=50.0,
        offered_per_s=per_s / 2,
        ack_ms=times,
        change_to_target_ms=times,
        precondition_failures=0,
        reads=0,
        webhook_retries=0,
        verdict=verdict,
    )
    return Outcome(measured=measured, start_s=0.5, idle_cpu_percent=0.1)


def _rounds() -> list[Round]:
    pairs = ((1000.0, 500.0), (2000.0, 1500.0), (4000.0, 1000.0))
    return [Round(floor=_outcome(floor, 100.0), gateway=_outcome(gateway, 200.0)) for floor, gateway in pairs]


def test_the_json_object_has_what_others_read() -> None:
    result = orjson.loads(orjson.dumps(as_json(_rounds(), Settings(), Cores(1, 0))))
    wanted = {"throughput_per_s", "floor_per_s", "ratio_to_floor", "ack_p99_ms", "change_to_target_p99_ms"}
    assert wanted | {"machine", "settings", "rounds", "verified", "cpu_ratio_to_floor"} <= result.keys()
    assert result["machine"]["subject_on_its_own_core"] is True
    assert len(result["rounds"]) == 3


def test_ratios_are_medians_of_the_rounds() -> None:
    result = as_json(_rounds(), Settings(), Cores(1, 0))
    assert result["ratio_to_floor"] == 0.5
    assert result["throughput_per_s"] == 1000.0
    assert result["cpu_ratio_to_floor"] == 0.5


def test_one_violation_in_any_round_and_the_run_does_not_hold() -> None:
    assert holds(_rounds())
    bad = msgspec.structs.replace(GOOD, lost=1)
    for broken in (
        Round(floor=_outcome(1, 1, bad), gateway=_outcome(1, 1)),
        Round(floor=_outcome(1, 1), gateway=_outcome(1, 1, bad)),
    ):
        assert not holds([*_rounds(), broken])
        assert as_json([broken], Settings(), Cores(None, None))["verified"] is False


def test_the_table_shows_both_sides_and_the_ratio() -> None:
    sink = io.StringIO()
    Console(file=sink, width=120).print(as_table(_rounds(), Settings()))
    assert "throughput, changes/s" in sink.getvalue()
    assert "0.50" in sink.getvalue()


def test_percentiles_by_nearest_rank() -> None:
    assert percentiles([1000 * n for n in range(1, 101)]) == Percentiles(50.0, 99.0, 100.0)
    assert percentiles([7000]) == Percentiles(7.0, 7.0, 7.0)
    assert percentiles([]) == Percentiles(0.0, 0.0, 0.0)


def test_flags() -> None:
    settings, wants_json = parse(["--quick", "--json", "--records", "99", "--read-before-write", "always"])
    assert wants_json
    assert (settings.records, settings.read_before_write) == (99, "always")
    assert settings.seconds < Settings().seconds
    assert parse(["--profile"])[0].rounds == 1
    with pytest.raises(SystemExit):
        parse(["--nonsense"])
