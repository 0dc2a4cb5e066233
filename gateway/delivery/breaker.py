"""One gate per connection: closed lets work through, open holds every lane without using an attempt of any (P10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from connectors.contract.clock import Clock


class GateState(StrEnum):
    CLOSED = "closed"  # work passes
    OPEN = "open"  # down: nothing passes until `until`, then one lane tries
    THROTTLED = "throttled"  # the system asked us to wait
    CREDENTIALS = "credentials"  # it does not let us in; one lane tries now and then


@dataclass(frozen=True, slots=True)
class GateSettings:
    """`failures` in a row with no success between open the gate; it is tried again after `retry_s`, doubled up to
    `cap_s`.
    """

    failures: int = 5
    retry_s: float = 2.0
    cap_s: float = 60.0


class Gate:
    """Circuit breaker of a connection. Monotonic time inside, so clock jumps do not matter."""

    def __init__(
        self,
        clock: Clock,
        settings: GateSettings | None = None,
        on_change: Callable[[GateState, str, float], None] = lambda state, reason, wait_s: None,
    ) -> None:
        self.settings = settings or GateSettings()
        self.state, self.reason = GateState.CLOSED, ""
        self.paused = False
        """A person or a maintenance holds everything, whatever the system can do; set by `Pauses`."""
        self.maintained = False
        """The system is left alone altogether: it is not even swept."""
        self._clock, self._on_change = clock, on_change
        self._failures, self._opened, self._until = 0, 0, 0.0
        self._trying = self._proven = False

    def admits(self) -> bool:
        """Whether a lane may start now. While not closed, exactly one may try once the wait is over."""
        if self.paused:
            return False
        if self.state is GateState.CLOSED:
            return True
        if self._trying or self._clock.monotonic() < self._until:
            return False
        self._trying = True
        return True

    def wait_s(self) -> float:
        """Seconds until `admits` may say yes; 0 when closed."""
        return 0.0 if self.state is GateState.CLOSED else max(0.0, self._until - self._clock.monotonic())

    @property
    def others_succeed(self) -> bool:
        """Whether a failure is this lane's alone (rule 16): the gate is closed and not about to open."""
        return self.state is GateState.CLOSED and self._failures <= 1

    def succeeded(self) -> None:
        """The system answered as a working one does (a refusal of one record is such an answer). The first time is
        told too: a gate is closed from the start, before anything shows that the system works.
        """
        self._failures, self._opened, self._trying = 0, 0, False
        if self.state is not GateState.CLOSED or not self._proven:
            self._proven = True
            self._enter(GateState.CLOSED, "", 0.0)

    def failed(self, reason: str) -> None:
        """The system could not be reached or answered 5xx."""
        self._failures += 1
        if self.state is not GateState.CLOSED or self._failures >= self.settings.failures:
            self._reopen(GateState.OPEN, reason)
        self._trying = False

    def rejected(self, reason: str) -> None:
        """It does not accept our credentials."""
        self._reopen(GateState.CREDENTIALS, reason)
        self._trying = False

    def renewed(self) -> None:
        """There is another credential: a lane may try it now, if it was the old one that shut the gate."""
        if self.state is GateState.CREDENTIALS:
            self._opened = 0
            self._enter(GateState.CREDENTIALS, self.reason, 0.0)

    def throttled(self, wait_s: float | None) -> None:
        """It asked us to wait."""
        self._enter(
            GateState.THROTTLED, "the system asked us to wait", self.settings.retry_s if wait_s is None else wait_s
        )
        self._trying = False

    def released(self) -> None:
        """The lane that was let through had nothing to ask the system after all."""
        self._trying = False

    def _reopen(self, state: GateState, reason: str) -> None:
        wait = min(self.settings.cap_s, self.settings.retry_s * 2.0 ** min(self._opened, 20))
        self._opened += 1
        self._enter(state, reason, wait)

    def _enter(self, state: GateState, reason: str, wait_s: float) -> None:
        self.state, self.reason = state, reason
        self._until = self._clock.monotonic() + wait_s
        self._on_change(state, reason, wait_s)
