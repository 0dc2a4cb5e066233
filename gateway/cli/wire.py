"""The API of a gateway elsewhere over HTTP: requests with a token and a key, problem documents as our own errors."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from connectors.contract.errors import InputError
from gateway.cli.exits import Code, Ending
from gateway.cli.wishes import Wishes, line

if TYPE_CHECKING:
    import httpx

CONNECT_S = 10.0
WAITS = 5
"""So often a request is repeated that the gateway told to come back later."""
LONGEST_WAIT_S = 60.0
Facts = dict[str, Any]


class Refused(InputError):
    """What a problem document says. `moved`: what moved since somebody looked."""

    def __init__(self, problem: Mapping[str, Any], status: int) -> None:
        self.errors: list[Facts] = list(problem.get("errors", ()))
        places = [
            f"{each.get('pointer') or each.get('parameter') or 'the body'}: {each.get('detail')}"
            for each in self.errors
        ]
        detail = str(problem.get("detail") or problem.get("title") or f"refused ({status})")
        code = str(problem.get("code", ""))
        unwritable = "; nothing was changed" if code == "invalid-body" and not places else ""
        super().__init__("; ".join([detail, *places]) + unwritable, code=code)
        self.status, self.moved = status, problem.get("moved")


class Wire:
    """One command's conversation with one gateway. Redirects are not followed: a token goes where it was meant to."""

    def __init__(self, client: httpx.AsyncClient, site: str, typed: Wishes) -> None:
        self.client, self.site, self.typed = client, site, typed
        self.key = typed.key or secrets.token_urlsafe(9)

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """What is there. Raises Refused."""
        return await self._json("GET", path, query=_parameters(query or {}))

    async def there(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """As `get`; None: it does not exist, or lies outside what one may see."""
        try:
            return await self.get(path, query)
        except Refused as error:
            if error.code == "not-found":
                return None
            raise

    async def page(self, path: str, query: Mapping[str, Any]) -> tuple[list[Any], str]:
        """Items, and the cursor of the next page; empty at the end."""
        found = await self.get(path, query)
        return list(found["items"]), _cursor(found.get("next"))

    async def bytes(self, path: str) -> tuple[bytes, Mapping[str, str]]:
        """A file, and the headers that came with it."""
        answer = await self._sent("GET", path, headers={"Accept": "application/octet-stream"})
        return answer.content, answer.headers

    @asynccontextmanager
    async def lines(self, path: str, query: Mapping[str, Any]) -> AsyncIterator[AsyncIterator[str]]:
        """The lines of a long answer. Ends with code 8 where it breaks off: what came is not the whole."""
        import httpx

        headers = {"Accept": "application/jsonl"}
        try:
            async with self.client.stream("GET", path, params=tuple(_parameters(query)), headers=headers) as answer:
                if answer.status_code != 200:
                    await answer.aread()
                    raise self._refused(answer)
                yield answer.aiter_lines()
        except httpx.HTTPError as error:
            raise Ending(Code.NOT_REACHABLE, f"{self.site} broke off ({why(error)}); this is not all") from error

    async def post(self, path: str, body: Mapping[str, Any], *, version: int | str | None = None) -> Any:
        """Has something done; the same with the same key is done once. Raises Refused.

        Ends with code 4 where nobody knows whether it was done, and says how to repeat it safely.
        """
        import orjson

        content = orjson.dumps(body)
        mark = hashlib.sha256(b"\n".join((path.encode(), content))).hexdigest()[:12]
        headers = {"Idempotency-Key": f'"{self.key}-{mark}"', "Content-Type": "application/json"}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return await self._json("POST", path, content=content, headers=headers, acts=True)

    async def delete(self, path: str) -> Any:
        """Takes something away; again is harmless. Raises Refused."""
        return await self._json("DELETE", path, acts=True)

    async def _json(self, method: str, path: str, *, acts: bool = False, **said: Any) -> Any:
        answer = await self._sent(method, path, acts=acts, **said)
        try:
            return answer.json()
        except ValueError as error:
            raise self._strange(answer, acts=acts) from error

    async def _sent(self, method: str, path: str, *, acts: bool = False, query: Any = None, **said: Any) -> Any:
        answer = await self._asked(method, path, acts=acts, params=query, **said)
        for _ in range(WAITS):
            if not _later(answer):
                break
            await asyncio.sleep(min(_wait_s(answer), LONGEST_WAIT_S))
            answer = await self._asked(method, path, acts=acts, params=query, **said)
        if answer.status_code >= 300:
            raise self._strange(answer, acts=acts) if answer.status_code >= 500 else self._refused(answer)
        return answer

    async def _asked(self, method: str, path: str, *, acts: bool, **said: Any) -> httpx.Response:
        import httpx

        try:
            return await self.client.request(method, path, **said)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise self._away(error) from error
        except httpx.HTTPError as error:
            raise self._unknown(why(error)) if acts else self._away(error) from error

    def _refused(self, answer: httpx.Response) -> Exception:
        problem = _problem(answer)
        if problem is None:
            return self._strange(answer, acts=False)
        if answer.status_code == 401:
            text = f"{self.site} does not accept the token; sign in again: lockstep login --url {self.site}"
            return Ending(Code.NOT_ALLOWED, text)
        if problem.get("code") in ("unknown-path", "method-not-allowed"):
            return Ending(Code.FAILED, f"{self.site} does not offer this; it runs another version: lockstep version")
        return Refused(problem, answer.status_code)

    def _strange(self, answer: httpx.Response, *, acts: bool) -> Exception:
        """Not an answer of a gateway, or one that it could not give."""
        problem = _problem(answer)
        if problem is not None and answer.status_code == 503:
            return Ending(Code.NOT_REACHABLE, f"{self.site}: {problem.get('detail')}{self._again(acts)}")
        what = f"it answers {answer.status_code}"
        if problem is not None:
            what += f": {problem.get('detail')} (trace {problem.get('trace_id', '-')})"
        if acts:
            return self._unknown(what)
        code = Code.NOT_REACHABLE if problem is None else Code.FAILED
        return Ending(code, f"{self.site}: {what}" + ("" if problem else ", but not as a gateway does"))

    def _away(self, error: Exception) -> Ending:
        return Ending(Code.NOT_REACHABLE, f"{self.site} cannot be reached: {why(error)}; nothing was done")

    def _unknown(self, why: str) -> Ending:
        text = f"{self.site}: {why}. Whether it was done is not known{self._again(True)}"
        return Ending(Code.STILL_UNKNOWN, text)

    def _again(self, acts: bool) -> str:
        """How it is repeated without being done twice."""
        if not acts:
            return ""
        words = [*self.typed.words]
        if not self.typed.key:
            words += ["--idempotency-key", self.key]
        return f"; this does it once, whatever became of it:\n  {line(words)}"


@asynccontextmanager
async def wire_to(typed: Wishes) -> AsyncIterator[Wire]:
    """The conversation with the gateway that was named. Ends with code 6 without a token, 11 for authorities that
    cannot be read.
    """
    import httpx

    from gateway.cli.logins import site_of, token_for
    from gateway.core.origin import COMMAND

    site = site_of(typed.url)
    headers = {"Authorization": f"Bearer {token_for(typed.url)}", "Accept": "application/json"}
    headers["User-Agent"] = f"{COMMAND}1"
    patience = httpx.Timeout(typed.timeout_s, connect=min(CONNECT_S, typed.timeout_s))
    async with httpx.AsyncClient(
        base_url=site, headers=headers, timeout=patience, verify=trusted(typed), follow_redirects=False
    ) as client:
        yield Wire(client, site, typed)


def trusted(typed: Wishes) -> ssl.SSLContext:
    """Whoever the system trusts, or the authorities of a file instead. Never nobody's word."""
    try:
        return ssl.create_default_context(cafile=None if typed.ca_file is None else str(typed.ca_file))
    except (OSError, ssl.SSLError) as error:
        raise Ending(Code.CONFIG_INVALID, f"--ca-file {typed.ca_file}: no certificates in PEM ({error})") from error


def at(*names: str) -> str:
    """A path below /v1. What people call things may hold anything."""
    return "/v1/" + "/".join(quote(name, safe="") for name in names)


def _parameters(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    """As the API reads them; None and what is empty are not sent, but an empty owner is somebody: nobody."""
    found: list[tuple[str, str]] = []
    for name, value in query.items():
        if value is None or (value in ("", False, ()) and name != "owner"):
            continue
        values = value if isinstance(value, list | tuple) else (value,)
        found += [(name, str(each).lower() if isinstance(each, bool) else str(each)) for each in values]
    return found


def _cursor(next_: str | None) -> str:
    return parse_qs(urlsplit(next_).query).get("after", [""])[0] if next_ else ""


def _problem(answer: httpx.Response) -> Facts | None:
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    try:
        found = msgspec.json.decode(answer.content)
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, dict) else None


def _later(answer: httpx.Response) -> bool:
    """Too many requests, or the first one with this key is under way: a moment later it is answered."""
    problem = _problem(answer) if answer.status_code in (409, 429) else None
    return problem is not None and problem.get("code") in ("quota-exceeded", "still-running")


def _wait_s(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdigit() else 1.0


def why(error: Exception) -> str:
    """In words; a certificate that nobody vouches for says so."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({cause.verify_message}); name its authority with --ca-file"
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__
