"""Requests of a connector file over the REST client: addresses filled in, answers picked apart, pages followed on the
same host only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urljoin, urlsplit

from connectors.contract.clock import Clock
from connectors.contract.errors import Refused
from connectors.declared.looking import many, one
from connectors.declared.model.requests import (
    AfterPages,
    CursorPages,
    LinkPages,
    Listing,
    NumberedPages,
    OffsetPages,
    RangePages,
    Reading,
    Size,
    UrlPages,
)
from connectors.declared.model.writes import Before
from connectors.declared.slots import Values, as_text, fill_address, fill_body, fill_header, fill_query
from connectors.rest import Answer, RestClient
from connectors.rest.links import next_link

Token = dict[str, Any]
"""Where a list goes on, fit to be stored: `{"url"}`, `{"param", "value"}`, `{"from"}`; {} for the first page."""


class Shown(NamedTuple):
    """One page of a list."""

    rows: list[Any]
    following: Token | None
    """Where the next one begins; None: this was the last."""
    etag: str = ""
    """What the system calls the page as it is."""


_LEAST_S = 0.05


def left(ends: float, clock: Clock) -> float:
    """Seconds until then; never none at all, which would mean: no limit."""
    return max(_LEAST_S, ends - clock.monotonic())


class Asker:
    """Sends what the file describes. `origin` is scheme, host and port; nothing else is ever asked."""

    def __init__(
        self, client: RestClient, *, origin: str, base: str, headers: Mapping[str, str], quotes: str = "refuse"
    ) -> None:
        self._client, self._origin, self._base, self._headers = client, origin, base, headers
        self._quotes = quotes

    def headers(self, own: Mapping[str, str], values: Values) -> dict[str, str]:
        """Those of all requests and those of this one; an empty one is left out."""
        filled = {name: fill_header(text, values) for name, text in {**self._headers, **own}.items()}
        return {name: text for name, text in filled.items() if text}

    def path(
        self,
        address: str,
        query: Mapping[str, str],
        values: Values,
        more: Mapping[str, str] | None = None,
        *,
        from_root: bool = False,
    ) -> str:
        """Path and query as they go over the wire. `from_root`: without what stands before every path."""
        path = ("" if from_root else self._base) + fill_address(address, values)
        filled = {name: fill_query(text, values, self._quotes) for name, text in query.items()}
        given = {name: text for name, text in {**filled, **(more or {})}.items() if text}
        if not given:
            return path
        return f"{path}{'&' if '?' in path else '?'}{urlencode(given, quote_via=quote)}"

    async def ask(
        self,
        reading: Reading,
        values: Values,
        *,
        more: Mapping[str, Any] | None = None,
        url: str = "",
        tolerate: Collection[int] = (),
        known: str = "",
        timeout_s: float | None = None,
    ) -> Answer:
        """One request. `url`: the page that an answer named, in place of the file's own address. `known`: the etag of
        what was seen; the answer is 304 where it is still so.
        """
        into_body = isinstance(reading, Listing) and reading.params_in == "body"
        own = None if into_body else _texts(more)
        path = url or self.path(reading.address, reading.query, values, own, from_root=reading.from_root)
        body = None if reading.body is None else fill_body(reading.body, values)
        if into_body:
            body = {**(body or {}), **(more or {})}
        headers = self.headers({**reading.headers, **_size_header(reading)}, values)
        headers |= {"If-None-Match": known} if known else {}
        return await self._client.read(
            path, method=reading.method, body=body, headers=headers, tolerate=tolerate, timeout_s=timeout_s
        )

    async def before(self, requests: Sequence[Before], values: Values, *, ends: float, clock: Clock) -> dict[str, Any]:
        """What a write needs first, by name. `ends`: when the write itself has to be over (monotonic): what settles an
        outcome rests on that. Raises Refused where an answer lacks what it should give: nothing is sent with a hole in
        it.
        """
        given = dict[str, Any]()
        for request in requests:
            known = {**values, "before": given}
            answer = await self.ask(request, known, timeout_s=left(ends, clock))
            shown = one(request.pick)(answer.data)
            for name, path in request.gives.items():
                value = one(path)(shown)
                if value in (None, ""):
                    raise Refused(f"{request.method} {request.address} gave no {name}: nothing is at {path}")
                given[name] = value
        return given

    async def page(
        self, listing: Listing, values: Values, token: Token, *, more: Mapping[str, str] | None = None, known: str = ""
    ) -> Shown:
        """The objects of one page. `known`: the etag it had; if it still has it, nothing is shown."""
        sized = {**(more or {}), **_sized(listing)}
        if token.get("param"):
            sized[str(token["param"])] = token["value"]
        url = self._on_this_host(str(token["url"])) if token.get("url") else ""
        values = {**values, **_range(listing, token)}
        empty = {*listing.absent, *((304,) if known else ())}
        answer = await self.ask(listing, values, more=sized, url=url, tolerate=empty, known=known)
        if answer.status in empty:
            return Shown([], None, known if answer.status == 304 else "")
        rows = many(listing.pick)(answer.data)
        return Shown(rows, self._following(listing, answer, rows, token), answer.headers.get("etag", ""))

    async def all(self, listing: Listing, values: Values) -> list[Any]:
        """Every page. Raises Refused where an answer would have us read the same page for ever."""
        found, token, seen = list[Any](), Token(), list[Token]()
        while True:
            rows, following, _ = await self.page(listing, values, token)
            found += rows
            if following is None:
                return found
            if following in seen or len(seen) >= _MOST_PAGES:
                raise Refused(f"the list {listing.address} does not end: a page came again")
            seen.append(following)
            token = following

    def _following(self, listing: Listing, answer: Answer, rows: list[Any], token: Token) -> Token | None:
        more = _more(listing, answer)
        if more is False:
            return None
        match listing.page:
            case CursorPages(from_=where, to=param):
                value = one(where)(answer.data)
                return {"param": param, "value": as_text(value)} if value not in (None, "", False) else None
            case UrlPages(from_=where):
                value = one(where)(answer.data)
                return {"url": self._on_this_host(str(value))} if value else None
            case LinkPages():
                link = next_link(answer.headers.get("link", ""))
                return {"url": self._on_this_host(link)} if link else None
            case NumberedPages(param=param, first=first, size=size):
                number = int(token.get("value", first))
                full = more or (bool(rows) and (size is None or len(rows) >= size.value))
                return {"param": param, "value": number + 1} if full else None
            case OffsetPages(param=param, size=size):
                full = more or len(rows) >= size.value
                return {"param": param, "value": int(token.get("value", 0)) + size.value} if full else None
            case RangePages(size=size):
                full = more or len(rows) >= size.value
                return {"from": int(token.get("from", 0)) + size.value} if full else None
            case AfterPages(param=param, of=where, size=size):
                full = bool(rows) and (more or len(rows) >= size.value)
                return {"param": param, "value": as_text(one(where)(rows[-1]))} if full else None
        return None

    def _on_this_host(self, url: str) -> str:
        """Path and query of the next page. Raises Refused for another host: an answer must not send us elsewhere, with
        our credentials in hand.
        """
        parts = urlsplit(urljoin(self._origin + "/", url))
        if f"{parts.scheme}://{parts.netloc}" != self._origin or any(sign in url for sign in "\r\n\t\\ "):
            raise Refused("the answer names a next page on another host, which is not followed")
        return parts.path + (f"?{parts.query}" if parts.query else "")


_MOST_PAGES = 10_000


def _more(listing: Listing, answer: Answer) -> bool | None:
    """Whether the answer says that there is more; None: it does not say. A page may show nothing although there is."""
    if listing.more_header is not None:
        said = answer.headers.get(listing.more_header.lower(), "")
        return bool(next_link(said) if listing.more_header.lower() == "link" else said.strip())
    if listing.more is not None:
        return one(listing.more)(answer.data) not in (False, None, 0, "", "false")
    return None


def _sized(listing: Listing) -> dict[str, Any]:
    size = listing.page.size if listing.page else None
    return {size.param: size.value} if isinstance(size, Size) and size.param else {}


def _size_header(reading: Reading) -> dict[str, str]:
    size = reading.page.size if isinstance(reading, Listing) and reading.page else None
    if not isinstance(size, Size) or not size.header:
        return {}
    return {size.header: size.as_.replace("${size}", str(size.value))}


def _texts(more: Mapping[str, Any] | None) -> dict[str, str]:
    return {name: as_text(each) for name, each in (more or {}).items()}


def _range(listing: Listing, token: Token) -> dict[str, Any]:
    if not isinstance(listing.page, RangePages):
        return {}
    began = int(token.get("from", 0))
    return {"page": {"from": began, "to": began + listing.page.size.value}}
