"""`python -m benchmarks.scale`: 1, 2 and 4 workers on a Kafka broker and a PostgreSQL server of their own.

Changes come at the same rate, well below what the machine can do, and the processor time per change is compared: how
fast four workers are says nothing on a machine with two cores. Then workers come and go under load. Every run is judged
by what the target itself wrote down.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import orjson
from rich.console import Console

from benchmarks.load import StuckError
from benchmarks.processes import StartError
from benchmarks.scale_crew import UnevenError
from benchmarks.scale_fit import Point
from benchmarks.scale_report import as_json, points, tell
from benchmarks.scale_run import Outcome, play
from benchmarks.scale_scene import WARM_FOR_FULL, Order
from benchmarks.scale_store import prepare
from benchmarks.sender import SendError
from gateway.demo.children import ChildFailed
from scripts.real_parts import Servers, servers
from tests.support import kafka, postgres

MOVING_S = 75.0
LEAST_WARM = 256
"""With fewer records there is nothing to update when the load begins."""
NO_RESULT = (StartError, StuckError, SendError, UnevenError, ChildFailed, kafka.KafkaError, postgres.PostgresError)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Exits with 2 on a wrong flag."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="each takes about six minutes (3)")
    parser.add_argument("--rate", type=float, default=32.0, help="changes per second; half and twice of it too (32)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of load in each run (20)")
    parser.add_argument("--idle", type=float, default=10.0, help="seconds of quiet before it (10)")
    parser.add_argument("--warm", type=int, default=600, help="records that are created first, at least 256 (600)")
    parser.add_argument("--moving", type=float, default=MOVING_S, help=f"seconds with moves ({MOVING_S:g})")
    parser.add_argument("--seed", type=int, default=1, help="of the workload (1)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    asked = parser.parse_args(arguments)
    if asked.warm < LEAST_WARM or asked.rounds < 1:
        parser.error(f"--warm is at least {LEAST_WARM}, --rounds at least 1")
    return asked


def main(arguments: list[str] | None = None) -> int:
    """0: measured, nothing lost, doubled or out of order; 1: something was; 3: no result."""
    asked = parse(sys.argv[1:] if arguments is None else arguments)
    # An end from outside becomes an exit, so that the servers are taken away then too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 160)
    try:
        rounds = list(_rounds(asked, console))
    except NO_RESULT as error:
        console.print(f"no result: {error}", markup=False)
        return 3
    tell(console, rounds, asked.rate)
    runs = [each for played in rounds for each in played]
    for example in (example for each in runs for example in each.verdict.examples):
        console.print(f"violation: {example}", markup=False)
    if asked.json:
        sys.stdout.buffer.write(orjson.dumps(as_json(rounds, asked.rate, asked.seconds)) + b"\n")
    return 0 if all(each.holds for each in runs) else 1


def orders(asked: argparse.Namespace, number: int) -> list[tuple[Order, bool]]:
    """The runs of a round, and whether workers come and go. Each round begins elsewhere: none is always the first."""
    common = Order(workers=1, rate=asked.rate, idle_s=asked.idle, warm=asked.warm, seed=asked.seed + number)
    steady = [(_at(common, point, asked.seconds), False) for point in points(asked.rate)]
    moving = (msgspec.structs.replace(common, seconds=asked.moving), True)
    first = number * 3 % len(steady)
    return [*steady[first:], *steady[:first], moving]


def _at(common: Order, point: Point, seconds: float) -> Order:
    workers, rate = point
    warm = common.warm if rate else max(common.warm, WARM_FOR_FULL)
    return msgspec.structs.replace(common, workers=workers, rate=rate, seconds=seconds, warm=warm)


def _rounds(asked: argparse.Namespace, console: Console) -> Iterator[list[Outcome]]:
    with tempfile.TemporaryDirectory(prefix="lockstep-scale-", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "servers"
        home.mkdir()
        Path(folder).chmod(0o755)  # PostgreSQL's user walks through it
        with servers(home) as both:
            prepare(both)
            console.print("the broker and the server are up; the first run only warms them")
            _run(orders(asked, 0)[1], both, Path(folder) / "warm-up")
            for number in range(asked.rounds):
                played = []
                for place, order in enumerate(orders(asked, number)):
                    played.append(_run(order, both, Path(folder) / f"run-{number}-{place}"))
                    console.print(f"round {number + 1} of {asked.rounds}: {_said(played[-1])}", markup=False)
                yield played


def _run(order: tuple[Order, bool], both: Servers, home: Path) -> Outcome:
    home.mkdir()
    return play(order[0], both, home, moving=order[1])


def _said(outcome: Outcome) -> str:
    good = "good" if outcome.holds else "NOT GOOD"
    if outcome.steady is None:
        return f"workers come and go, {good}"
    spent = ", ".join(f"{part} {us:.0f} us" for part, us in outcome.steady.spent.net.items())
    return f"{outcome.order.workers} x {outcome.order.rate:g}/s: {spent} per change, {good}"


if __name__ == "__main__":
    sys.exit(main())
