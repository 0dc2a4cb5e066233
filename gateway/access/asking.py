"""Who asks: set on a request once by the sign-in middleware, read by every route."""

from __future__ import annotations

from aiohttp import web

from connectors.contract.errors import LockstepError
from gateway.access.rights import Principal

_KEY = "lockstep.principal"


class NotSignedIn(LockstepError):
    """Nobody is behind the request, or what was shown to prove it does not hold (any more)."""


def principal_of(request: web.Request) -> Principal:
    """Whoever asks. Raises NotSignedIn."""
    found = request.get(_KEY)
    if not isinstance(found, Principal):
        raise NotSignedIn("sign in, or send a token: Authorization: Bearer ...")
    return found


def set_principal(request: web.Request, who: Principal) -> None:
    """Called by the sign-in middleware, and by tests that stand in for it."""
    request[_KEY] = who
