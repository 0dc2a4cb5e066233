"""`python -m benchmarks.profiled FILE MODULE ARGS...`: runs a module under cProfile, writes where its main thread went.

Only shares mean anything: the profiler makes Python calls dearer and leaves C code as it is.
"""

from __future__ import annotations

import cProfile
import pstats
import runpy
import sys
from pathlib import Path

TOP = 60


def main() -> None:
    """Writes FILE when the module ends, however it ends."""
    out, module = Path(sys.argv[1]), sys.argv[2]
    sys.argv = [module, *sys.argv[3:]]
    profile = cProfile.Profile()
    profile.enable()
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        profile.disable()
        with out.open("w") as sink:
            stats = pstats.Stats(profile, stream=sink)
            for order in ("tottime", "cumulative"):
                stats.sort_stats(order).print_stats(TOP)


if __name__ == "__main__":
    main()
