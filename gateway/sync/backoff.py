"""How long a lane waits: a curve and a jitter, two pure functions, both capped."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.contract.clock import Chance

LOOK_CAP_S = 60.0
"""Between two looks at an unknown outcome, or the settling time if that is longer."""


def curve(tries: int, *, base_s: float, cap_s: float) -> float:
    """Doubles from `base_s` with every try, never above `cap_s`."""
    return float(min(cap_s, base_s * 2 ** min(max(tries - 1, 0), 30)))


def jitter(delay_s: float, chance: float) -> float:
    """Spreads a delay over [half, whole] of itself; `chance` is in [0, 1)."""
    return delay_s * (0.5 + chance / 2)


@dataclass(frozen=True, slots=True)
class Backoff:
    """The waits of one connection."""

    chance: Chance
    base_s: float = 1.0
    cap_s: float = 300.0

    def delay(self, tries: int) -> float:
        """Wait before the next attempt after `tries` counted failures."""
        return jitter(curve(max(tries, 1), base_s=self.base_s, cap_s=self.cap_s), self.chance.random())

    def look(self, looks: int, settles_s: float) -> float:
        """Wait before look number `looks`: early ones may find it quickly, one comes just after the settling time."""
        early = (0.02, 0.25, 1.05)
        if looks < len(early):
            return settles_s * early[looks]
        return curve(looks, base_s=settles_s / 4, cap_s=max(LOOK_CAP_S, settles_s))
