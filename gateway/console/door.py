"""The page before all others: signing in. What its form is sent to belongs to `gateway.access`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from gateway.access.asking import NotSignedIn, principal_of
from gateway.console.desk import Desk
from gateway.console.display import display_of
from gateway.console.frame import HEADERS
from gateway.console.inside import inside
from gateway.console.rendering import render

WHY = {
    "wrong": "This name and password do not fit together.",
    "link": "This link was opened before, or is too old. Ask for a new one.",
    "place": "Without TLS what you type can be read on the way. Open the address that begins with https.",
    "wait": "Too many tries. Wait, then try again.",
    "provider": "The provider did not say who you are. Try again, or ask whoever runs it.",
}


def sign_in_page(desk: Desk) -> Callable[[web.Request], Any]:
    """`GET /sign-in`."""

    async def answer(request: web.Request) -> web.StreamResponse:
        then = inside(request.query.get("next", "/"), "/")
        if _known(request) and "why" not in request.query:
            return web.Response(status=303, headers={"Location": then})
        why = WHY.get(request.query.get("why", ""), "")
        seconds = request.query.get("seconds", "")
        text = render(
            "sign_in.html",
            environment=desk.place.config.name,
            band="prod" if "prod" in desk.place.config.name.casefold() else "other",
            display=display_of(request),
            then=then,
            why=f"{why} ({seconds} s)" if why and seconds.isdigit() else why,
            provider=desk.provider,
        )
        return web.Response(text=text, content_type="text/html", headers=dict(HEADERS))

    return answer


def _known(request: web.Request) -> bool:
    try:
        principal_of(request)
    except NotSignedIn:
        return False
    return True
