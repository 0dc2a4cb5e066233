"""Runs the whole system under fire, and judges it.

    python -m tests.whole --kills 20 --seed 7 --minutes 2 --json

Brings its own Kafka broker and PostgreSQL server. Exit code: 0 when every promise held; 1 when one did not, or when a
server cannot be had; the folder with all that is needed to find out why is named then.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.real_parts import Servers, servers
from tests.support import kafka, postgres
from tests.support.broken import WITHOUT
from tests.whole.place import Place
from tests.whole.schedule import Event, schedule
from tests.whole.stage import Order, perform

KILL_EVERY_S = 5.0
"""Where the length of a run is not given, it follows from the number of kills."""
SHOWN = 20


def main(arguments: list[str] | None = None) -> int:
    """See the module."""
    order, keep, as_json = _asked(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    events = schedule(order.seed, kills=order.kills, seconds=order.seconds, workers=order.workers)
    place = Place.make()
    _write_schedule(place.path / "schedule.json", order, events)
    summary: dict[str, Any] = {"ok": False, "seed": order.seed}
    try:
        with servers(_folder(place.path / "servers")) as both:
            both.cluster.keep_commits()
            try:
                summary = asyncio.run(perform(order, events, place, both))
            finally:
                if not summary["ok"]:
                    _save(both, place)
    except (kafka.KafkaError, postgres.PostgresError) as error:
        sys.stderr.write(f"{error}\n")
    finally:
        if summary["ok"] and not keep:
            place.remove()
        else:
            summary["artefacts"] = str(place.path)
            (place.path / "summary.json").write_text(json.dumps(summary, indent=1, default=str))
            sys.stderr.write(f"schedule, logs, database and verdict of this run: {place.path}\n")
    _tell(summary, as_json=as_json)
    return 0 if summary["ok"] else 1


def _asked(arguments: list[str] | None) -> tuple[Order, bool, bool]:
    parser = argparse.ArgumentParser(prog="python -m tests.whole", description=__doc__)
    parser.add_argument("--kills", type=int, default=10, help="SIGKILLs of workers")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, help=f"default: {KILL_EVERY_S:g} s for each kill, at least one minute")
    parser.add_argument("--edits", type=float, default=4.0, help="by people, a second")
    parser.add_argument("--without", action="append", default=[], choices=sorted(WITHOUT), help="a mechanism taken out")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a good run too")
    asked = parser.parse_args(arguments)
    seconds = asked.minutes * 60 if asked.minutes else max(60.0, asked.kills * KILL_EVERY_S)
    order = Order(asked.seed, asked.kills, seconds, asked.workers, asked.edits, tuple(asked.without))
    return order, asked.keep, asked.json


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _write_schedule(file: Path, order: Order, events: list[Event]) -> None:
    plan = {"seed": order.seed, "seconds": order.seconds, "events": [event.as_json() for event in events]}
    file.write_text(json.dumps(plan, indent=1))


def _save(both: Servers, place: Place) -> None:
    """What dies with the servers."""
    cluster = both.cluster
    for log, name in ((cluster.home / "log", "postgres.log"), (both.broker.home / "log", "kafka.log")):
        if log.exists():
            shutil.copy(log, place.logs / name)
    server = ["-h", "127.0.0.1", "-p", str(cluster.port), "-U", "lockstep"]
    command: list[str | Path] = [
        cluster.binaries / "pg_dump",
        *server,
        "-f",
        place.path / "database.sql",
        both.database,
    ]
    subprocess.run(command, check=False, stdin=subprocess.DEVNULL, timeout=120)


def _tell(summary: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(summary, default=str))
        return
    for name, value in summary.items():
        print(f"{name}: {value[:SHOWN] if isinstance(value, list) else value}")


if __name__ == "__main__":
    sys.exit(main())
