"""Around every page: who asks, what they may see, the headers that keep strangers' code out, and errors in words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

import orjson
import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from connectors.contract.errors import InputError, LockstepError, StorageError
from gateway.access.asking import NotSignedIn, principal_of, set_not_allowed
from gateway.access.rights import NotAllowed, Principal, Right
from gateway.access.signin import csrf_token
from gateway.console.desk import Desk
from gateway.console.display import Display, display_of
from gateway.console.rendering import render
from gateway.core.ids import new_id

log = structlog.get_logger()

SAID_COOKIE = "lockstep_said"
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
NAV = (
    ("now", "Now", "/now", Right.SEE, "n"),
    ("cases", "Cases", "/cases", Right.SEE, "c"),
    ("records", "Records", "/records", Right.SEE, "r"),
    ("replays", "Replays", "/replays", Right.SEE, "p"),
    ("leavers", "Leavers", "/leavers", Right.PEOPLE, "l"),
    ("connections", "Connections", "/connections", Right.SEE, "o"),
    ("mappings", "Mappings", "/mappings", Right.SEE, "m"),
    ("audit", "Audit", "/audit", Right.AUDIT, "a"),
    ("settings", "Settings", "/settings", None, "s"),
)


class Unseen(LockstepError):
    """There is no such thing for this person: it does not exist, or lies outside what they may see."""


class Misunderstood(InputError):
    """An address or a form that cannot be meant so. Nothing was changed."""

    def __init__(self, why: str) -> None:
        super().__init__(why, code="form.invalid")


def moment_of(text: str) -> float:
    """Epoch seconds of `2026-11-21T03:12` (UTC), with or without seconds and zone. Raises Misunderstood."""
    try:
        found = datetime.fromisoformat(text)
        return (found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise Misunderstood(f"{text} is no time; write 2026-11-21T03:12, in UTC") from error


class Asked:
    """One request with who is behind it, and how its answer is made."""

    def __init__(self, desk: Desk, request: web.Request, who: Principal) -> None:
        self.desk, self.request, self.who = desk, request, who
        self.display: Display = display_of(request)
        self.now = desk.place.now()
        self.sent: Mapping[str, Any] = {}
        """The fields of a form that was sent."""

    @property
    def by_person(self) -> bool:
        """Whether a person opened the page; false for a page that asks for itself again to stay live."""
        return "text/event-stream" not in self.request.headers.get("Accept", "")

    async def read_form(self) -> None:
        """Takes the form in. That a page of ours sent it was seen to by the sign-in, before any route. Raises
        Misunderstood.
        """
        try:
            self.sent = await self.request.post()
        except (ValueError, LookupError, HttpProcessingError) as error:
            raise Misunderstood("this form cannot be read; load the page again and send it anew") from error

    @property
    def nav(self) -> list[tuple[str, str, str, Right | None, str]]:
        """The pages that the person may see; settings are everybody's."""
        return [entry for entry in NAV if entry[3] is None or entry[3] in self.who.rights]

    @property
    def said_more(self) -> str:
        """What stood below the sentence that the page before left for this one."""
        said = self._said()
        return str(said["more"]) if said else ""

    def field(self, name: str) -> str:
        """A field of the form as text; empty where there is none."""
        value = self.sent.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    def fields(self, name: str) -> list[str]:
        """All values of a field that may be there several times, such as boxes that were ticked."""
        return [str(each) for each in self.sent.getall(name, [])] if hasattr(self.sent, "getall") else []

    def page(self, template: str, *, status: int = 200, here: str = "", **context: Any) -> web.Response:
        """The page in its frame. `here`: the entry of the navigation it belongs to."""
        text = render(template, **self._frame(here), **context)
        response = web.Response(text=text, status=status, content_type="text/html")
        if SAID_COOKIE in self.request.cookies:
            response.del_cookie(SAID_COOKIE, path="/")
        return response

    def back(self, to: str, said: str, *, tone: str = "good", more: str = "") -> web.Response:
        """Off to the page that shows what came of a form, with a sentence on top of it."""
        response = web.Response(status=303, headers={"Location": to})
        words = orjson.dumps({"text": said[:900], "tone": tone, "more": more[:900]}).decode()
        self.keep(response, SAID_COOKIE, quote(words), max_age=60)
        return response

    def keep(self, response: web.Response, name: str, value: str, *, max_age: int | None = None) -> None:
        """Has the browser remember a value that scripts cannot read."""
        secure = self.request.secure
        response.set_cookie(name, value, path="/", httponly=True, samesite="Strict", secure=secure, max_age=max_age)

    def _frame(self, here: str) -> dict[str, Any]:
        config = self.desk.place.config
        rights = self.who.rights
        return {
            "who": self.who,
            "here": here,
            "nav": self.nav,
            "environment": config.name,
            "band": "prod" if "prod" in config.name.casefold() else "other",
            "display": self.display,
            "form_token": csrf_token(self.request),
            "said": self._said(),
            "now": self.now,
            "url": self.request.path_qs,
            "release": self.desk.release,
            "may": {right.name.lower(): right in rights for right in Right},
        }

    def _said(self) -> Any:
        kept = self.request.cookies.get(SAID_COOKIE)
        try:
            found = orjson.loads(unquote(kept)) if kept else None
        except orjson.JSONDecodeError:
            return None
        known = isinstance(found, dict) and found.get("tone") in ("good", "warn", "bad")
        return found if known else None


Handler = Callable[[Asked], Awaitable[web.StreamResponse]]


def framed(desk: Desk, handler: Handler, right: Right | None = Right.SEE) -> Callable[[web.Request], Any]:
    """A route: asks who it is, reads the form, and turns every error into a page that says what to do."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = await _answered(desk, handler, right, request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return answer


async def _answered(desk: Desk, handler: Handler, right: Right | None, request: web.Request) -> web.StreamResponse:
    try:
        who = principal_of(request)
    except NotSignedIn:
        to = "/sign-in?next=" + quote(request.path_qs if request.method == "GET" else "/", safe="")
        return web.Response(status=303, headers={"Location": to})
    asked = Asked(desk, request, who)
    try:
        if right is not None:
            who.require(right)
        if request.method == "POST":
            await asked.read_form()
        return await handler(asked)
    except (web.HTTPException, ConnectionError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the person gets a page that says what to do next
        set_not_allowed(request, error)
        return _in_words(asked, error)


def _in_words(asked: Asked, error: Exception) -> web.Response:
    match error:
        case Unseen():
            return trouble(asked, 404, "Nothing to see here", str(error) or "It does not exist, or you may not see it.")
        case NotAllowed():
            return trouble(asked, 403, "You may not do this", f"{error}. Ask somebody who has it, or an admin.")
        case StorageError():
            text = "I cannot read the database now. Changes still wait in the stream; nothing is lost."
            return trouble(asked, 503, "The database does not answer", text, detail=str(error), again=True)
        case InputError() if error.status == 404:
            return trouble(asked, 404, "Nothing to see here", "It does not exist, or you may not see it.")
        case InputError():
            return trouble(asked, error.status, "Not done", f"{_sentence(str(error))} Nothing was changed.")
    trace = new_id("er_")
    log.error("page-failed", trace=trace, path=asked.request.path, exc_info=error)
    text = "This is a defect of ours, not of your data: nothing was changed. The log has it under the number below."
    return trouble(asked, 500, "This page could not be made", text, detail=trace, again=True)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def trouble(asked: Asked, status: int, title: str, text: str, *, detail: str = "", again: bool = False) -> web.Response:
    """A page instead of the one that was asked for."""
    return asked.page(
        "trouble.html", status=status, ours=status >= 500, title=title, text=text, detail=detail, again=again
    )
