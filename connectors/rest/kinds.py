"""The ways to sign in: one struct per kind, with what it needs. Which one a connection uses is its configuration's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from connectors.contract.errors import ConfigError


class _Kind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`repr` must not be logged."""


class Nothing(_Kind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nobody signs in."""


class Basic(_Kind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`Authorization: Basic`."""

    user: str
    password: str


class Bearer(_Kind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`Authorization: Bearer` with a token that somebody made in the system."""

    token: str


class ApiKey(_Kind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key in a header, in the query or as the user of Basic auth: one of the three."""

    key: str
    header: str = ""
    prefix: str = ""
    """Before the key in the header, with its blank: `Token `."""
    query: str = ""
    basic: bool = False
    """The key is the user name of Basic auth; what stands as password is not looked at (BambooHR, facts.md 4.1)."""


class Renewing(_Kind, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What signs in with tokens that are got with the credential, and end."""

    renew_at: float = 0.75
    """Share of a token's life after which it is renewed; the old one is used meanwhile."""
    lasts: float | None = None
    """Life of a token in seconds where the system does not tell; None: until it is refused."""


class OAuth(Renewing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Common to grants at a token endpoint (RFC 6749)."""

    token_url: str
    """An address, or a path at the connection's own."""
    client_id: str = ""
    client_secret: str = ""
    client_in: Literal["body", "header"] = "body"
    """Where the client's name and secret go; RFC 6749 2.3.1 wants the header, most systems take both."""
    scopes: tuple[str, ...] = ()
    extra: Mapping[str, str] = {}
    """More parameters of the token request, for example `audience`."""


class ClientCredentials(OAuth, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """RFC 6749 4.4."""


class Refresh(OAuth, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """RFC 6749 6. A system that gives a new refresh token with each answer takes the old one no more."""

    refresh_token: str
    """The first one, as a person got it when signing in; its successors are kept by the token store."""


class JwtAssertion(OAuth, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """RFC 7523 (Salesforce), or a signed assertion as bearer of the token request (GitHub App, facts.md 3 [OAS-GH])."""

    issuer: str
    private_key: str
    """PEM."""
    subject: str = ""
    audience: str = ""
    algorithm: Literal["RS256", "RS384", "RS512", "PS256", "ES256", "ES384"] = "RS256"
    key_id: str = ""
    claims: Mapping[str, str] = {}
    send: Literal["form", "bearer"] = "form"
    assertion_lasts: float = 300.0
    """Seconds; GitHub takes no more than 600."""


class Session(Renewing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A login request whose answer gives a cookie or a token for what follows."""

    login_url: str
    user: str
    password: str
    user_field: str = "username"
    password_field: str = "password"  # noqa: S105 - the name of a field
    form: bool = False
    """The login is a form, else JSON."""
    cookie: str = ""
    """Name of the cookie that is the session."""
    field: str = ""
    """Or the field of the JSON answer that is the token, dotted: `data.token`."""
    header: str = "Authorization"
    prefix: str = "Bearer "
    """How a token of `field` is presented."""


Kind = Nothing | Basic | Bearer | ApiKey | ClientCredentials | Refresh | JwtAssertion | Session
KINDS: Mapping[str, type[Kind]] = {
    "none": Nothing,
    "basic": Basic,
    "bearer": Bearer,
    "api_key": ApiKey,
    "oauth2_client_credentials": ClientCredentials,
    "oauth2_refresh": Refresh,
    "jwt_assertion": JwtAssertion,
    "session": Session,
}
_SECRETS = ("password", "token", "key", "client_secret", "refresh_token", "private_key")


def kind_of(connection: str, auth: Mapping[str, Any]) -> Kind:
    """The kind that `{name: {settings}}` names. Raises ConfigError for anything else, telling no value."""
    name, given = next(iter(auth.items()), ("nothing", None))
    if len(auth) != 1 or name not in KINDS:
        said, tip = ", ".join(sorted(auth)) or "nothing", f"try one of {', '.join(KINDS)}"
        raise ConfigError([f"connection {connection}: error[auth]: auth says {said}; {tip}"])
    try:
        kind: Kind = msgspec.convert(dict(given) if isinstance(given, Mapping) else given, KINDS[name])
    except msgspec.ValidationError as error:
        raise ConfigError([f"connection {connection}: error[auth]: {name}: {_plainly(error)}"]) from None
    if problem := _problem(kind):
        raise ConfigError([f"connection {connection}: error[auth]: {name}: {problem}"])
    return kind


def secrets_of(kind: Kind) -> tuple[str, ...]:
    """The values that must never be shown."""
    return tuple(value for name in _SECRETS if (value := getattr(kind, name, "")))


def _plainly(error: msgspec.ValidationError) -> str:
    """msgspec names fields and types, never values."""
    return str(error).replace("Object", "it").replace("`", "'")


def _problem(kind: Kind) -> str:
    empty = [each.name for each in msgspec.structs.fields(kind) if each.required and not getattr(kind, each.name)]
    if isinstance(kind, ClientCredentials) and not (kind.client_id and kind.client_secret):
        empty += [name for name in ("client_id", "client_secret") if not getattr(kind, name)]
    if empty:
        return f"{', '.join(empty)}: empty; try filling it"
    if isinstance(kind, ApiKey) and bool(kind.header) + bool(kind.query) + kind.basic != 1:
        return "the key goes into one of header, query and basic; try 'header: X-Api-Key'"
    if isinstance(kind, Session) and bool(kind.cookie) == bool(kind.field):
        return "the session is one of cookie and field; try 'cookie: JSESSIONID'"
    if isinstance(kind, Renewing) and not 0 < kind.renew_at <= 1:
        return "renew_at is a share of a token's life; try 0.75"
    return ""
