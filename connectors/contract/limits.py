"""What a connector may tell of its system's rate limits, so that delivery keeps within them instead of running into
429.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import msgspec


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What was used so far, and what the system said in its last answer. None: it has not said."""

    requests: int
    """Sent since the connector was made, of every kind."""
    limit: int | None = None
    remaining: int | None = None
    resets_in_s: float | None = None
    """Until `remaining` starts afresh; not above 0 once that moment has passed."""


@runtime_checkable
class TellsAllowance(Protocol):
    """A connector that counts its requests and reads its system's rate headers."""

    def allowance(self) -> Allowance:
        """As of now; never waits."""
        ...
