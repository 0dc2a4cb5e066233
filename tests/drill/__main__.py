"""`make replay-drill N=10000`: N dead letters, replayed by a real gateway that is killed twice meanwhile."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.drill.killed import drill


def main() -> int:
    """0: every item took effect once and the outcomes add up; 1: they do not."""
    parser = argparse.ArgumentParser(prog="python -m tests.drill", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=10_000)
    parser.add_argument("--rate", type=float, default=12_000.0, help="items a minute")
    parser.add_argument("--patience", type=float, default=3600.0, help="seconds that each part may take")
    given = parser.parse_args()

    def tell(text: str) -> None:
        sys.stderr.write(text + "\n")

    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(drill(Path(folder), given.count, rate=given.rate, patience_s=given.patience, tell=tell))
    sys.stdout.write(f"{found}\n")
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
