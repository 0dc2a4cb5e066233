"""What one connection signs in with, as this worker knows it now."""

from __future__ import annotations

from connectors.contract.clock import Clock
from connectors.contract.credentials import Material
from connectors.contract.errors import CredentialsError


class LiveKeyring:
    """Implements `Keyring`. Requests under way keep what they began with: nothing here is changed, only replaced."""

    def __init__(self, connection: str, clock: Clock) -> None:
        self._clock = clock
        self._current: Material | None = None
        self._former: Material | None = None
        self._former_until = 0.0
        self._lack = f"what {connection} signs in with is not known yet"

    def current(self) -> Material:
        """See `Keyring`. Raises CredentialsError while a part of it is missing: nothing is sent then."""
        if self._current is None:
            raise CredentialsError(self._lack)
        return self._current

    def former(self) -> Material | None:
        """See `Keyring`."""
        return self._former if self._clock.monotonic() < self._former_until else None

    @property
    def version(self) -> str:
        """Of the current one; "" while there is none."""
        return self._current.version if self._current else ""

    def take(self, material: Material, *, overlap_s: float = 0.0) -> None:
        """From the next request on this is current; what was, may still be tried for so long."""
        if self._current is not None and overlap_s > 0:
            self.keep(self._current, overlap_s)
        self._current = material

    def keep(self, former: Material, overlap_s: float) -> None:
        """What was current before, also in another process's life."""
        self._former, self._former_until = former, self._clock.monotonic() + overlap_s

    def lacks(self, reason: str) -> None:
        """A part of it is missing."""
        self._current, self._lack = None, reason
