"""From a declared route to what answers its requests."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from gateway.access.asking import principal_of, set_not_allowed
from gateway.access.rights import Principal
from gateway.api.declare import Answer, Ask, Key, Page, Route, pages
from gateway.api.desk import Desk
from gateway.api.failures import NotThere, told
from gateway.api.keys import Claim, Kept, fingerprint, key_of
from gateway.api.reading import Unfit, read_body, read_bytes, read_query
from gateway.api.showing import to_json
from gateway.core.problems import problem

Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]
LONGEST_NAME = 400
_KEPT_HEADERS = ("ETag", "Location", "Retry-After", "Link", "Content-Type")
_OWN_WRITES = frozenset({200, 201, 202, 204})


def routes_of(desk: Desk, routes: Iterable[Route]) -> list[web.RouteDef]:
    """The table for aiohttp; paths with a verb first, so that no name swallows it."""
    ordered = sorted(routes, key=lambda route: ":" not in route.path)
    return [_definition(desk, each) for each in ordered]


def _definition(desk: Desk, route: Route) -> web.RouteDef:
    """Whatever can be read can be asked for its headers alone; a stream has nothing else to give."""
    if route.method == "GET":
        return web.get(route.served_at, serving(desk, route), allow_head=route.media == "application/json")
    return web.route(route.method, route.served_at, serving(desk, route))


def serving(desk: Desk, route: Route) -> Serve:
    """The handler: who asks, how often, whether they may, what they said; then the route; every error a problem."""

    async def serve(request: web.Request) -> web.StreamResponse:
        who: Principal | None = None
        limits: Mapping[str, str] = {}
        try:
            who = principal_of(request)
            taken = desk.limiter.take(who.id)
            limits = taken.headers
            if not taken.allowed:
                response: web.StreamResponse = _quota(taken.quota)
            else:
                response = await _served(desk, route, request, who)
        except (ConnectionError, web.HTTPRequestTimeout):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a problem document
            set_not_allowed(request, error)
            response = told(error, who, request.path)
        if not response.prepared:
            response.headers.update(limits)
            response.headers.setdefault("Cache-Control", "no-store")
            response.headers.setdefault("Vary", "Authorization, Cookie")
            response.headers.setdefault("X-Content-Type-Options", "nosniff")
        return response

    return serve


def _quota(quota: int) -> web.Response:
    detail = f"a caller may ask {quota} times a minute"
    return problem(429, "quota-exceeded", detail, more={"violated-policies": ["default"]})


async def _served(desk: Desk, route: Route, request: web.Request, who: Principal) -> web.StreamResponse:
    if route.right is not None:
        who.require(route.right)
    _acceptable(route, request)
    path = _names(request)
    query = read_query(route.query, request.query)
    raw = b""
    if route.body is not None:
        raw = await read_bytes(request, needed=_needs_body(route.body))
    body = read_body(route.body, raw) if route.body is not None else None
    version = _version(request) if route.match else ""
    position = await _position(desk, request, who, query)
    ask = Ask(
        desk=desk, who=who, request=request, path=path, query=query, body=body, version=version, position=position
    )
    if route.key is Key.NONE:
        return await _answered(route, ask)
    return await _once(route, ask, raw)


async def _once(route: Route, ask: Ask, raw: bytes) -> web.StreamResponse:
    """Carries the request out unless it was before. What the verb says is kept, errors too; a defect is not.

    Cancelled, it may have acted: the key stays claimed until its lease is over.
    """
    header = ask.request.headers.get("Idempotency-Key", "")
    if not header:
        raise Unfit("send an Idempotency-Key, new for every wish and the same for a repeat", code="key-missing")
    keys = ask.desk.keys
    claim = await keys.claim(ask.who.id, key_of(header), fingerprint(route.method, ask.request.path_qs, raw))
    if isinstance(claim, Kept):
        return web.Response(
            status=claim.status, text=claim.body, headers=claim.headers | {"Idempotency-Replayed": "true"}
        )
    try:
        response = await _answered(route, ask)
    except Exception as error:  # noqa: BLE001 - told apart by what it says: see below
        set_not_allowed(ask.request, error)
        response = told(error, ask.who, ask.request.path)
    await _keep(route, ask, claim, response)
    return response


async def _keep(route: Route, ask: Ask, claim: Claim, response: web.StreamResponse) -> None:
    if response.status >= 500 or response.status == 429 or not isinstance(response, web.Response):
        await ask.desk.keys.release(claim)
        return
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    kept = Kept(response.status, headers, response.text or "")
    await ask.desk.keys.keep(claim, kept, for_good=route.key is Key.FOR_GOOD and response.status in _OWN_WRITES)


async def _answered(route: Route, ask: Ask) -> web.StreamResponse:
    given = await route.do(ask)
    if isinstance(given, web.StreamResponse):
        return given
    answer = given if isinstance(given, Answer) else Answer(value=given)
    if answer.value is None and route.answer is not None:
        raise NotThere
    headers = dict(answer.headers)
    value = answer.value
    if route.paged:
        value = await _page(ask, answer, headers)
    if value is None:
        return web.Response(status=answer.status or route.status, headers=headers)
    text = to_json(value)
    if answer.version:
        headers["ETag"] = etag(answer.version, text)
        if ask.request.method in ("GET", "HEAD") and headers["ETag"] in _tags(
            ask.request.headers.get("If-None-Match", "")
        ):
            return web.Response(status=304, headers=headers)
    return web.Response(
        status=answer.status or route.status, text=text, content_type="application/json", headers=headers
    )


async def _page(ask: Ask, answer: Answer, headers: dict[str, str]) -> Page[Any]:
    """The page with the addresses of the first and the next, in the body and as Link (RFC 8288)."""
    page: Page[Any] = answer.value if isinstance(answer.value, Page) else Page(items=tuple(answer.value))
    first = [(name, text) for name, text in ask.request.query.items() if name != "after"]
    links = [f'<{_address(ask.request, first)}>; rel="first"']
    if answer.position is not None:
        cursor = await ask.desk.cursors.make(_pinned(ask.request, ask.who), answer.position)
        address = _address(ask.request, [*first, ("after", cursor)])
        links.append(f'<{address}>; rel="next"')
        page = msgspec.structs.replace(page, next=address)
    headers["Link"] = ", ".join(links)
    return page


def _address(request: web.Request, query: list[tuple[str, str]]) -> str:
    return f"{request.rel_url.raw_path}?{urlencode(query)}" if query else request.rel_url.raw_path


async def _position(desk: Desk, request: web.Request, who: Principal, query: Any) -> Any:
    if not pages(type(query)) or not query.after:
        return None
    return await desk.cursors.read(_pinned(request, who), query.after)


def _pinned(request: web.Request, who: Principal) -> str:
    """What a cursor is good for: this list, this filter, this caller. The size of the pages may change."""
    filters = sorted((name, text) for name, text in request.query.items() if name not in ("after", "limit", "count"))
    return f"{who.id}\n{request.rel_url.raw_path}\n{urlencode(filters)}"


def _acceptable(route: Route, request: web.Request) -> None:
    wanted = request.headers.get("Accept", "")
    kinds = [each.partition(";")[0].strip().lower() for each in wanted.split(",") if each.strip()]
    media = route.media.lower()
    fine = {media, "*/*", f"{media.partition('/')[0]}/*"}
    if kinds and not fine & set(kinds):
        raise Unfit(f"this answers {route.media}", code="not-acceptable")


def _names(request: web.Request) -> dict[str, str]:
    """Names in the path. One that nothing of ours can be called names nothing."""
    names = dict(request.match_info)
    if any(len(name) > LONGEST_NAME or not name.isprintable() for name in names.values()):
        raise NotThere
    return names


def _needs_body(kind: type[msgspec.Struct]) -> bool:
    return any(field.required for field in msgspec.structs.fields(kind))


def etag(version: str, text: str) -> str:
    """Strong: another text has another tag. What stands before the dot is what a decision depends on."""
    return f'"{version}.{hashlib.sha256(text.encode()).hexdigest()[:12]}"'


def _tags(header: str) -> list[str]:
    return [each.strip() for each in header.split(",") if each.strip()]


def _version(request: web.Request) -> str:
    """What was decided on. Raises Unfit: an ETag has to be named, and only one can have been looked at."""
    tags = _tags(request.headers.get("If-Match", ""))
    if not tags or tags == ["*"]:
        raise Unfit("send If-Match with the ETag that you decided on", code="if-match-needed")
    tag = tags[0]
    if len(tags) > 1 or not (len(tag) > 2 and tag[0] == tag[-1] == '"'):
        raise Unfit('If-Match has to be one ETag as it was sent: "7.0f3a..."', code="invalid-header")
    return tag.strip('"').partition(".")[0]
