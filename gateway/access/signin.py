"""Who asks, for every request: a middleware sets the principal, or lets the request go on without one.

A route that needs somebody calls `principal_of` and answers 401, or sends the browser to `/sign-in`. A request that
would change something by the power of a cookie has to come from a page of ours and carry the session's token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware

from gateway.access.asking import NotSignedIn, ProviderAway, set_principal, set_refusal
from gateway.access.entrance import Entrance, Proof
from gateway.access.hashes import same
from gateway.access.sessions import Session
from gateway.core import origin
from gateway.core.problems import problem

CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
OPEN = ("/hooks/", "/livez", "/readyz", "/version")
"""What systems and machines ask: webhooks prove themselves in their own way, and no database is asked for the rest."""
SIGN_IN = "/sign-in"
"""A form that was open while somebody signed in elsewhere has no token of that session; its route checks the sender."""
NOT_KEPT = {"Cache-Control": "no-store"}
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

_PROOF = web.RequestKey("lockstep.proof", Proof)


def sign_in(entrance: Entrance, *, passed_over: Sequence[str] = OPEN) -> Middleware:
    """The middleware: `principal_of`, `session_of` and `csrf_token` answer from then on.

    What is shown and does not hold counts as nothing shown; `NotSignedIn` then says why. A cookie's request that
    changes something and was not sent by a page of ours is answered 403 here. Raises StorageError.
    """
    prefixes = tuple(passed_over)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(prefixes):
            return await handler(request)
        try:
            proof = await entrance.proof(request)
        except ProviderAway as error:
            return problem(503, "provider-away", str(error), headers=NOT_KEPT | {"Retry-After": "10"})
        except NotSignedIn as error:
            set_refusal(request, str(error))
            proof = None
        if proof is not None:
            guarded = proof.session is not None and request.method not in SAFE and request.path != SIGN_IN
            if guarded and (why := await _forged(request, proof, entrance)):
                return problem(403, "forged-request", why, headers=NOT_KEPT)
            set_principal(request, proof.who)
            origin.acts(proof.who.id, proof.who.name, proof.who.person)
            request[_PROOF] = proof
        return await handler(request)

    return middleware


def session_of(request: web.Request) -> Session | None:
    """The session behind the request; None: nobody, or a token."""
    proof = request.get(_PROOF)
    return proof.session if proof else None


def csrf_token(request: web.Request) -> str:
    """What forms carry in the field `csrf_token`, and scripts in the header `X-CSRF-Token`; empty without a session."""
    proof = request.get(_PROOF)
    return proof.csrf if proof else ""


def same_origin(request: web.Request, entrance: Entrance) -> bool:
    """Whether a page of ours sent the request, as the browser says: it tells the truth, and scripts cannot set this."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin", "")
    return origin == entrance.settings.url or bool(origin and urlsplit(origin).netloc == request.host)


async def _forged(request: web.Request, proof: Proof, entrance: Entrance) -> str:
    """Why the request may have been made by another site; empty if it was made by ours."""
    if not same_origin(request, entrance):
        return "this came from another site, and a sign-in counts for requests of this one only"
    said = request.headers.get(CSRF_HEADER, "")
    if not said and request.content_type in FORMS:
        said = str((await form_of(request)).get(CSRF_FIELD, ""))
    if not same(said, proof.csrf):
        return "the form's token is missing or of another session; load the page again"
    return ""


async def form_of(request: web.Request) -> Mapping[str, Any]:
    """The fields of a form; none of one that cannot be read."""
    try:
        return await request.post()
    except (ValueError, LookupError, HttpProcessingError):
        return {}
