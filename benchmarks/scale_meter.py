"""Processor time of the workers, of PostgreSQL and of the broker, as the kernel counts it.

What a process uses while nothing arrives is measured in a quiet period and taken off afterwards, in proportion to time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
import psutil

from benchmarks.scale_crew import Hand
from scripts.real_parts import Servers

WORKERS, DATABASE, BROKER = "workers", "postgresql", "broker"
PARTS = (WORKERS, DATABASE, BROKER)


class Reading(msgspec.Struct, frozen=True):
    """Seconds of processor time used so far, by part, at a moment of the monotonic clock."""

    at: float
    used: dict[str, float]


class Rates(msgspec.Struct, frozen=True):
    """Seconds of processor time per second, by part."""

    per_s: dict[str, float]

    @classmethod
    def between(cls, before: Reading, after: Reading) -> Rates:
        """Over the time between two readings."""
        seconds = after.at - before.at
        return cls({part: (after.used[part] - before.used[part]) / seconds for part in PARTS})


class Spent(msgspec.Struct, frozen=True):
    """What a stretch of work cost: microseconds per change, by part."""

    total: dict[str, float]
    """With what the processes use anyway."""
    net: dict[str, float]
    """Without it."""

    @classmethod
    def on(cls, changes: int, before: Reading, after: Reading, idle: Rates) -> Spent:
        """So many changes."""
        seconds = after.at - before.at
        used = {part: after.used[part] - before.used[part] for part in PARTS}
        net = {part: used[part] - idle.per_s[part] * seconds for part in PARTS}
        return cls(*({part: each[part] / changes * 1e6 for part in PARTS} for each in (used, net)))


def read(hands: Iterable[Hand], servers: Servers) -> Reading:
    """Now. The workers must be the same ones at both ends of a stretch."""
    return Reading(
        at=time.monotonic(),
        used={
            WORKERS: sum(_own(psutil.Process(hand.pid)) for hand in hands),
            DATABASE: _family(psutil.Process(_postmaster(servers.cluster.home))),
            BROKER: _own(psutil.Process(_broker(servers.broker.home))),
        },
    )


def memory_mb(hands: Iterable[Hand]) -> list[float]:
    """Of each worker, resident."""
    return [round(psutil.Process(hand.pid).memory_info().rss / 1e6, 1) for hand in hands]


def _own(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _family(process: psutil.Process) -> float:
    """With its children, those that live and those that ended."""
    times = process.cpu_times()
    total = float(times.user + times.system + times.children_user + times.children_system)
    for child in process.children():
        try:
            total += _own(child)
        except psutil.NoSuchProcess:
            continue
    return total


def _postmaster(home: Path) -> int:
    return int((home / "data" / "postmaster.pid").read_text().split("\n", 1)[0])


def _broker(home: Path) -> int:
    return int(json.loads((home / "broker.json").read_text())["pid"])
