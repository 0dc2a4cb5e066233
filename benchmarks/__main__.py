"""`python -m benchmarks`: floor and gateway in one run, as ratios. Table on stderr; with --json an object on stdout."""

from __future__ import annotations

import argparse
import sys

import msgspec
import orjson
from rich.console import Console

from benchmarks.processes import Cores, StartError, choose_cores
from benchmarks.report import as_json, as_table, holds, throughput_ratio
from benchmarks.rounds import Round, Settings, play

QUICK = Settings(records=2400, rounds=2, seconds=8.0, latency_seconds=4.0, window=512)


def parse(arguments: list[str]) -> tuple[Settings, bool]:
    """Settings, and whether JSON is wanted. Exits with 2 on a wrong flag."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer records, shorter phases: about a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--records", type=int, help="records that are created (10000; quick: 2400)")
    parser.add_argument("--seconds", type=float, help="longest time of one throughput phase (20; quick: 8)")
    parser.add_argument("--rounds", type=int, help="floor and gateway take turns this often (3; quick: 2)")
    parser.add_argument("--seed", type=int, help="of the workload (1)")
    parser.add_argument("--subject", choices=("gateway", "floor"), help="floor: try the harness on itself")
    parser.add_argument("--read-before-write", choices=("auto", "always"), help="the target's setting of that name")
    parser.add_argument("--profile", nargs="?", const="bench-profile.txt", metavar="FILE", help="profile the gateway")
    given = vars(parser.parse_args(arguments))
    base = QUICK if given.pop("quick") else Settings()
    wants_json = bool(given.pop("json"))
    chosen = {name: value for name, value in given.items() if value is not None}
    if "profile" in chosen:
        chosen.setdefault("rounds", 1)
    return msgspec.structs.replace(base, **chosen), wants_json


def main() -> int:
    """0: measured and verified; 1: something was lost, doubled or out of order; 3: no result."""
    settings, wants_json = parse(sys.argv[1:])
    console, cores, rounds = Console(stderr=True), choose_cores(), list[Round]()
    _introduce(console, settings, cores)
    try:
        for played in play(settings, cores):
            rounds.append(played)
            console.print(f"round {len(rounds)} of {settings.rounds}: {throughput_ratio(played):.2f} of the floor")
    except StartError as error:
        console.print(f"no result: {error}", markup=False)
        return 3
    console.print(as_table(rounds, settings))
    for outcome in (side for played in rounds for side in (played.floor, played.gateway)):
        for example in outcome.measured.verdict.examples:
            console.print(f"violation: {example}", markup=False)
    if wants_json:
        sys.stdout.buffer.write(orjson.dumps(as_json(rounds, settings, cores)) + b"\n")
    return 0 if holds(rounds) else 1


def _introduce(console: Console, settings: Settings, cores: Cores) -> None:
    console.print(
        f"{settings.rounds} round(s) of floor and {settings.subject}, {settings.records} records, "
        f"seven updates to three creates, signed 1 KB webhooks, 25 fields"
    )
    if not cores.are_apart:
        console.print("processes are not pinned here: load and subject share cores, expect lower figures")
    if settings.profile:
        console.print(f"profiling into {settings.profile}: the figures of this run are not comparable")


if __name__ == "__main__":
    sys.exit(main())
