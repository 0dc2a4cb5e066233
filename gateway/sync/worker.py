"""Who works lanes, how long a claim holds, and what follows when the wall clock is set back meanwhile.

Leases and waits are wall times, because several processes and restarts share them. None is given beyond a known length,
so one that ends later than that was written before a clock was set back, and counts as over.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.sync.backoff import LOOK_CAP_S, Backoff
from gateway.sync.state import Lane

LONGEST_RETRY_AFTER_S = 900.0
"""A lane that is asked to wait longer asks again after this; a whole connection that is throttled waits at its gate, to
the second.
"""


@dataclass(frozen=True, slots=True)
class Worker:
    """Who decides, and for how long a claim holds."""

    name: str
    lease_s: float
    timeout_s: float
    backoff: Backoff

    @property
    def longest_lease_s(self) -> float:
        """No lease of a worker with these settings is longer, however its clock differs from ours by seconds."""
        return 2 * max(self.lease_s, self.timeout_s * 1.5)

    def longest_wait_s(self, settles_s: float) -> float:
        """No lane waits longer for its next try."""
        return max(LONGEST_RETRY_AFTER_S, self.backoff.cap_s, LOOK_CAP_S, settles_s * 1.1)

    def sees_held(self, lane: Lane, now: float) -> bool:
        """Whether somebody has the lane. The fence voids what a holder still does whose lease counts as over."""
        return lane.owner != "" and now < lane.lease_until <= now + self.longest_lease_s

    def sees_waiting(self, lane: Lane, now: float, settles_s: float) -> bool:
        """Whether it is too early for the lane."""
        return now < lane.next_try_at <= now + self.longest_wait_s(settles_s)
