"""Headers that keep a browser on our side: what pages may load, who may frame them, what may be kept."""

from __future__ import annotations

import secrets

from aiohttp import web

from gateway.access.entrance import Entrance

HSTS_S = 365 * 24 * 3600
KEPT = ("/console/static/",)
"""Paths whose answers hold nobody's data and may be kept by browsers."""
_NONCE = web.RequestKey("lockstep.csp_nonce", str)
_SAME = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
)


def csp_nonce(request: web.Request) -> str:
    """What script and style elements of this answer carry as `nonce`; another for each request."""
    if _NONCE not in request:
        request[_NONCE] = secrets.token_urlsafe(18)
    return request[_NONCE]


def add_security_headers(app: web.Application, entrance: Entrance, *, kept: tuple[str, ...] = KEPT) -> None:
    """Every answer of the app has them from then on: streams, errors and redirects too. A header that a route set
    itself stays.
    """

    async def adorn(request: web.Request, response: web.StreamResponse) -> None:
        told = response.headers
        told.setdefault("Content-Security-Policy", _POLICY.format(nonce=csp_nonce(request)))
        for name, value in _SAME.items():
            told.setdefault(name, value)
        if entrance.settings.tls:
            told.setdefault("Strict-Transport-Security", f"max-age={HSTS_S}; includeSubDomains")
        if not request.path.startswith(kept):
            told.setdefault("Cache-Control", "no-store")

    app.on_response_prepare.append(adorn)
