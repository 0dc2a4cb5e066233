"""`python -m benchmarks.outage`: a target is away for a simulated week while changes arrive; then the queue is drained.

The gateway's own parts on a real store on disk. Time is simulated while the target is away and runs as ever before and
after, so speeds are real. Says what memory, cost and fairness did, and whether anything was lost or out of order.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

import orjson
import structlog
from rich.console import Console

from benchmarks.outage_report import Facts, problems, tell
from benchmarks.outage_run import play
from benchmarks.outage_world import Settings


def parse(arguments: list[str]) -> tuple[Settings, bool, str | None]:
    """Settings, whether JSON is wanted, and where the store is to be. Exits with 2 on a wrong flag."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outage", description=__doc__)
    parser.add_argument("--changes", type=int, default=100_000, help="that arrive in the week (100000)")
    parser.add_argument("--seed", type=int, default=1, help="of the workload (1)")
    parser.add_argument("--drain", type=int, help="stop after so many writes of the drain; default: drain all")
    parser.add_argument("--cloned", action="store_true", help="copy the queue together; measures only the drain")
    parser.add_argument("--rate", default="", help="of the target's connection, as 500/s; default: no limit")
    parser.add_argument("--database", default=os.environ.get("OUTAGE_DATABASE"), help="default: a SQLite file")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    given = parser.parse_args(arguments)
    settings = Settings(changes=given.changes, seed=given.seed, drain=given.drain, rate=given.rate, cloned=given.cloned)
    return settings, given.json, given.database


def main() -> int:
    """0: measured and nothing lost; 1: something was lost, out of order, or an attempt or a case was spent on it."""
    settings, wants_json, database = parse(sys.argv[1:])
    console = Console(stderr=True)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # stdout is for the result
    with tempfile.TemporaryDirectory(prefix="lockstep-outage-") as place:
        facts: Facts = asyncio.run(play(settings, Path(place), database=database, say=console.print))
    tell(console, facts)
    found = problems(facts)
    for problem in found:
        console.print(f"violation: {problem}", markup=False)
    if wants_json:
        sys.stdout.buffer.write(orjson.dumps(facts, option=orjson.OPT_SERIALIZE_DATACLASS) + b"\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
