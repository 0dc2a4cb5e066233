"""What a worker holds of a budget right now: slices of each window, and places. Knows no database."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.contract.limits import Purpose
from gateway.budget.sharing import lease_s, slice_most
from gateway.budget.store import Slice, Unused
from gateway.config.budget import Window

FIRST = 8
"""Requests of a first slice at least, where the window has them to spare: a poll is not one write per request."""
WORTH = 0.01
"""An unused part below this share of its window is not worth a write."""


@dataclass(slots=True)
class Pot:
    """What is left of one slice. `until`: monotonic."""

    slot: int = 0
    left: int = 0
    until: float = float("-inf")
    used: int = 0

    def holds(self, now: float) -> bool:
        return self.left > 0 and now < self.until


@dataclass(slots=True)
class Pots:
    """Of one connection and worker: a pot for each window and purpose."""

    windows: tuple[Window, ...]
    kept: dict[tuple[Window, Purpose], Pot] = field(default_factory=dict)

    def pot(self, window: Window, purpose: Purpose) -> Pot:
        return self.kept.setdefault((window, purpose), Pot())

    def payer(self, purpose: Purpose, now: float) -> Purpose | None:
        """Out of whose slices a request of this purpose can be sent now; a leaver's out of anybody's."""
        payers = tuple(Purpose) if purpose is Purpose.LEAVER else (purpose,)
        return next((each for each in payers if all(self.pot(w, each).holds(now) for w in self.windows)), None)

    def pay(self, payer: Purpose) -> None:
        """Takes one request out of each of its pots."""
        for window in self.windows:
            pot = self.pot(window, payer)
            pot.left -= 1
            pot.used += 1

    def wants(self, purpose: Purpose, waiting: int, now: float) -> dict[Window, int]:
        """What to ask for where it has nothing left: twice what the last slice was used for, or what waits."""
        found = {}
        for window in self.windows:
            pot = self.pot(window, purpose)
            if not pot.holds(now):
                most = slice_most(window)
                found[window] = min(most, max(2 * pot.used, waiting, min(FIRST, math.ceil(most / 2))))
        return found

    def filled(self, slices: Mapping[tuple[Window, Purpose], Slice], asked_at: float) -> float:
        """Puts in what was taken. `asked_at`: monotonic, not later than the time by which the database reckoned.
        Gives seconds until asking again makes sense, where a window gave nothing.
        """
        wait_s = 0.0
        for key, got in slices.items():
            wait_s = max(wait_s, got.wait_s)
            if got.requests:
                self.kept[key] = Pot(got.slot, got.requests, asked_at + lease_s(key[0]))
        return wait_s

    def over(self, now: float, *, all_of_it: bool = False) -> list[Unused]:
        """Takes out what will not be sent any more, to be given back."""
        found = []
        for (window, purpose), pot in self.kept.items():
            if pot.left and (all_of_it or now >= pot.until):
                if pot.left >= window.requests * WORTH:
                    found.append(Unused(window, pot.slot, purpose, pot.left))
                pot.left = 0
        return found
