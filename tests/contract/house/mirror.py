"""Says what its process is like, and ends as it was told: `python -m tests.contract.house.mirror HOW [WORD...]`."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path


def main(how: str) -> None:
    """See the module."""
    seen = {
        "arguments": sys.argv[2:],
        "name": __name__,
        "cwd": str(Path.cwd()),
        "env": dict(os.environ),
        "terminal": [stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "typed": sys.stdin.read(),
        "leads": os.getsid(0) == os.getpid(),
        "interrupted": str(signal.getsignal(signal.SIGINT)),
        "children": str(signal.getsignal(signal.SIGCHLD)),
        "open": sorted(each.name for each in Path("/proc/self/fd").iterdir() if each.exists()),
        "writes": [sys.stdout.encoding, sys.stdout.errors, sys.stdout.line_buffering, sys.stderr.errors],
    }
    sys.stdout.write(json.dumps(seen))
    sys.stderr.write("done\n")
    if how == "raise":
        raise RuntimeError("a defect")
    if how == "signal":
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGTERM)
    sys.exit(int(how))


if __name__ == "__main__":
    main(sys.argv[1])
