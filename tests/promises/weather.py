"""What is wrong with a system as a whole, and what a gateway may make of it: no record is to blame (P10)."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from connectors.contract.errors import CredentialsError, LockstepError, OutcomeUnknown, Retryable, Throttled

TROUBLES = ("down", "failing", "credentials", "throttled")
ASKS_AT_MOST = 16
"""Calls to a system in trouble that need no excuse: those under way, those before the gate opens."""


@dataclass
class Weather:
    """The trouble a system is in now ("" for none), and what happened because of it."""

    trouble: str = ""
    asked: int = 0
    """Calls in vain since the trouble began."""
    seen: set[str] = field(default_factory=set)
    """Troubles there ever were, of the system or of one call."""
    own: Counter[str] = field(default_factory=Counter)
    """Failures of single calls by kind; `tries` are those that a lane may count."""

    def begin(self, trouble: str) -> None:
        self.trouble, self.asked = trouble, 0
        self.seen.add(trouble)

    def end(self) -> None:
        self.trouble = ""

    def raises(self, *, write: bool = False) -> LockstepError | None:
        """What a call gets now; None: an answer."""
        if not self.trouble:
            return None
        self.asked += 1
        if self.trouble == "credentials":
            return CredentialsError("the password is not good any more", status=401)
        if self.trouble == "throttled":
            return Throttled("too many requests", status=429, retry_after_s=20.0)
        if write and self.trouble == "failing":
            return OutcomeUnknown("bad gateway", status=502, evidence={"down": True})
        return Retryable("cannot be reached", status=503, down=True)

    def too_many(self, lasted_s: float) -> bool:
        """Whether it was asked more often in so long a trouble than a circuit breaker with doubling waits would."""
        return self.asked > ASKS_AT_MOST + math.log2(lasted_s + 2) + lasted_s / 15
