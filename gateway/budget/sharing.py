"""Who gets how much of a window, or of the places. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from connectors.contract.limits import Purpose
from gateway.config.budget import Window

SLOTS = 20
"""Of a window: what was sent is forgotten so finely."""
LEASE_SHARE, LEAST_LEASE_S, LONGEST_LEASE_S = 0.1, 0.3, 15.0
KEPT = 0.1
"""Of a share that nobody asks for, this much is not lent, so that its owner can begin at once."""
HASTE = 2.0
"""Times the even pace that one slice may hold: so many writes to the database a window takes at most."""


def lease_s(window: Window) -> float:
    """How long a slice may be used after it was taken."""
    return min(LONGEST_LEASE_S, max(LEAST_LEASE_S, window.per_s * LEASE_SHARE))


def slot_s(window: Window) -> float:
    """Length of a slot."""
    return window.per_s / SLOTS


def slot_of(window: Window, at: float) -> int:
    """The slot by whose end everything is sent that may be sent until `at`."""
    return math.ceil(at / slot_s(window))


def counts_until(window: Window, slot: int) -> float:
    """From then on, no stretch of the window's length ending now holds a request of this slot."""
    return slot * slot_s(window) + window.per_s


def slice_most(window: Window) -> int:
    """The most that one slice holds."""
    return max(1, math.ceil(HASTE * window.requests * lease_s(window) / window.per_s))


def granted(
    limit: int,
    used: Mapping[Purpose, int],
    shares: Mapping[Purpose, float],
    asking: Collection[Purpose],
    purpose: Purpose,
    wanted: int,
) -> int:
    """Requests that `purpose` gets of a window of which so much is used.

    Its own share is always its own; of what the others leave of theirs it gets what they do not ask for, but for a
    part with which they can begin. A leaver takes whatever is free.
    """
    free = max(0, limit - sum(used.values()))
    if purpose is Purpose.LEAVER:
        return min(wanted, free)
    own = math.floor(shares[purpose] * limit) - used.get(purpose, 0)
    kept = 0
    for other, share in shares.items():
        if other is not purpose:
            part = share * limit * (1.0 if other in asking else KEPT)
            kept += max(0, math.floor(part) - used.get(other, 0))
    return max(0, min(wanted, free, max(own, free - kept)))


def places(most: int, wanted: Mapping[str, int], held: Mapping[str, int], mine: str) -> int:
    """Requests that worker `mine` may have in flight, while the others hold theirs. When more is wanted than there is,
    each gets an equal part; who has more gives it back when it renews.
    """
    free = max(0, most - sum(count for worker, count in held.items() if worker != mine))
    if sum(wanted.values()) <= most:
        return min(wanted[mine], free)
    return min(wanted[mine], free, max(1, _fair(most, wanted)))


def _fair(most: int, wanted: Mapping[str, int]) -> int:
    """The level up to which everybody gets what they want."""
    left, asking = most, sorted(wanted.values())
    for index, want in enumerate(asking):
        level = left // (len(asking) - index)
        if want > level:
            return level
        left -= want
    return left
