"""What a connector asks of whoever keeps its credentials: what to sign in with now, and tokens with one owner.

A connector may be used without either (a check, the conformance kit): `connectors.rest` has a keyring of one fixed
credential and a store of tokens in memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from connectors.contract.errors import Retryable


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """What a connection signs in with, for a time. `repr` must not be logged."""

    version: str
    """Differs whenever `auth` does; tells nothing about it."""
    auth: Mapping[str, Any]
    """One kind with its settings, secrets filled in: `{"basic": {"user", "password"}}`."""


class Keyring(Protocol):
    """The credentials of one connection as they stand. Never waits; two calls may differ when one was rotated."""

    def current(self) -> Material:
        """What the next request signs in with. A request under way keeps what it began with. Raises CredentialsError
        while a part of it is missing.
        """
        ...

    def former(self) -> Material | None:
        """The one before, as long as it may still be tried when the current one is refused."""
        ...


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What a system gave for a credential. `repr` must not be logged."""

    value: str
    serial: int = 0
    """Counts the tokens of one material; set by the store, 1 for the first."""
    lasts_s: float | None = None
    """Its life from the moment it was asked for; None: the system did not say."""
    renew_at: float = 0.75
    """Share of its life after which it is due for renewal; it may be used until its end."""
    refresh: str = ""
    """What the next renewal presents; empty: the material itself."""
    refresh_lasts_s: float | None = None
    """Life of `refresh`, where the system said."""


Renew = Callable[[Token | None], Awaitable[Token]]
"""Asks the system for a token, given the last one of this material. Raises CredentialsError, Retryable, Throttled."""


class RenewalUnanswered(Retryable):
    """A renewal was sent and no answer came: a refresh token that may be used once may be used up, and its successor
    lost. The old one is kept, and tried again.
    """


class TokenStore(Protocol):
    """Tokens of one connection. Whoever implements it sees to it that no two renewals run at once, anywhere."""

    def ready(self, version: str) -> Token | None:
        """A token of this material that need not be renewed yet, if this process knows one. Never waits."""
        ...

    async def token(self, version: str, renew: Renew, *, refused: int | None = None, within_s: float) -> Token:
        """A token that is worth presenting; renewed if there is none, it is over, or `refused` is its serial.

        One whose life is well advanced is returned and renewed meanwhile. A new token is durable before it is returned.
        Raises CredentialsError (refused for good), Throttled, or Retryable with `down` (nobody could say within
        `within_s`): nothing of a record was sent, so no failure of its own may be counted.
        """
        ...
