"""What goes wrong, and when: a list of events made from a seed alone, so that a run can be read and had again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from gateway.demo.plan import moments
from gateway.demo.stand_ins import JIRA, SNOW

HOUR_S = 3600.0
OTHERS_EVERY_S = 2.5
"""One event that is no kill, on average."""
REQUEST_FAULTS = (
    "timeout_before",
    "timeout_after",
    "drop_before",
    "drop_after",
    "late_commit",
    "status",
    "truncated",
    "non_json",
    "bad_credentials",
    "down",
    "slow",
)
HOOK_FAULTS = ("hook_duplicate", "hook_delay", "hook_reorder", "hook_lose", "hook_late_secondary")
WORKER_EVENTS = ("stop", "freeze", "clock", "join")
SERVER_EVENTS = (
    "broker_stop",
    "broker_kill",
    "database_crash",
    "database_cut",
    "database_read_only",
    "database_refuses",
)


@dataclass(frozen=True, slots=True)
class Event:
    """One trouble. `worker` counts from 0; `for_s`: how long it lasts; `ahead_s`: of the worker's clock afterwards."""

    at_s: float
    kind: str
    worker: int = 0
    for_s: float = 0.0
    ahead_s: float = 0.0
    connection: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For the file beside a run's logs."""
        return asdict(self)

    def __str__(self) -> str:
        what = [self.kind]
        if self.kind in ("kill", "stop", "freeze", "clock"):
            what.append(f"worker {self.worker}")
        if self.connection:
            what.append(f"{self.connection} {self.options}")
        if self.for_s:
            what.append(f"for {self.for_s:.1f} s")
        if self.ahead_s:
            what.append(f"with a clock {self.ahead_s:+.0f} s")
        return " ".join(what)


def schedule(seed: int, *, kills: int, seconds: float, workers: int) -> list[Event]:
    """All events of a run, by time. Every kind comes once before any comes twice."""
    chance = Random(seed)
    found = [_kill(at, workers, chance) for at in moments(kills, 0.02 * seconds, 0.98 * seconds, chance)]
    others = _deck(workers, chance)
    count = max(1, round(seconds / OTHERS_EVERY_S))
    found += [next(others)(at) for at in moments(count, 0.02 * seconds, 0.95 * seconds, chance)]
    return sorted(found, key=lambda event: event.at_s)


def _deck(workers: int, chance: Random) -> Iterator[Callable[[float], Event]]:
    while True:
        kinds = [*REQUEST_FAULTS, *HOOK_FAULTS, *WORKER_EVENTS, *SERVER_EVENTS]
        chance.shuffle(kinds)
        for kind in kinds:
            yield lambda at, kind=kind: _other(kind, at, workers, chance)  # type: ignore[misc]


def _kill(at: float, workers: int, chance: Random) -> Event:
    return Event(at, "kill", chance.randrange(workers), chance.uniform(0.1, 3.0), ahead_s=_ahead(chance))


def _ahead(chance: Random) -> float:
    return chance.choice([0.0, 0.0, 0.0, 0.0, HOUR_S, -HOUR_S])


def _other(kind: str, at: float, workers: int, chance: Random) -> Event:
    worker = chance.randrange(workers)
    if kind in REQUEST_FAULTS or kind in HOOK_FAULTS:
        return _fault(kind, at, chance)
    if kind == "freeze":  # longer than the session with the broker and than any lease
        return Event(at, kind, worker, chance.uniform(13.0, 16.0))
    if kind == "clock":
        return Event(at, kind, worker, 0.2, ahead_s=chance.choice([HOUR_S, -HOUR_S]))
    if kind == "join":
        return Event(at, kind, for_s=chance.uniform(8.0, 20.0), ahead_s=_ahead(chance))
    if kind == "stop":
        return Event(at, kind, worker, chance.uniform(0.1, 5.0), ahead_s=_ahead(chance))
    return Event(at, kind, for_s=chance.uniform(0.5, 4.0))


def _fault(kind: str, at: float, chance: Random) -> Event:
    """People are spared, so that there is something to lose; a system that is down is down for them too."""
    seconds = chance.uniform(1.5, 4.0)
    options: dict[str, Any] = {"kind": kind, "seconds": seconds}
    if kind in REQUEST_FAULTS and kind != "down":
        options |= {"match": {"actor": "gateway"}, "chance": 1.0 if kind == "bad_credentials" else 0.5}
    if kind in HOOK_FAULTS:
        options["chance"] = 0.6
    if kind == "status":
        options["status"] = chance.choice([429, 500, 502, 503, 504])
        options["retry_after_s"] = chance.choice([None, 1.0, 2.0])
        options["commit"] = options["status"] in (500, 502, 504) and chance.random() < 0.5
    if kind == "late_commit":
        options["delay_s"] = chance.uniform(0.2, 0.8)
    if kind == "slow":
        options["delay_s"] = chance.uniform(0.3, 1.5)
    if kind in ("hook_delay", "hook_reorder"):
        options["delay_s"] = chance.uniform(0.2, 3.0)
    return Event(at, kind, connection=chance.choice([JIRA, SNOW]), options=options, for_s=seconds)
