"""A provider's documents: where its endpoints are, its keys, and whether a token is from it and for us.

OpenID Connect Discovery 1.0, RFC 7517 to 7519, RFC 8725 (algorithms come from our list, never from the token).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from gateway.access.asking import NotSignedIn, ProviderAway
from gateway.access.outbound import AddressRefused, NotReached, Outbound
from gateway.config.access import Oidc

KEEP_S = 3600.0
"""Documents are asked for anew after so long, so that a key which was withdrawn does not count for ever."""
STALE_S = 24 * 3600.0
"""So long known keys go on counting while the provider cannot be asked."""
AGAIN_S = 10.0
"""An unknown key asks for the keys anew, at most this often: anybody can send tokens with made-up keys."""
LEEWAY_S = 60
"""Clocks of two organisations differ by this much without anybody noticing."""
LONGEST = 16384


class Endpoints(msgspec.Struct, frozen=True):
    """What we need of the provider's discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Issuer:
    """Fetches and keeps the documents of one provider. Safe for many tasks."""

    def __init__(self, settings: Oidc, outbound: Outbound, *, now: Callable[[], float]) -> None:
        self.settings, self.outbound, self._now = settings, outbound, now
        self._endpoints: tuple[float, Endpoints] | None = None
        self._keys: tuple[float, tuple[Key, ...]] | None = None
        self._failed_at = -AGAIN_S
        self._turn = asyncio.Lock()

    async def endpoints(self) -> Endpoints:
        """Where the provider is asked what. Raises ProviderAway."""
        async with self._turn:
            if self._endpoints is None or self._endpoints[0] <= self._now() - KEEP_S:
                found = _endpoints(await self._document(self._discovery()))
                if found.issuer != self.settings.issuer:
                    raise ProviderAway(f"the provider calls itself {found.issuer}, not {self.settings.issuer}")
                self._endpoints = (self._now(), found)
            return self._endpoints[1]

    def _discovery(self) -> str:
        return f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"

    async def claims(self, token: str, *, audience: str, nonce: str | None = None) -> dict[str, Any]:
        """What a token of the provider says, checked: signature, algorithm, issuer, audience, times, and the nonce that
        was sent. Raises NotSignedIn saying what does not hold, never the token; ProviderAway.
        """
        kid, algorithm = self._header(token)
        key = await self._key(kid, algorithm)
        wanted: dict[str, jwt.ClaimsOption] = {
            "iss": {"essential": True, "value": self.settings.issuer},
            "aud": {"essential": True, "value": audience},
            "exp": {"essential": True},
            "sub": {"essential": True},
        }
        if nonce is not None:
            wanted["nonce"] = {"essential": True, "value": nonce}
        rules = jwt.JWTClaimsRegistry(now=int(self._now()), leeway=LEEWAY_S, **wanted)
        try:
            claims = jwt.decode(token, key, algorithms=list(self.settings.algorithms)).claims
            rules.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise NotSignedIn(f"the provider's token does not hold: {_said(error)}") from error
        return dict(claims)

    def _header(self, token: str) -> tuple[str, str]:
        """Key id and algorithm that the token names."""
        try:
            header = jws.extract_compact(token.encode()).headers() if len(token) <= LONGEST else {}
        except (JoseError, ValueError, TypeError) as error:
            raise NotSignedIn("this is no token") from error
        algorithm, kid = header.get("alg"), header.get("kid", "")
        if algorithm not in self.settings.algorithms or not isinstance(kid, str):
            raise NotSignedIn("the token is not signed in a way that is accepted here")
        return kid, str(algorithm)

    async def _key(self, kid: str, algorithm: str) -> Key:
        asked_at, keys = self._keys or (self._now() - STALE_S, ())
        found, old_s = _fitting(keys, kid, algorithm), self._now() - asked_at
        if old_s >= KEEP_S or (found is None and old_s >= AGAIN_S):
            try:
                found = _fitting(await self._fetch_keys(asked_at), kid, algorithm)
            except ProviderAway:
                if found is None or old_s >= STALE_S:
                    raise
        if found is None:
            raise NotSignedIn("the token is signed with a key that the provider does not have")
        return found

    async def _fetch_keys(self, known_at: float) -> tuple[Key, ...]:
        """The keys as they are now; one fetch answers all who wait for it."""
        endpoints = await self.endpoints()
        async with self._turn:
            if self._keys is not None and self._keys[0] > known_at:
                return self._keys[1]
            try:
                keys = KeySet.import_key_set(await self._document(endpoints.jwks_uri)).keys
            except (JoseError, ValueError, TypeError, KeyError) as error:
                raise ProviderAway("the provider's keys cannot be read") from error
            self._keys = (self._now(), tuple(keys))
            return self._keys[1]

    async def _document(self, url: str) -> Any:
        """One that did not answer is left alone for a moment: each who asks would wait for it again."""
        if self._now() - self._failed_at < AGAIN_S:
            raise ProviderAway("the provider could not be asked a moment ago; try again soon")
        try:
            answer = await self.outbound.send("GET", url, headers={"Accept": "application/json"})
            if answer.status != 200:
                raise ProviderAway(f"the provider answered {answer.status}")
            return msgspec.json.decode(answer.body)
        except (NotReached, AddressRefused, ProviderAway) as error:
            self._failed_at = self._now()
            raise ProviderAway(f"the provider cannot be asked: {error}") from error
        except msgspec.DecodeError as error:
            raise ProviderAway("the provider answered with something else than JSON") from error


def _endpoints(document: Any) -> Endpoints:
    try:
        return msgspec.convert(document, Endpoints)
    except msgspec.ValidationError as error:
        raise ProviderAway(f"the provider's discovery document lacks what we need: {error}") from error


def _fitting(keys: tuple[Key, ...], kid: str, algorithm: str) -> Key | None:
    """The key that the token names; without a name, the only one there is. None for encryption or another algorithm."""
    named = [key for key in keys if key.kid == kid] if kid else list(keys)
    fit = [key for key in named if _signs(key.as_dict(private=False), algorithm)]
    return fit[0] if len(fit) == 1 or (fit and kid) else None


def _signs(key: Mapping[str, Any], algorithm: str) -> bool:
    kinds = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
    return (
        key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and key.get("kty") == kinds[algorithm[:2]]
    )


def _said(error: Exception) -> str:
    """What does not hold, without any of the token's own text."""
    claim = getattr(error, "claim", "")
    return f"{claim} is not as it should be" if claim else str(getattr(error, "error", "") or "it cannot be read")
