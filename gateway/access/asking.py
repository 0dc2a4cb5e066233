"""Who asks: set on a request once by the sign-in middleware, read by every route."""

from __future__ import annotations

from aiohttp import web

from connectors.contract.errors import LockstepError
from gateway.access.rights import Principal

_WHO = web.RequestKey("lockstep.principal", Principal)
_WHY = web.RequestKey("lockstep.not_signed_in", str)


class NotSignedIn(LockstepError):
    """Nobody is behind the request, or what was shown to prove it does not hold (any more)."""


class ProviderAway(NotSignedIn):
    """The provider cannot be asked now, or answers what no provider answers; tokens of it cannot be judged."""


def principal_of(request: web.Request) -> Principal:
    """Whoever asks. Raises NotSignedIn."""
    found: Principal | None = request.get(_WHO)
    if found is None:
        raise NotSignedIn(request.get(_WHY) or "sign in, or send a token: Authorization: Bearer ...")
    return found


def set_principal(request: web.Request, who: Principal) -> None:
    """Called by the sign-in middleware, and by tests that stand in for it."""
    request[_WHO] = who


def set_refusal(request: web.Request, why: str) -> None:
    """Remembers why what was shown does not hold, for the route that asks who it is."""
    request[_WHY] = why
