"""Does the chaos notice? The gateway with one mechanism taken out, and how many schedules it takes to see it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from tests.chaos.work import Player, schedule
from tests.support.broken import WITHOUT, without

MOST = 200
"""Schedules within which a gateway without the mechanism must be found out."""
BEYOND = {
    "CURSOR LAST": "no poller runs in a schedule; tests/promises/test_p1_nothing_lost.py",
    "ONE CLOCK": "the store of a schedule has no clock to go by, as PostgreSQL has; tests/integration/test_fencing.py",
    "LOOP GUARD": "no rule of a system answers in a schedule; tests/scenarios/test_flapping.py",
    "PATIENCE": "no rule of a system answers in a schedule; tests/scenarios/test_flapping.py",
    "TURNS": "the judge accepts that values are passed over; tests/promises/test_p3_order.py",
}
"""Mechanisms that a schedule has no use for, and where their absence is noticed instead."""
WHERE = {
    "ATTEMPT": "comments",
    "HOLD": "counter_kept",
    "REBASE": "counter_kept",
    "GAP": "counter_history",
    "EXT": "lossy_kept",
    "CARRY": "mix_kept",
    "READ": "delta_kept",
    "IDENT": "create",
    "TOMB": "leave",
    "PARKF": "counter_kept",
    "PREREAD": "counter_kept",
    "GHOST": "overtaken",
    "NOPROBE": "noprobe",
    "NOT LATE": "fire_rivals",
    "STEPS": "steps_kept",
    "ITEMS": "comments",
    "UNION3": "sets",
    "FENCE": "rivals",
    "OWN LANE": "fire_refusing",
}
"""Settings in which the mechanism has something to do, where that is not in all of them; others are tried in all that
are under fire.
"""
MEANT = {
    "ACKNOWLEDGE LAST": "P1",
    "DURABLE ANSWER": "P1",
    "ATTEMPT": "P2",
    "IDENT": "P2",
    "FENCE": "P3",
    "OWN LANE": "P3",
    "REBASE": "P4",
    "GAP": "P4",
    "EXT": "P5",
    "ECHO": "P6",
    "RECEIPTS": "P7",
    "TOMB": "P8",
    "BREAKER": "P10",
    "FREE OUTAGE": "P10",
    "LEASES": "STUCK",
}
"""At least one mechanism per class of violation, with the class as which its absence must be seen; for others any will
do.
"""
MECHANISMS = tuple(name for name in WITHOUT if name not in BEYOND)


@dataclass(frozen=True)
class Found:
    """How a broken gateway was found out; `promise` is empty where it was not."""

    mechanism: str
    promise: str
    what: str
    schedules: int
    setting: str


def find(seed: int, most: int, mechanism: str, *, first: int = 0) -> Found:
    """Plays until a promise is broken, from schedule `first` on. A mere exception of ours does not count."""
    player = Player()
    try:
        with without(mechanism):
            for number in range(first, most):
                one = schedule(seed, number, WHERE.get(mechanism, "fire_"))
                _, bad = player.play(one)
                broken = [each for each in bad if each[0] not in ("DEFECT", "CRASH") and _is_meant(mechanism, each[0])]
                if broken:
                    return Found(mechanism, *broken[0], number + 1, one.setting.name)
    finally:
        player.close()
    return Found(mechanism, "", "", most, "")


def _is_meant(mechanism: str, promise: str) -> bool:
    return MEANT.get(mechanism, promise) == promise


def find_all(seed: int, mechanisms: Sequence[str], jobs: int, most: int = MOST) -> Iterator[Found]:
    """In the order given."""
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(partial(find, seed, most), mechanisms)


def meaning(mechanism: str) -> str:
    """What the broken gateway does instead."""
    return (WITHOUT[mechanism].__doc__ or "").split(": ", 1)[-1].split("\n")[0].rstrip(".")
