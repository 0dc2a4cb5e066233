"""`make crash`: kills the program at every durable step and judges what became of it.

    python -m tests.crash [--point POINT] [--stream URL --database URL | --real] [--json]

Exit code 0: it died at every point, and nothing was broken. 1: something was, or a point was never reached.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from scripts.real_parts import servers
from tests.crash.catalogue import points
from tests.crash.running import Found, Setting, kills, run
from tests.support.kafka import KafkaError
from tests.support.postgres import PostgresError


def main(arguments: list[str] | None = None) -> int:
    """The command; see the module."""
    asked = _parser().parse_args(arguments)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lockstep-crash-", ignore_cleanup_errors=True))
        if asked.real:
            try:
                real = Path(folder) / "real"
                real.mkdir()
                Path(folder).chmod(0o755)
                urls = stack.enter_context(servers(real)).urls
            except (KafkaError, PostgresError) as error:
                print(f"PostgreSQL and Kafka: skipped, {error}", file=sys.stderr)
                return 0
            asked.stream, asked.database = urls["{stream}"], urls["{database}"]
        place = asked.data or Path(folder)
        return _crash(asked, Setting(place, asked.stream, asked.database, asked.seed, asked.lanes))


def _crash(asked: argparse.Namespace, setting: Setting) -> int:
    planned = kills(points(kafka=bool(setting.stream), wanted=asked.point))
    if not planned:
        print(f"there is no such point on this stream: {', '.join(asked.point)}", file=sys.stderr)
        return 2
    began = time.monotonic()
    print(_HEAD, file=sys.stderr)
    found = asyncio.run(run(planned, setting, lambda one: print(_line(one), file=sys.stderr, flush=True)))
    good = all(one.ok for one in found)
    if asked.json:
        print(json.dumps({"ok": good, "kills": [one.as_json() for one in found]}))
    else:
        _table(found)
        print(f"{len(found)} kills in {time.monotonic() - began:.0f} s: {'all held' if good else 'NOT ALL HELD'}")
    return 0 if good else 1


_HEAD = f"{'point':<28} {'passing':>7} {'killed':>6} {'s':>6} {'records':>7} {'cases':>5} {'violations':>10}"


def _line(one: Found) -> str:
    killed = "yes" if one.killed else "NEVER"
    bad = str(len(one.violations)) if one.quiet else f"{len(one.violations)}, NOT QUIET"
    line = f"{one.point:<28} {one.passing:>7} {killed:>6} {one.seconds:>6} {one.records:>7} {one.cases:>5} {bad:>10}"
    return "\n".join([line, *(f"    {text}" for text in one.violations)])


def _table(found: list[Found]) -> None:
    print(_HEAD)
    for one in found:
        print(_line(one))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.crash", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    only = "this one, or all of a step: decision.before_commit, decision; may be repeated"
    parser.add_argument("--point", action="append", default=[], help=only)
    parser.add_argument("--stream", default="", help="kafka://HOST:PORT instead of the embedded stream")
    parser.add_argument("--database", default="", help="postgresql+asyncpg://...; each stage makes one beside it")
    parser.add_argument("--real", action="store_true", help="on a fresh Kafka broker and PostgreSQL server")
    parser.add_argument("--lanes", type=int, default=2, help="stages side by side")
    parser.add_argument("--seed", type=int, default=1, help="of who edits what")
    parser.add_argument("--data", type=Path, help="a directory that stays; the default is removed")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return parser


if __name__ == "__main__":
    sys.exit(main())
