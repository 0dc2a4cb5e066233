"""Turns the rounds of `make scale` into one JSON object and tables for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks import scale_fit as fit
from benchmarks.processes import Cores
from benchmarks.report import machine
from benchmarks.scale_fit import Pick, Point, Round, Spread
from benchmarks.scale_meter import BROKER, DATABASE, WORKERS
from benchmarks.scale_run import Outcome

FULL: Point = (1, 0.0)
ROWS: tuple[tuple[str, str, Pick], ...] = (
    ("CPU per change of the workers, us", "{:.0f}", fit.of_workers),
    ("CPU per change of PostgreSQL, us", "{:.0f}", fit.of_database),
    ("CPU per change of the broker, us", "{:.0f}", fit.of_broker),
    ("idle: workers, % of a core", "{:.2f}", lambda s: 100 * s.idle.per_s[WORKERS]),
    ("idle: PostgreSQL, % of a core", "{:.2f}", lambda s: 100 * s.idle.per_s[DATABASE]),
    ("idle: broker, % of a core", "{:.2f}", lambda s: 100 * s.idle.per_s[BROKER]),
    ("changes per second", "{:.1f}", lambda s: s.changes / s.seconds),
    ("commits per change", "{:.2f}", lambda s: s.asked.commits),
    ("statements per change", "{:.1f}", lambda s: s.asked.statements),
    ("write-ahead log, KB per change", "{:.1f}", lambda s: s.asked.wal_bytes / 1000),
    ("idle: statements per second", "{:.1f}", lambda s: s.asked.idle_statements_per_s),
    ("requests to the target per change", "{:.3f}", lambda s: s.asked.requests),
    ("change to target p50, ms", "{:.0f}", lambda s: s.to_target_ms.p50),
    ("change to target p99, ms", "{:.0f}", lambda s: s.to_target_ms.p99),
    ("connections to the database", "{:.0f}", lambda s: s.connections),
    ("memory of a worker, MB", "{:.0f}", lambda s: max(s.memory_mb)),
)


def points(rate: float) -> tuple[Point, ...]:
    """What is compared: the same rate over all workers, and the same rate per worker; and one worker that is full."""
    return ((1, rate / 2), (1, rate), (2, rate), (4, rate), (1, 2 * rate), (4, 2 * rate), FULL)


def ratios(rounds: Sequence[Round], rate: float) -> dict[str, dict[str, Spread]]:
    """What more workers cost, by what was kept the same."""
    pairs = {
        f"2 for 1 worker, {rate:g}/s in all": ((2, rate), (1, rate)),
        f"4 for 1 worker, {rate:g}/s in all": ((4, rate), (1, rate)),
        f"4 for 1 worker, {2 * rate:g}/s in all": ((4, 2 * rate), (1, 2 * rate)),
        f"2 for 1 worker, {rate / 2:g}/s each": ((2, rate), (1, rate / 2)),
        f"4 for 1 worker, {rate / 2:g}/s each": ((4, 2 * rate), (1, rate / 2)),
    }
    picks = {"workers": fit.of_workers, "postgresql": fit.of_database, "all": fit.of_all}
    return {
        name: {part: fit.ratio(rounds, point, base, pick) for part, pick in picks.items()}
        for name, (point, base) in pairs.items()
    }


def verdict(runs: Sequence[Outcome]) -> dict[str, Any]:
    """Over all runs: what was sent, and what went wrong."""
    return {
        "runs": len(runs),
        "changes": sum(each.changes for each in runs),
        "sent_again": sum(each.resent + each.repeated for each in runs),
        "lost": sum(each.verdict.lost for each in runs),
        "duplicates": sum(each.verdict.duplicates for each in runs),
        "order_violations": sum(each.verdict.order_violations for each in runs),
        "coalesced": sum(each.verdict.coalesced for each in runs),
        "cases": sum(each.cases for each in runs),
        "defects": sum(each.defects for each in runs),
        "holds": all(each.holds for each in runs),
    }


def as_json(rounds: Sequence[Round], rate: float, seconds: float) -> dict[str, Any]:
    """Medians and spreads, ratios within rounds, the model; every run is kept, its statements left out."""
    runs = [each for played in rounds for each in played]
    found = fit.median_bytes(rounds, (1, rate))
    line = fit.Line.through([(s.asked.commits, fit.of_workers(s)) for each in runs if (s := each.steady)])
    largest = [each for each in runs if (each.order.workers, each.order.rate) == (4, 2 * rate)]
    figures = {
        f"{workers} x {per_s:g}/s": {name: fit.spread_at(rounds, (workers, per_s), pick) for name, _, pick in ROWS}
        for workers, per_s in points(rate)
    }
    result = {
        "figures": figures,
        "ratios": ratios(rounds, rate),
        "bytes": found | {"(all tables)": fit.in_tables(found)},
        "foretold_size": Spread.over(fit.foretold(fit.in_tables(found), each) for each in largest),
        "cpu_us_by_commits_per_change": line,
        "moves": [each.steps for each in runs if each.steps],
        "verdict": verdict(runs),
        "machine": machine(Cores(None, None)),
        "settings": {"rate": rate, "seconds": seconds, "rounds": len(rounds)},
        "runs": [_brief(each) for each in runs],
    }
    return dict(msgspec.to_builtins(result))


def _brief(run: Outcome) -> dict[str, Any]:
    kept = dict(msgspec.to_builtins(run))
    if kept["steady"]:
        for mark in ("fresh", "created", "held"):
            kept["steady"][mark].pop("statements")
    return kept


def tell(console: Console, rounds: Sequence[Round], rate: float) -> None:
    """The same for a person."""
    runs = [each for played in rounds for each in played]
    console.print(_costs(rounds, rate))
    console.print(_ratios(rounds, rate))
    console.print(_bytes(rounds, rate))
    console.print(_moves(runs))
    said = ", ".join(f"{name} {count}" for name, count in verdict(runs).items())
    console.print(said)


def _costs(rounds: Sequence[Round], rate: float) -> Table:
    table = Table(title=f"median of {len(rounds)} round(s); in brackets least and most")
    table.add_column("")
    for workers, per_s in points(rate):
        table.add_column(f"{workers} worker{'s' * (workers > 1)}, {f'{per_s:g}/s' if per_s else 'full'}")
    for name, shape, pick in ROWS:
        found = [fit.spread_at(rounds, point, pick) for point in points(rate)]
        table.add_row(name, *(_cell(shape, each) for each in found))
    return table


def _ratios(rounds: Sequence[Round], rate: float) -> Table:
    table = Table("CPU per change", "workers", "PostgreSQL", "with the broker", title="more workers, within each round")
    for name, each in ratios(rounds, rate).items():
        table.add_row(name, *(_cell("{:.2f}", each[part]) for part in ("workers", "postgresql", "all")))
    return table


def _bytes(rounds: Sequence[Round], rate: float) -> Table:
    table = Table("bytes", "a create", "an update", title=f"what is stored, 1 worker, {rate:g}/s")
    found = fit.median_bytes(rounds, (1, rate))
    for name, each in sorted(found.items(), key=lambda pair: -pair[1].update):
        if max(each.create, each.update) >= 1:
            table.add_row(name, f"{each.create:.0f}", f"{each.update:.0f}")
    together = fit.in_tables(found)
    table.add_row("all tables", f"{together.create:.0f}", f"{together.update:.0f}")
    return table


def _moves(runs: Sequence[Outcome]) -> Table:
    table = Table("change to target, ms", "p50", "p99", "worst", title="workers come and go under load")
    moved = [each.steps for each in runs if each.steps]
    for steps in zip(*moved, strict=True):
        waits = [step.to_target_ms for step in steps]
        cells = (Spread.over(getattr(wait, name) for wait in waits) for name in ("p50", "p99", "worst"))
        table.add_row(steps[0].name, *(_cell("{:.0f}", each) for each in cells))
    return table


def _cell(shape: str, found: Spread) -> str:
    median, least, most = (shape.format(each) for each in (found.median, found.least, found.most))
    return f"{median} ({least}-{most})"
