"""Schedules drawn by chance, judged by the promises: nothing lost, one effect, order, no lost update, in step, no echo.

`LOCKSTEP_SCHEDULES=40` draws that many per setting (default 4), `LOCKSTEP_SEED` says where they begin. A violation is
printed with its seed and with the shortest schedule that still shows it.
"""

from __future__ import annotations

import os
import sys

import pytest

from tests.promises.direct import DirectDatabase
from tests.promises.schedules import LENGTHS, explore, shrink
from tests.promises.settings import SETTINGS, UNDER_FIRE, Setting, named
from tests.promises.simulated import run
from tests.promises.story import Op
from tests.support.broken import without

SCHEDULES = int(os.environ.get("LOCKSTEP_SCHEDULES", "4"))
SEED = int(os.environ.get("LOCKSTEP_SEED", "0"))
NOTICED_WITHIN = 120
"""Schedules within which a gateway without the mechanism is found out."""

SEEN_THROUGH = {
    "REBASE": "counter_kept",
    "EXT": "lossy_kept",
    "CARRY": "counter_kept",
    "GAP": "counter_history",
    "HOLD": "counter_kept",
    "READ": "delta_kept",
    "TOMB": "leave",
    "PARKF": "counter_kept",
    "STEPS": "steps_kept",
    "ITEMS": "comments",
    "UNION3": "sets",
    "ECHO": "counter_kept",
    "FENCE": "workers",
    "ATTEMPT": "comments",
    "OUTCOMES": "comments",
}
"""Mechanism -> a setting in which its absence shows: the judge is no use if it never condemns."""


@pytest.mark.parametrize("setting", [*SETTINGS, *UNDER_FIRE], ids=lambda setting: setting.name)
def test_no_schedule_breaks_a_promise(setting: Setting, database: DirectDatabase) -> None:
    for number in range(SCHEDULES):
        seed, steps = SEED + number, LENGTHS[number % len(LENGTHS)]
        sys.stdout.write(f"{setting.name}: seed {seed}, {steps} steps\n")
        ops: list[Op] = []
        bad = run(explore(setting, seed, steps, database, ops))
        if bad:
            promise, what = bad[0]
            shortest = shrink(setting, ops, promise, database)
            pytest.fail(f"{setting.name}, seed {seed}: {promise}: {what}\n{shortest}")


@pytest.mark.parametrize("mechanism", SEEN_THROUGH)
def test_a_gateway_without_it_is_found_out(mechanism: str, database: DirectDatabase) -> None:
    setting = named(SEEN_THROUGH[mechanism])
    with without(mechanism):
        for seed in range(NOTICED_WITHIN):
            bad = run(explore(setting, seed, 40, database, []))
            if {promise for promise, _ in bad} - {"DEFECT"}:
                return
    pytest.fail(f"{NOTICED_WITHIN} schedules without {mechanism} and nothing noticed")
