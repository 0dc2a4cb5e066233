"""`python -m connectors.sandbox SYSTEM --data FILE`: runs one stand-in until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from connectors.sandbox.server import SYSTEMS, start
from connectors.sandbox.store import FileInUseError


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m connectors.sandbox", description=__doc__)
    parser.add_argument("system", choices=SYSTEMS)
    parser.add_argument("--data", required=True, help="SQLite file; made if absent, kept for ever")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--hook", default="", help="where webhooks go (URL)")
    parser.add_argument("--hook-secret", default="", help="webhooks are signed with it")
    parser.add_argument("--seed", type=int, default=0, help="for chance: fault shares, waits between repeats")
    parser.add_argument("--time-scale", type=float, default=1.0, help="factor on the vendor's waits, for example 0.002")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="added to every vendor request")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    options = {name: value for name, value in vars(arguments).items() if name != "system"}
    try:
        stand_in = await start(arguments.system, **options)
    except (FileInUseError, OSError) as error:
        sys.exit(f"{arguments.system}: {error}")
    print(f"ready {arguments.system} {stand_in.url}", flush=True)
    try:
        await stop.wait()
    finally:
        await stand_in.stop()


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
