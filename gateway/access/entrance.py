"""What signing in works with, and who is behind a request. One per process; several may share the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, Protocol

import msgspec
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access import sessions, tokens
from gateway.access.asking import NotSignedIn
from gateway.access.hashes import csrf_of, digest
from gateway.access.people import principal_of_holder
from gateway.access.rights import Principal
from gateway.access.sessions import TOLD_EVERY_S, Session
from gateway.config.access import Access, DeclaredToken
from gateway.config.high_risk import HighRisk
from gateway.storage.database import Database

ENDED = "the session has ended; sign in again"
REFUSED = "the token is not accepted: it is unknown, has expired or was revoked"


class Trail(Protocol):
    """Writes an entry of the audit trail in the transaction of what it tells of, and gives its id."""

    async def __call__(
        self, tx: AsyncConnection, *, at: float, kind: str, actor: str, detail: Mapping[str, Any]
    ) -> str: ...


class Provider(Protocol):
    """Who else vouches for people: an OpenID Connect provider."""

    async def bearer(self, token: str) -> Principal:
        """Who acts with an access token of the provider. Raises NotSignedIn."""
        ...

    async def begin(self, next: str) -> tuple[str, str]:
        """Where to send the browser, and the value of the cookie that has to come back with it."""
        ...

    async def finish(self, cookie: str, query: Mapping[str, str]) -> tuple[Principal, str]:
        """Who came back, and where they wanted to go. Raises NotSignedIn."""
        ...


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """Who is behind a request, and by what."""

    who: Principal
    session: Session | None = None
    """None: by a token."""
    csrf: str = ""
    """What forms and scripts of the session send along."""


class Entrance:
    """Finds out who asks. Safe for many tasks."""

    def __init__(
        self,
        database: Database,
        settings: Access,
        *,
        now: Callable[[], float],
        trail: Trail,
        provider: Provider | None = None,
        policy: HighRisk | None = None,
    ) -> None:
        """`policy` says when sign-ins that fail in a row are told of."""
        self.database, self.settings, self.now, self.trail, self.provider = database, settings, now, trail, provider
        self.policy = policy or HighRisk()
        self._declared = {digest(each.secret): each for each in settings.tokens.values()}

    @property
    def cookie(self) -> str:
        """Name of the session's cookie. With TLS no other host, and no page without TLS, can set one of this name."""
        return "__Host-lockstep" if self.settings.tls else "lockstep"

    async def proof(self, request: web.Request) -> Proof | None:
        """Who is behind the request; None: it shows nothing. Raises NotSignedIn if what it shows does not hold."""
        said = request.headers.get("Authorization", "")
        if said:
            scheme, _, secret = said.partition(" ")
            if scheme.casefold() != "bearer" or not secret.strip():
                raise NotSignedIn("only Authorization: Bearer is understood here")
            return Proof(who=await self._bearer(secret.strip()))
        secret = request.cookies.get(self.cookie, "")
        return await self._session(secret, renew=_is_use(request)) if secret else None

    async def still_holds(self, request: web.Request) -> bool:
        """Whether what the request showed when it began would let it in now: for answers that stay open for long."""
        try:
            said = request.headers.get("Authorization", "").partition(" ")[2].strip()
            if said:
                await self._bearer(said)
                return True
            return await self._session(request.cookies.get(self.cookie, ""), renew=False) is not None
        except NotSignedIn:
            return False

    async def _bearer(self, secret: str) -> Principal:
        declared = self._declared.get(digest(secret))
        if declared is not None:
            return self._of_declared(declared)
        if secret.count(".") == 2 and self.provider is not None:
            return await self.provider.bearer(secret)
        now = self.now()
        async with self.database.read() as tx:
            token = await tokens.find_secret(tx, secret)
            held = token and token.revoked_at is None and token.expires_at > now
            who = await tokens.principal_of_token(tx, token) if token and held else None
        if token is None or who is None:
            raise NotSignedIn(REFUSED)
        if token.used_at is None or token.used_at <= now - TOLD_EVERY_S:
            async with self.database.begin("access") as tx:
                await tokens.use_token(tx, token.id, now=now)
        return who

    def _of_declared(self, token: DeclaredToken) -> Principal:
        if token.expires_at is not None and token.expires_at <= self.now():
            raise NotSignedIn(REFUSED)
        return tokens.principal_of_declared(token)

    async def _session(self, secret: str, *, renew: bool) -> Proof:
        now = self.now()
        async with self.database.read() as tx:
            found = await sessions.find(tx, secret, now=now, settings=self.settings)
            who = await principal_of_holder(tx, found.holder) if found else None
        if found is None or who is None:
            raise NotSignedIn(ENDED)
        if renew and found.used_at <= now - TOLD_EVERY_S:
            async with self.database.begin("access") as tx:
                await sessions.use(tx, found.id, now=now)
            found = msgspec.structs.replace(found, used_at=now)
        return Proof(who=who, session=found, csrf=csrf_of(secret))

    def address_of(self, request: web.Request) -> str:
        """Where the request came from: the nearest address that is not one of our proxies."""
        hops = [each.strip() for each in request.headers.get("X-Forwarded-For", "").split(",") if each.strip()]
        at = request.remote or ""
        while hops and self._is_proxy(at):
            at = hops.pop()
        return at[:60]

    def _is_proxy(self, at: str) -> bool:
        try:
            address = ip_address(at)
        except ValueError:
            return False
        return any(address in network for network in self.settings.proxies)


def _is_use(request: web.Request) -> bool:
    """What pages ask by themselves is no sign of a person: a stream opened again, the time that a session has left."""
    return request.path != "/session" and "text/event-stream" not in request.headers.get("Accept", "")
