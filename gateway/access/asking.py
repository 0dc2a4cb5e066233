"""Who asks: set on a request once by the sign-in middleware, read by every route."""

from __future__ import annotations

from aiohttp import web

from connectors.contract.errors import LockstepError
from gateway.access.rights import NotAllowed, Principal

_WHO = web.RequestKey("lockstep.principal", Principal)
_WHY = web.RequestKey("lockstep.not_signed_in", str)
_LACKS = web.RequestKey("lockstep.not_allowed", NotAllowed)


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


def set_not_allowed(request: web.Request, error: Exception) -> None:
    """Remembers that a right was lacking, whatever the answer says of it; of any other error nothing."""
    if isinstance(error, NotAllowed):
        request[_LACKS] = error


def not_allowed_of(request: web.Request) -> NotAllowed | None:
    """The right that was lacking, if one was."""
    return request.get(_LACKS)
