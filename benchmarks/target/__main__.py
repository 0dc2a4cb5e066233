"""`python -m benchmarks.target [--port N] [--token T]`."""

from __future__ import annotations

import argparse

from benchmarks.loop import run
from benchmarks.target.server import serve


def main() -> None:
    """Serves until it is told to stop."""
    parser = argparse.ArgumentParser(prog="benchmarks.target", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default="bench-token")
    given = parser.parse_args()
    run(serve(given.port, given.token))


if __name__ == "__main__":
    main()
