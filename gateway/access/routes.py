"""Signing in and out over HTTP. The page with the form is the console's; what the form is sent to is here.

`POST /sign-in`, `GET /sign-in/link`, `GET /sign-in/oidc` and its callback, `POST /sign-out`, `GET /session`,
`POST /session/extend`. A browser is sent on; a script that accepts JSON is answered with it.
"""

from __future__ import annotations

from collections.abc import Coroutine
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from connectors.contract.errors import LockstepError
from gateway.access import proving
from gateway.access.asking import NotSignedIn, ProviderAway, principal_of
from gateway.access.entrance import Entrance
from gateway.access.hashes import csrf_of
from gateway.access.passwords import Checker
from gateway.access.rights import Principal
from gateway.access.sessions import Session
from gateway.access.signin import FORMS, NOT_KEPT, SIGN_IN, csrf_token, form_of, same_origin, session_of
from gateway.access.throttle import TooManyTries
from gateway.core.problems import problem

OIDC_S = 600
"""How long signing in at the provider may take."""
LONGEST_BODY = 16384

Given = tuple[Session, str]


def routes(entrance: Entrance) -> list[web.RouteDef]:
    """All routes of signing in. They need `sign_in` as a middleware before them."""
    door = _Door(entrance)
    return [
        web.post(SIGN_IN, door.password),
        web.get(f"{SIGN_IN}/link", door.link, allow_head=False),
        web.get(f"{SIGN_IN}/oidc", door.to_provider, allow_head=False),
        web.get(f"{SIGN_IN}/oidc/callback", door.from_provider, allow_head=False),
        web.post("/sign-out", door.out),
        web.get("/session", door.session),
        web.post("/session/extend", door.extend),
    ]


def inside(path: str) -> str:
    """`path` if it is one of this site, else `/`: nobody is sent elsewhere after signing in."""
    parts = urlsplit(path)
    good = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return path if good and path.isprintable() and "\\" not in path else "/"


class _Door:
    def __init__(self, entrance: Entrance) -> None:
        self.entrance, self.checker = entrance, Checker()

    async def password(self, request: web.Request) -> web.StreamResponse:
        """Form or JSON: `name`, `password`, `next`."""
        if not same_origin(request, self.entrance):
            return _refused(403, "forged-request", "this came from another site")
        said = await _said(request)
        name, password, then = (str(said.get(key) or "") for key in ("name", "password", "next"))
        address, agent = self._from(request)
        give = proving.by_password(self.entrance, self.checker, name, password, address=address, agent=agent)
        return await self._enter(request, give, inside(then), secret=True)

    async def link(self, request: web.Request) -> web.StreamResponse:
        """Opened by a person: not by a page of another site, nor by a browser that looks ahead."""
        site = request.headers.get("Sec-Fetch-Site", "none")
        if site not in ("none", "same-origin") or "Sec-Purpose" in request.headers or "Purpose" in request.headers:
            return _refused(403, "forged-request", "open this link yourself: type or paste it")
        address, agent = self._from(request)
        give = proving.by_link(self.entrance, request.query.get("token", ""), address=address, agent=agent)
        return await self._enter(request, give, inside(request.query.get("next", "/")))

    async def to_provider(self, request: web.Request) -> web.StreamResponse:
        """Sends the browser to the provider, with a cookie that it has to bring back."""
        provider = self.entrance.provider
        if provider is None:
            return _refused(400, "no-provider", "no provider is configured here; see access.oidc")
        try:
            target, cookie = await provider.begin(inside(request.query.get("next", "/")))
        except NotSignedIn as error:
            return self._refusal(request, error)
        answer = web.HTTPSeeOther(target)
        self._set_cookie(answer, self._oidc_cookie, cookie, OIDC_S)
        raise answer

    async def from_provider(self, request: web.Request) -> web.StreamResponse:
        """The browser comes back from the provider."""
        provider = self.entrance.provider
        cookie = request.cookies.get(self._oidc_cookie, "")
        if provider is None:
            return _refused(400, "no-provider", "no provider is configured here; see access.oidc")
        try:
            who, then = await provider.finish(cookie, request.query)
        except NotSignedIn as error:
            if not isinstance(error, ProviderAway):
                await proving.refused_by_provider(self.entrance, address=self._from(request)[0], why=str(error))
            answer = self._refusal(request, error)
        else:
            address, agent = self._from(request)
            give = proving.by_provider(self.entrance, who, address=address, agent=agent)
            answer = await self._enter(request, give, inside(then))
        self._drop_cookie(answer, self._oidc_cookie)
        return answer

    async def out(self, request: web.Request) -> web.StreamResponse:
        """Ends the session. Harmless without one."""
        session = session_of(request)
        if session is not None:
            await proving.sign_out(self.entrance, session, principal_of(request))
        answer: web.StreamResponse = web.Response(status=204)
        if not _wants_json(request):
            answer = web.Response(status=303, headers={"Location": SIGN_IN})
        answer.headers["Clear-Site-Data"] = '"cache"'
        self._drop_cookie(answer, self.entrance.cookie)
        return answer

    async def session(self, request: web.Request) -> web.StreamResponse:
        """Who asks, and how long the session lasts. No use of the session: it goes on ending."""
        try:
            who = principal_of(request)
        except NotSignedIn as error:
            return _unknown(error)
        return _json(self._told(who, session_of(request), csrf_token(request)))

    async def extend(self, request: web.Request) -> web.StreamResponse:
        """Begins the idle time anew."""
        session = session_of(request)
        longer = await proving.extend(self.entrance, session) if session else None
        if longer is None:
            return _unknown(NotSignedIn("there is no session to extend; sign in"))
        return _json(self._told(principal_of(request), longer, csrf_token(request)))

    async def _enter(
        self, request: web.Request, give: Coroutine[Any, Any, Given], then: str, *, secret: bool = False
    ) -> web.StreamResponse:
        try:
            self._guard_place(request)
            session, cookie = await give
        except (NotSignedIn, TooManyTries, proving.Place) as error:
            return self._refusal(request, error)
        finally:
            give.close()
        before = session_of(request)
        if before is not None:
            await proving.sign_out(self.entrance, before, principal_of(request))
        answer: web.StreamResponse = web.Response(status=303, headers={"Location": then})
        if secret and _wants_json(request):
            answer = _json({"ends_at": session.ends_at(self.entrance.settings.idle_s), "csrf_token": csrf_of(cookie)})
        self._set_cookie(answer, self.entrance.cookie, cookie, int(self.entrance.settings.longest_s))
        return answer

    def _guard_place(self, request: web.Request) -> None:
        if not self.entrance.settings.tls and not _is_loopback(request.host):
            raise proving.Place(
                "without TLS what is typed can be read on the way; set access.url to https://..., and a proxy before"
            )

    def _refusal(self, request: web.Request, error: LockstepError) -> web.StreamResponse:
        """A browser goes back to the page with the form, which is told why by a word."""
        wait = error.retry_after_s if isinstance(error, TooManyTries) else 0.0
        seconds = str(max(1, round(wait)))
        if _wants_json(request):
            if isinstance(error, TooManyTries):
                return problem(429, "too-many-tries", str(error), headers=NOT_KEPT | {"Retry-After": seconds})
            return _refused(403, "not-here", str(error)) if isinstance(error, proving.Place) else _unknown(error)
        why = _WORDS.get(type(error), "provider")
        query = {"why": why} | ({"seconds": seconds} if wait else {})
        return web.Response(status=303, headers={"Location": f"{SIGN_IN}?{urlencode(query)}"})

    def _told(self, who: Principal, session: Session | None, csrf: str) -> dict[str, Any]:
        idle_s = self.entrance.settings.idle_s
        return {
            "id": who.id,
            "name": who.name,
            "roles": sorted(who.roles),
            "rights": sorted(who.rights),
            "connections": None if who.connections is None else sorted(who.connections),
            "types": None if who.types is None else sorted(who.types),
            "now": self.entrance.now(),
            "ends_at": session.ends_at(idle_s) if session else None,
            "until": session.until if session else None,
            "csrf_token": csrf or None,
        }

    def _from(self, request: web.Request) -> tuple[str, str]:
        return self.entrance.address_of(request), request.headers.get("User-Agent", "")

    @property
    def _oidc_cookie(self) -> str:
        return f"{self.entrance.cookie}-oidc"

    def _set_cookie(self, answer: web.StreamResponse, name: str, value: str, max_age: int) -> None:
        """Lax: a link in a message opens signed in, and a request that changes something is guarded by its token."""
        answer.set_cookie(
            name, value, max_age=max_age, path="/", httponly=True, samesite="Lax", secure=self.entrance.settings.tls
        )

    def _drop_cookie(self, answer: web.StreamResponse, name: str) -> None:
        answer.del_cookie(name, path="/", httponly=True, samesite="Lax", secure=self.entrance.settings.tls)


_WORDS: dict[type[LockstepError], str] = {
    proving.WrongPassword: "wrong",
    proving.LinkOver: "link",
    proving.Place: "place",
    TooManyTries: "wait",
}
"""What the page with the form is told; it has a sentence for each."""


async def _said(request: web.Request) -> dict[str, Any]:
    if (request.content_length or 0) > LONGEST_BODY:
        return {}
    if request.content_type in FORMS:
        return dict(await form_of(request))
    try:
        read = await request.json()
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _is_loopback(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _wants_json(request: web.Request) -> bool:
    return "json" in request.headers.get("Accept", "") or request.content_type == "application/json"


def _json(value: dict[str, Any]) -> web.Response:
    return web.json_response(value, headers={"Cache-Control": "no-store"})


def _refused(status: int, code: str, detail: str) -> web.Response:
    return problem(status, code, detail, headers=NOT_KEPT)


def _unknown(error: LockstepError) -> web.Response:
    proof = {"WWW-Authenticate": 'Bearer realm="lockstep"'}
    return problem(401, "not-signed-in", str(error), headers=NOT_KEPT | proof)
