"""What polling finds out about a system, told to its gate: a connection with nothing to write is watched, too.

A poll that goes well proves less than a write that does: a system may serve readers and refuse writers. So a poll only
ends what a poll has found, and leaves to the lanes what the lanes have found (P10).
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.contract.errors import CredentialsError, Retryable, Throttled
from gateway.delivery.breaker import Gate, GateState
from gateway.delivery.sending import concluded


@dataclass(slots=True)
class Polled:
    """The polls of one connection."""

    gate: Gate
    ours: bool = False
    """The gate is shut because of a poll."""
    proven: bool = False

    def told(self, error: Exception | None) -> None:
        """How a poll went."""
        if error is None:
            self._well()
        elif isinstance(error, CredentialsError | Throttled) or (isinstance(error, Retryable) and error.down):
            self._ill(error)

    def _well(self) -> None:
        """The first one ends what an earlier process left behind: nobody else may have anything to ask."""
        shut = self.gate.state is not GateState.CLOSED
        if (shut and self.ours) or not (shut or self.proven):
            self.gate.succeeded()
        self.ours, self.proven = self.ours and self.gate.state is not GateState.CLOSED, True

    def _ill(self, error: Exception) -> None:
        """A gate that the lanes have shut is theirs: they try it one at a time."""
        if self.gate.state is GateState.CLOSED or self.ours:
            concluded(error, self.gate, reading=True)
            self.ours = self.gate.state is not GateState.CLOSED
