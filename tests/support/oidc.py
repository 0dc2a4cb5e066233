"""A small OpenID Connect provider on 127.0.0.1 that keeps to the standards, and lies on request.

Discovery 1.0, authorization code with PKCE (RFC 7636), client authentication, one use per code, JWKS with rotation,
userinfo, RFC 9207. `lies` is what it does wrong with the next identity token, to see that it is found out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

CLIENT, SECRET = "lockstep", "the client's secret, with : and &"


@dataclass
class Asked:
    """What an authorization request asked for, kept under its code until the code is used."""

    redirect_uri: str
    nonce: str
    challenge: str
    subject: str


@dataclass
class Provider:
    """Who signs in is `subject`; their claims are `people[subject]`."""

    now: Callable[[], float] = time.time
    url: str = ""
    subject: str = "u-1"
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    lies: str = ""
    in_userinfo: tuple[str, ...] = ()
    """Claims that are not in identity tokens."""
    keys: list[RSAKey | ECKey] = field(default_factory=list)
    codes: dict[str, Asked] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    away: bool = False

    def __post_init__(self) -> None:
        self.rotate()

    def rotate(self, *, keep: bool = False) -> None:
        """A new key signs from now on; the others are forgotten unless they are kept."""
        made = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig", "alg": "RS256"})
        self.keys = [made, *(self.keys if keep else [])]

    def access_token(self, *, audience: str = "lockstep-api", **changes: Any) -> str:
        """An access token (RFC 9068) for an API."""
        claims = self._claims(self.subject, audience) | self.people.get(self.subject, {}) | changes
        return self._signed({name: value for name, value in claims.items() if value is not None}, typ="at+jwt")

    def _claims(self, subject: str, audience: str) -> dict[str, Any]:
        now = int(self.now())
        return {"iss": self.url, "sub": subject, "aud": audience, "iat": now, "exp": now + 300}

    def _signed(self, claims: dict[str, Any], typ: str = "JWT") -> str:
        header = {"alg": "RS256", "kid": self.keys[0].kid, "typ": typ}
        return jwt.encode(header, claims, self.keys[0])

    def _identity(self, asked: Asked) -> str:
        claims = self._claims(asked.subject, CLIENT) | {"nonce": asked.nonce}
        claims |= {name: each for name, each in self.people[asked.subject].items() if name not in self.in_userinfo}
        lies: dict[str, Callable[[], str]] = {
            "nonce": lambda: self._signed(claims | {"nonce": "another"}),
            "no nonce": lambda: self._signed({name: each for name, each in claims.items() if name != "nonce"}),
            "aud": lambda: self._signed(claims | {"aud": "another-client"}),
            "azp": lambda: self._signed(claims | {"aud": [CLIENT, "other"], "azp": "other"}),
            "iss": lambda: self._signed(claims | {"iss": "https://evil.example"}),
            "expired": lambda: self._signed(claims | {"exp": int(self.now()) - 3600}),
            "no exp": lambda: self._signed({name: each for name, each in claims.items() if name != "exp"}),
            "not yet": lambda: self._signed(claims | {"nbf": int(self.now()) + 3600}),
            "alg none": lambda: unsigned(claims),
            "alg HS256": lambda: self._with_public_key_as_secret(claims),
            "other key": lambda: self._with_other_key(claims),
            "changed": lambda: changed(self._signed(claims)),
            "no sub": lambda: self._signed({name: each for name, each in claims.items() if name != "sub"}),
        }
        return lies[self.lies]() if self.lies in lies else self._signed(claims)

    def _with_public_key_as_secret(self, claims: dict[str, Any]) -> str:
        """The classic confusion of algorithms: the public key, which everybody knows, as the secret of an HMAC."""
        key = OctKey.import_key(self.keys[0].as_pem(private=False))
        body = ".".join(
            packed(json.dumps(each).encode()) for each in ({"alg": "HS256", "kid": self.keys[0].kid}, claims)
        )
        mac = hmac.new(key.raw_value, body.encode(), hashlib.sha256).digest()
        return f"{body}.{packed(mac)}"

    def _with_other_key(self, claims: dict[str, Any]) -> str:
        other = RSAKey.generate_key(2048)
        return jwt.encode({"alg": "RS256", "kid": self.keys[0].kid}, claims, other)

    async def discovery(self, request: web.Request) -> web.Response:
        """OpenID Connect Discovery 1.0."""
        self._note(request)
        document = {
            "issuer": "https://evil.example" if self.lies == "issuer" else self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
        }
        return web.json_response(document)

    async def jwks(self, request: web.Request) -> web.Response:
        """RFC 7517."""
        self._note(request)
        return web.json_response({"keys": [key.as_dict(private=False) for key in self.keys]})

    async def authorize(self, request: web.Request) -> web.Response:
        """Signs `subject` in without asking, and sends the browser back."""
        query = request.query
        good = query.get("response_type") == "code" and query.get("client_id") == CLIENT
        good = good and "openid" in query.get("scope", "") and query.get("code_challenge_method") == "S256"
        if not good:
            return web.Response(status=400, text="invalid_request")
        code = secrets.token_urlsafe(16)
        self.codes[code] = Asked(query["redirect_uri"], query.get("nonce", ""), query["code_challenge"], self.subject)
        answer = {
            "code": code,
            "state": query["state"],
            "iss": "https://evil.example" if self.lies == "mix-up" else self.url,
        }
        if self.lies == "denied":
            answer = {"error": "access_denied", "state": query["state"], "iss": self.url}
        return web.Response(status=302, headers={"Location": f"{query['redirect_uri']}?{urlencode(answer)}"})

    async def token(self, request: web.Request) -> web.Response:
        """RFC 6749 section 4.1.3 with RFC 7636 section 4.6."""
        self._note(request)
        form = await request.post()
        asked = self.codes.pop(str(form.get("code")), None)
        proved = packed(hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest())
        if not self._is_client(request):
            return web.json_response({"error": "invalid_client"}, status=401)
        if asked is None or form.get("redirect_uri") != asked.redirect_uri or proved != asked.challenge:
            return web.json_response({"error": "invalid_grant"}, status=400)
        access = secrets.token_urlsafe(16)
        self.tokens[access] = asked.subject
        body = {"access_token": access, "token_type": "Bearer", "id_token": self._identity(asked)}
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    async def userinfo(self, request: web.Request) -> web.Response:
        """OpenID Connect Core 1.0 section 5.3."""
        subject = self.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if subject is None:
            return web.Response(status=401)
        said = "somebody else" if self.lies == "userinfo" else subject
        return web.json_response(self.people[subject] | {"sub": said})

    def _is_client(self, request: web.Request) -> bool:
        said = request.headers.get("Authorization", "").removeprefix("Basic ")
        user, _, password = base64.b64decode(said).decode().partition(":")
        return (unquote(user), unquote(password)) == (CLIENT, SECRET)

    def _note(self, request: web.Request) -> None:
        if self.away:
            raise web.HTTPServiceUnavailable
        self.asked.append(request.path)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Provider]:
        """Listens on a free port."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/.well-known/openid-configuration", self.discovery),
                web.get("/jwks", self.jwks),
                web.get("/authorize", self.authorize),
                web.post("/token", self.token),
                web.get("/userinfo", self.userinfo),
            ]
        )
        async with TestServer(app) as server:
            self.url = str(server.make_url("")).rstrip("/")
            yield self


def packed(raw: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unsigned(claims: dict[str, Any]) -> str:
    """A token with `alg: none`."""
    header = packed(json.dumps({"alg": "none"}).encode())
    return f"{header}.{packed(json.dumps(claims).encode())}."


def changed(token: str) -> str:
    """The token with another subject under the same signature."""
    header, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return f"{header}.{packed(json.dumps(claims | {'sub': 'admin'}).encode())}.{signature}"
