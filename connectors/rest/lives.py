"""How long a token is good for, by elapsed time: a wall clock that is set does not shorten or lengthen it."""

from __future__ import annotations

from typing import NamedTuple

from connectors.contract.credentials import Token

MARGIN_S = 2.0
"""A request takes its time: a token that ends within it is over."""


class Held(NamedTuple):
    """A token and when it was asked for, in monotonic seconds of this process."""

    token: Token
    asked_at: float

    def over(self, at: float) -> bool:
        """Not worth presenting any more."""
        return self.token.lasts_s is not None and at + self._margin >= self.asked_at + self.token.lasts_s

    def due(self, at: float) -> bool:
        """To be renewed, though it may still be used."""
        return self.token.lasts_s is not None and at >= self.asked_at + self.token.lasts_s * self.token.renew_at

    @property
    def _margin(self) -> float:
        return min(MARGIN_S, (self.token.lasts_s or 0.0) / 10)
