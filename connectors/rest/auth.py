"""Credentials as they stand on a request, prepared once, and what must never be shown."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from connectors.contract.credentials import Material, Token
from connectors.rest.kinds import ApiKey, Basic, Bearer, Kind, Nothing, Session, kind_of, secrets_of

Header = tuple[bytes, bytes]


class Presented(NamedTuple):
    """How one request signs in. `version` and `serial` tell which material, and which of its tokens, that is."""

    headers: tuple[Header, ...]
    query: str
    """Ready to be put behind `?` or `&`; "" for most kinds."""
    secrets: tuple[str, ...]
    version: str = ""
    serial: int = 0


def user_of(kind: Kind) -> str:
    """The name that signs in, where the kind says one."""
    return kind.user if isinstance(kind, Basic | Session) else ""


def presented(kind: Kind, version: str, token: Token | None = None) -> Presented:
    """The credential itself, or the token that was got with it."""
    if token is not None:
        shown = (*secrets_of(kind), *(each for each in (token.value, token.refresh) if each))
        return Presented((_of_token(kind, token),), "", shown, version, token.serial)
    if isinstance(kind, Basic):
        return _basic(kind.user, kind.password, (kind.password,), version)
    if isinstance(kind, Bearer):
        return Presented((_header("authorization", f"Bearer {kind.token}"),), "", (kind.token,), version)
    if isinstance(kind, ApiKey):
        return _with_key(kind, version)
    if isinstance(kind, Nothing):
        return Presented((), "", (), version)
    raise TypeError(f"{type(kind).__name__} is presented by its token")


def _basic(user: str, password: str, secrets: tuple[str, ...], version: str) -> Presented:
    coded = b64encode(f"{user}:{password}".encode()).decode()
    return Presented((_header("authorization", f"Basic {coded}"),), "", (*secrets, coded), version)


def _with_key(kind: ApiKey, version: str) -> Presented:
    if kind.basic:
        return _basic(kind.key, "x", (kind.key,), version)
    if kind.header:
        return Presented((_header(kind.header.lower(), kind.prefix + kind.key),), "", (kind.key,), version)
    query = urlencode({kind.query: kind.key}, quote_via=quote)
    return Presented((), query, (kind.key, quote(kind.key, safe="")), version)


def _of_token(kind: Kind, token: Token) -> Header:
    if isinstance(kind, Session):
        return (
            _header("cookie", token.value) if kind.cookie else _header(kind.header.lower(), kind.prefix + token.value)
        )
    return _header("authorization", f"Bearer {token.value}")


def _header(name: str, value: str) -> Header:
    return name.encode("latin-1"), value.encode("latin-1", "replace")


def fixed(connection: str, auth: Mapping[str, Any]) -> Fixed:
    """A keyring for settings that hold one credential for good. Raises ConfigError."""
    kind_of(connection, auth)
    return Fixed(Material(version="fixed", auth=auth))


class Fixed:
    """A keyring of one credential."""

    def __init__(self, material: Material) -> None:
        self._material = material

    def current(self) -> Material:
        """Always the same."""
        return self._material

    def former(self) -> Material | None:
        """There was none."""
        return None
