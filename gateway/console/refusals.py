"""What is refused before any page is reached, or where there is none, as a page: a person asked for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.access.signin import SAFE
from gateway.console.desk import Desk
from gateway.console.display import display_of
from gateway.console.frame import HEADERS
from gateway.console.rendering import render
from gateway.core.problem_types import PROBLEMS
from gateway.core.problems import PROBLEM

PROGRAMS = ("/v1/", "/hooks/", "/livez", "/readyz", "/version", "/metrics", "/openapi.json", "/problems/")
"""Asked by programs: a problem stays the document that it is, whatever is accepted beside it."""
_ABOUT_THE_FORM = ("Content-Type", "Content-Length", *HEADERS)


def as_page(desk: Desk) -> Middleware:
    """The middleware: a problem document becomes a page with the same status and headers, for whoever accepts one."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        problem = response.get(PROBLEM)
        if problem is None or response.prepared or not _wants_page(request):
            return response
        return _page(desk, request, problem, response)

    return middleware


def _wants_page(request: web.Request) -> bool:
    kinds = [each.partition(";")[0].strip().lower() for each in request.headers.get("Accept", "").split(",")]
    return "text/html" in kinds and not request.path.startswith(PROGRAMS)


def _page(desk: Desk, request: web.Request, problem: Mapping[str, Any], response: web.StreamResponse) -> web.Response:
    """No frame: nobody is known to be behind the request, so nothing of anybody is on it."""
    told = {name: each for name, each in response.headers.items() if name not in _ABOUT_THE_FORM}
    status, said = int(problem["status"]), _sentence(str(problem["detail"]))
    text = render(
        "refused.html",
        environment=desk.place.config.name,
        band="prod" if "prod" in desk.place.config.name.casefold() else "other",
        display=display_of(request),
        title=problem["title"],
        ours=status >= 500,
        text=said,
        todo=_todo(str(problem["code"]), said),
        trace=problem.get("trace_id", ""),
        unchanged=request.method not in SAFE and status < 500,
        sign_in=status == 401,
    )
    page = web.Response(text=text, status=status, content_type="text/html", headers={**HEADERS, **told})
    page.cookies.update(response.cookies)
    return page


def _todo(code: str, said: str) -> str:
    """What to do about it; nothing where that was said, or is for programs."""
    meaning = _sentence(PROBLEMS[code].meaning) if code in PROBLEMS else ""
    return "" if meaning == said or "`" in meaning else meaning


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
