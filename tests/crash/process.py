"""The `lockstep` command in a process that kills itself on order: `python -m tests.crash.process ORDER ARGUMENT...`.

ORDER is a file. While it says `POINT N ID`, the N-th passing of POINT after it was written is the last thing the
process does: the file is renamed to ORDER.done, and SIGKILL follows. An ID that is new begins to count anew.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from gateway.core import points
from gateway.delivery import meter
from gateway.streams import consuming, sqlite_log
from gateway.sync.batch import Batch

OFTEN_S = 1.0
"""Instead of longer rests: old entries of the stream go, and queues are measured, while the harness watches."""


class Killer:
    """Listens to the points of this process, from any of its threads."""

    def __init__(self, order: Path) -> None:
        self._order, self._known, self._passed = order, "", 0
        self._lock = threading.Lock()

    def __call__(self, point: str) -> None:
        with self._lock:
            order = self.standing()
            if order != self._known:
                self._known, self._passed = order, 0
            name, _, rest = order.partition(" ")
            if name != point:
                return
            self._passed += 1
            if self._passed == int(rest.split()[0]):
                self._order.rename(done(self._order))
                os.kill(os.getpid(), signal.SIGKILL)

    def standing(self) -> str:
        """The order, empty for none."""
        try:
            return self._order.read_text()
        except FileNotFoundError:
            return ""


def done(order: Path) -> Path:
    """What an order is called once it was carried out."""
    return order.with_suffix(".done")


def give(order: Path, point: str, passing: int, serial: int) -> None:
    """Orders a kill; all or nothing, because the process reads at any moment."""
    done(order).unlink(missing_ok=True)
    draft = order.with_suffix(".draft")
    draft.write_text(f"{point} {passing} {serial}")
    draft.rename(order)


def taken_back(order: Path) -> bool:
    """Takes an order back. True: too late, it was carried out."""
    order.unlink(missing_ok=True)
    return done(order).exists()


def _trip(killer: Killer) -> None:
    """While a kill in the making of a poison case is ordered, every change is one that our code trips over."""
    arrive = Batch._arrive

    def arriving(self: Batch, arrival: Any) -> None:
        if killer.standing().startswith("poison."):
            raise RuntimeError("a defect, on order")
        arrive(self, arrival)

    Batch._arrive = arriving  # type: ignore[method-assign]


def main(order: Path, arguments: list[str]) -> None:
    """Runs the command; see the module."""
    from gateway.cli.main import main as command

    killer = Killer(order)
    points.listen(killer)
    _trip(killer)
    sqlite_log._TRIM_EVERY_S = consuming._TRIM_EVERY_S = meter.EVERY_S = OFTEN_S
    command(arguments)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
