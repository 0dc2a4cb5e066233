"""Tokens in the memory of one process: for a check, the conformance kit, a connector used by itself. What is lost with
the process is got anew, so a refresh token that may be used once wants a store that lasts.
"""

from __future__ import annotations

import asyncio

import msgspec

from connectors.contract.clock import Clock
from connectors.contract.credentials import Renew, Token
from connectors.contract.errors import Retryable
from connectors.rest.lives import Held


class MemoryTokens:
    """Implements `TokenStore`. One renewal at a time; the others wait for its result."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, Held] = {}
        self._turn = asyncio.Lock()

    def ready(self, version: str) -> Token | None:
        """See `TokenStore`."""
        held = self._held.get(version)
        return None if held is None or held.due(self._clock.monotonic()) else held.token

    async def token(self, version: str, renew: Renew, *, refused: int | None = None, within_s: float) -> Token:
        """See `TokenStore`; here one that is due is renewed at once."""
        try:
            async with asyncio.timeout(within_s), self._turn:
                known = self.ready(version)
                if known is not None and known.serial != refused:
                    return known
                return await self._renewed(version, renew)
        except TimeoutError as error:
            raise Retryable("signing in took too long; nothing was sent", down=True) from error

    async def _renewed(self, version: str, renew: Renew) -> Token:
        last = self._held.get(version)
        asked_at = self._clock.monotonic()
        token = await renew(last.token if last else None)
        kept = token.refresh or (last.token.refresh if last else "")
        token = msgspec.structs.replace(token, serial=last.token.serial + 1 if last else 1, refresh=kept)
        self._held[version] = Held(token, asked_at)
        return token
