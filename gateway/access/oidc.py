"""Signing in with an OpenID Connect provider: authorization code with PKCE, state and nonce; and its access tokens.

OpenID Connect Core 1.0 section 3.1, RFC 7636, RFC 9207, RFC 9700. What has to come back with the browser is in a cookie
of ours for ten minutes, so any worker may finish what another began.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from gateway.access.asking import NotSignedIn, ProviderAway
from gateway.access.entrance import Trail
from gateway.access.hashes import same
from gateway.access.issuer import Endpoints, Issuer
from gateway.access.joining import join, recognised
from gateway.access.outbound import AddressRefused, Answer, Guard, NotReached, Outbound
from gateway.access.people import principal_of_person
from gateway.access.rights import Principal
from gateway.config.access import Access, Oidc
from gateway.storage.database import Database

CALLBACK = "/sign-in/oidc/callback"


class _Pending(msgspec.Struct, frozen=True):
    """What we sent the browser away with."""

    state: str
    nonce: str
    verifier: str
    next: str


class OidcProvider:
    """`gateway.access.entrance.Provider` for the provider of `access.oidc`."""

    def __init__(
        self,
        database: Database,
        access: Access,
        settings: Oidc,
        outbound: Outbound,
        *,
        now: Callable[[], float],
        trail: Trail,
    ) -> None:
        self._database, self._settings, self._now, self._trail = database, settings, now, trail
        self._issuer = Issuer(settings, outbound, now=now)
        self._outbound = outbound
        self._callback = f"{access.url}{CALLBACK}"

    async def begin(self, next: str) -> tuple[str, str]:
        """Where to send the browser, and the cookie. Raises ProviderAway."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        pending = _Pending(state, nonce, verifier, next)
        endpoint = (await self._issuer.endpoints()).authorization_endpoint
        challenge = hashlib.sha256(pending.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._callback,
            "scope": " ".join(self._settings.scopes),
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        mark = "&" if urlsplit(endpoint).query else "?"
        return f"{endpoint}{mark}{urlencode(query)}", _packed(pending)

    async def finish(self, cookie: str, query: Mapping[str, str]) -> tuple[Principal, str]:
        """Who came back, and where to. Raises NotSignedIn."""
        pending = _unpacked(cookie)
        if pending is None or not same(query.get("state", ""), pending.state):
            raise NotSignedIn("this sign-in was not begun in this browser, or took too long; begin again")
        endpoints = await self._issuer.endpoints()
        wanted = self._settings.issuer
        if query.get("iss", wanted if not endpoints.authorization_response_iss_parameter_supported else "") != wanted:
            raise NotSignedIn("another provider answered")
        if query.get("error") or not query.get("code"):
            raise NotSignedIn("the provider let nobody in")
        tokens = await self._exchange(endpoints, query["code"], pending)
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str):
            raise NotSignedIn("the provider gave no identity")
        claims = await self._issuer.claims(id_token, audience=self._settings.client_id, nonce=pending.nonce)
        if claims.get("azp", self._settings.client_id) != self._settings.client_id:
            raise NotSignedIn("the identity was made for another program")
        claims |= await self._more(endpoints, claims, tokens.get("access_token"))
        return await self._principal(claims, signing_in=True), pending.next

    async def bearer(self, token: str) -> Principal:
        """Who acts with an access token of the provider for our API. Raises NotSignedIn."""
        if not self._settings.audience:
            raise NotSignedIn("tokens of the provider are not accepted here; see access.oidc.audience")
        claims = await self._issuer.claims(token, audience=self._settings.audience)
        return await self._principal(claims, signing_in=False)

    async def _principal(self, claims: Mapping[str, Any], *, signing_in: bool) -> Principal:
        if not signing_in:
            async with self._database.read() as tx:
                known = await recognised(tx, self._settings, claims)
            if known is not None:
                return principal_of_person(known)
        async with self._database.begin("access") as tx:
            person = await join(tx, self._settings, claims, now=self._now(), trail=self._trail)
        return principal_of_person(person)

    async def _exchange(self, endpoints: Endpoints, code: str, pending: _Pending) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "code_verifier": pending.verifier,
            "client_id": self._settings.client_id,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if self._settings.client_secret:
            if "client_secret_basic" in endpoints.token_endpoint_auth_methods_supported:
                headers["Authorization"] = _basic(self._settings.client_id, self._settings.client_secret)
            else:
                form["client_secret"] = self._settings.client_secret
        answer = await self._send("POST", endpoints.token_endpoint, headers, urlencode(form).encode())
        if answer.status != 200:
            raise NotSignedIn(f"the provider did not accept the sign-in ({answer.status})")
        return _object(answer)

    async def _more(self, endpoints: Endpoints, claims: Mapping[str, Any], token: Any) -> dict[str, Any]:
        """Groups and name, where the identity does not hold them: then the provider is asked about the person."""
        wanted = {self._settings.groups_claim, self._settings.name_claim}
        if wanted <= set(claims) or not endpoints.userinfo_endpoint or not isinstance(token, str):
            return {}
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        answer = await self._send("GET", endpoints.userinfo_endpoint, headers)
        found = _object(answer) if answer.status == 200 else {}
        if found.get("sub") != claims["sub"]:
            return {}
        return {
            name: found[name]
            for name in wanted | {"name", "email", "email_verified"}
            if name in found and name not in claims
        }

    async def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        try:
            return await self._outbound.send(method, url, headers=headers, body=body)
        except (NotReached, AddressRefused) as error:
            raise ProviderAway(f"the provider cannot be asked: {error}") from error


def provider_of(database: Database, access: Access, *, now: Callable[[], float], trail: Trail) -> OidcProvider | None:
    """The configured provider, asked past the guard of `access.internal`. None: none is configured."""
    if access.oidc is None:
        return None
    return OidcProvider(database, access, access.oidc, Outbound(Guard(access.internal)), now=now, trail=trail)


def _basic(user: str, password: str) -> str:
    """RFC 6749 section 2.3.1: both are form-encoded first."""
    both = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return f"Basic {base64.b64encode(both.encode()).decode()}"


def _object(answer: Answer) -> dict[str, Any]:
    try:
        return msgspec.json.decode(answer.body, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ProviderAway("the provider answered with something else than a JSON object") from error


def _packed(pending: _Pending) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(pending)).decode().rstrip("=")


def _unpacked(cookie: str) -> _Pending | None:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4)), type=_Pending)
    except (ValueError, msgspec.DecodeError, msgspec.ValidationError):
        return None
