"""Turns rounds into one JSON object and one table. Medians over rounds; the ratio is taken within each round first."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Table

from benchmarks.loop import loop_name
from benchmarks.processes import Cores
from benchmarks.rounds import Outcome, Round, Settings

Pick = Callable[[Outcome], float]

ROWS: tuple[tuple[str, str, Pick], ...] = (
    ("throughput, changes/s", "{:.0f}", lambda o: o.measured.throughput_per_s),
    ("CPU per change, us", "{:.0f}", lambda o: o.measured.cpu_us_per_change),
    ("requests to the target per change", "{:.2f}", lambda o: o.measured.requests_per_change),
    ("offered at half load, changes/s", "{:.0f}", lambda o: o.measured.offered_per_s),
    ("acknowledgement p50, ms", "{:.1f}", lambda o: o.measured.ack_ms.p50),
    ("acknowledgement p99, ms", "{:.1f}", lambda o: o.measured.ack_ms.p99),
    ("change to target p50, ms", "{:.1f}", lambda o: o.measured.change_to_target_ms.p50),
    ("change to target p99, ms", "{:.1f}", lambda o: o.measured.change_to_target_ms.p99),
    ("start to ready, s", "{:.2f}", lambda o: o.start_s),
    ("idle, % of a core", "{:.1f}", lambda o: o.idle_cpu_percent),
    ("memory after the run, MB", "{:.0f}", lambda o: o.measured.rss_mb),
    ("changes coalesced", "{:.0f}", lambda o: o.measured.verdict.coalesced),
    ("lost", "{:.0f}", lambda o: o.measured.verdict.lost),
    ("duplicates", "{:.0f}", lambda o: o.measured.verdict.duplicates),
    ("order violations", "{:.0f}", lambda o: o.measured.verdict.order_violations),
)


def as_json(rounds: Sequence[Round], settings: Settings, cores: Cores) -> dict[str, Any]:
    """The result of a run: figures of the gateway, of the floor, and their ratio; every round is kept."""
    gateway, floor = [r.gateway for r in rounds], [r.floor for r in rounds]
    return {
        "throughput_per_s": _median(gateway, lambda o: o.measured.throughput_per_s),
        "floor_per_s": _median(floor, lambda o: o.measured.throughput_per_s),
        "ratio_to_floor": statistics.median(throughput_ratio(r) for r in rounds),
        "cpu_ratio_to_floor": statistics.median(cpu_ratio(r) for r in rounds),
        "ack_p50_ms": _median(gateway, lambda o: o.measured.ack_ms.p50),
        "ack_p99_ms": _median(gateway, lambda o: o.measured.ack_ms.p99),
        "change_to_target_p50_ms": _median(gateway, lambda o: o.measured.change_to_target_ms.p50),
        "change_to_target_p99_ms": _median(gateway, lambda o: o.measured.change_to_target_ms.p99),
        "floor_ack_p99_ms": _median(floor, lambda o: o.measured.ack_ms.p99),
        "floor_change_to_target_p99_ms": _median(floor, lambda o: o.measured.change_to_target_ms.p99),
        "start_s": _median(gateway, lambda o: o.start_s),
        "idle_cpu_percent": _median(gateway, lambda o: o.idle_cpu_percent),
        "rss_mb": _median(gateway, lambda o: o.measured.rss_mb),
        "verified": holds(rounds),
        "machine": machine(cores),
        "settings": msgspec.to_builtins(settings),
        "rounds": msgspec.to_builtins(list(rounds)),
    }


def holds(rounds: Sequence[Round]) -> bool:
    """Whether every round of both subjects lost nothing, doubled nothing and kept order."""
    return all(outcome.measured.verdict.holds for r in rounds for outcome in (r.floor, r.gateway))


def throughput_ratio(played: Round) -> float:
    """The gateway's throughput as a share of the floor's in the same round."""
    return played.gateway.measured.throughput_per_s / played.floor.measured.throughput_per_s


def cpu_ratio(played: Round) -> float:
    """The floor's CPU time per change as a share of the gateway's: hardly moved by what else the machine does."""
    return played.floor.measured.cpu_us_per_change / played.gateway.measured.cpu_us_per_change


def as_table(rounds: Sequence[Round], settings: Settings) -> Table:
    """The same for a person."""
    table = Table(title=f"{settings.subject} and floor, median of {len(rounds)} round(s)")
    table.add_column("")
    table.add_column("floor", justify="right")
    table.add_column(settings.subject, justify="right")
    for name, shape, pick in ROWS:
        cells = [shape.format(_median(side, pick)) for side in ([r.floor for r in rounds], [r.gateway for r in rounds])]
        table.add_row(name, *cells)
    table.add_row("ratio to the floor, throughput", "", f"{statistics.median(map(throughput_ratio, rounds)):.2f}")
    table.add_row("ratio to the floor, CPU per change", "", f"{statistics.median(map(cpu_ratio, rounds)):.2f}")
    return table


def machine(cores: Cores) -> dict[str, Any]:
    """Facts a reader needs before comparing two results."""
    names = ("aiohttp", "uvloop", "sqlalchemy", "aiosqlite", "httpx", "httpx-aiohttp", "faust-streaming")
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "subject_on_its_own_core": cores.are_apart,
        "load_average": list(os.getloadavg()),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "loop": loop_name(),
        "packages": {name: _version(name) for name in names},
    }


def _median(side: Sequence[Outcome], pick: Pick) -> float:
    return statistics.median(pick(outcome) for outcome in side)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _cpu_model() -> str:
    try:
        facts = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in facts if line.startswith("model name")), "")
