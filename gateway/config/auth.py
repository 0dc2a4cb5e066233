"""`connections.*.auth` and `secrets` of `lockstep.yaml`: how a connection signs in, and where its secrets come from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from connectors.contract.written.edge import Strict
from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem
from connectors.contract.written.units import Duration
from gateway.config.access import moment
from gateway.core.key_files import key_bytes

Secret = Annotated[
    str, Field(description="`${ENV}`, `file:path` or `secret:name`.", json_schema_extra={"secret": True})
]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]


def _token_address(url: str) -> str:
    """An address, or a path at the connection's own `url`."""
    if not re.fullmatch(r"(https?://[^\s/@]+)?/\S*", url):
        raise ValueError("this is not where tokens are asked for; try https://host/oauth/token, or /oauth_token.do")
    return url


def _master_key(text: str) -> str:
    if text != "unset":
        try:
            key_bytes(text)
        except ValueError:
            problem = "this is not a key of 32 bytes as base64 or hex; try the output of: openssl rand -base64 32"
            raise ValueError(problem) from None
    return text


TokenAddress = Annotated[str, AfterValidator(_token_address)]
MasterKeyText = Annotated[str, AfterValidator(_master_key), Field(json_schema_extra={"secret": True})]
Share = Annotated[float, Field(gt=0, le=1)]


class NoAuth(Strict):
    """Nobody signs in."""


class BasicAuth(Strict):
    user: str
    password: Secret


class BearerAuth(Strict):
    token: Secret


class ApiKeyAuth(Strict):
    """A key in a header or in the query."""

    key: Secret
    header: HeaderName | None = None
    prefix: str | None = Field(default=None, description="Before the key in the header, with its blank: `Token `.")
    query: str | None = Field(default=None, description="Name of the parameter.")
    basic: bool = Field(default=False, description="The key is the user of Basic auth, without a password that counts.")


class _Renewing(Strict):
    renew_at: Share = Field(default=0.75, description="Share of a token's life after which it is renewed.")
    lasts: Duration | None = Field(
        default=None, description="Life of a token where the system does not tell. Default: until it is refused.", gt=0
    )


class _OAuth(_Renewing):
    token_url: TokenAddress | None = Field(
        default=None, description="An address, or a path at the connection's own `url`. A connector file may say it."
    )
    scopes: list[str] = Field(default=[])
    client_in: Literal["body", "header"] = Field(default="body", description="Where client name and secret go.")
    extra: dict[str, str] = Field(default={}, description="More parameters of the token request, such as `audience`.")


class ClientCredentialsAuth(_OAuth):
    """OAuth 2.0 client credentials (RFC 6749 4.4)."""

    client_id: str
    client_secret: Secret


class RefreshAuth(_OAuth):
    """An OAuth 2.0 refresh token, which may be one that can be used once."""

    client_id: str = ""
    client_secret: Secret | None = None
    refresh_token: Secret


class JwtAssertionAuth(_OAuth):
    """A signed assertion for a token (RFC 7523), or as bearer of the token request (`send: bearer`, GitHub App)."""

    issuer: str
    private_key: Secret
    subject: str = ""
    audience: str = ""
    client_id: str = ""
    client_secret: Secret | None = None
    algorithm: Literal["RS256", "RS384", "RS512", "PS256", "ES256", "ES384"] = "RS256"
    key_id: str = ""
    claims: dict[str, str] = Field(default={})
    send: Literal["form", "bearer"] = "form"
    assertion_lasts: Duration = Field(default=300.0, validate_default=False, gt=0, le=3600)


class SessionAuth(_Renewing):
    """A login whose answer gives a cookie or a token."""

    login_url: TokenAddress | None = Field(default=None, description="A connector file may say it.")
    user: str
    password: Secret
    user_field: str = "username"
    password_field: str = "password"  # noqa: S105 - the name of a field
    form: bool = Field(default=False, description="The login is a form; default: JSON.")
    cookie: str | None = Field(default=None, description="Name of the cookie that is the session.")
    field: str | None = Field(default=None, description="Or the field of the answer that is the token: `data.token`.")
    header: HeaderName = "Authorization"
    prefix: str = "Bearer "


KINDS = (
    *("none", "basic", "bearer", "api_key"),
    *("oauth2_client_credentials", "oauth2_refresh", "jwt_assertion", "session"),
)
RENEWING = frozenset(KINDS[4:])


class Auth(Strict):
    """How to sign in: one kind, and how one credential follows another."""

    none: NoAuth | None = None
    basic: BasicAuth | None = None
    bearer: BearerAuth | None = None
    api_key: ApiKeyAuth | None = None
    oauth2_client_credentials: ClientCredentialsAuth | None = None
    oauth2_refresh: RefreshAuth | None = None
    jwt_assertion: JwtAssertionAuth | None = None
    session: SessionAuth | None = None
    overlap: Duration = Field(
        default=3600.0, description="So long a credential that was replaced is still tried.", validate_default=False
    )
    ends: Annotated[float, BeforeValidator(moment, json_schema_input_type=str)] | None = Field(
        default=None,
        description="A date at which the system takes it no more; what is said with a stored secret goes before.",
    )
    notice: Duration = Field(
        default=14 * 86400.0, description="So long before its end people are told.", validate_default=False
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(getattr(self, name) is not None for name in KINDS) != 1:
            raise ValueError("there should be one way to sign in; try 'basic: {user, password}' or 'bearer: {token}'")
        return self

    @property
    def kind(self) -> str:
        """The one that is given."""
        return next(name for name in KINDS if getattr(self, name) is not None)

    def settings(self) -> dict[str, Any]:
        """As `ConnectionSettings.auth` has it: the kind and what was said of it. The rest is the connector's to say."""
        return {self.kind: getattr(self, self.kind).model_dump(exclude_none=True, exclude_unset=True)}


class SecretsModel(Strict):
    """The keys that what is stored in the database is encrypted with."""

    key: MasterKeyText | None = Field(
        default=None,
        description="32 bytes as base64 or hex, `${ENV}` or `file:path`. Default on SQLite: a file in `data`.",
    )
    former: list[MasterKeyText] = Field(
        default=[], description="Keys before it, until `lockstep secret rotate-key` has run."
    )


class SigningModel(Strict):
    """What the audit trail, and everything that others check without us, is signed with (Ed25519)."""

    key: MasterKeyText | None = Field(
        default=None,
        description="32 bytes as base64 or hex, `${ENV}` or `file:path`; the same for all workers of a database. "
        "Default: `LOCKSTEP_SIGNING_KEY` where the database is no SQLite file, else `signing.key` in `data`.",
    )
    former: list[MasterKeyText] = Field(
        default=[], description="Keys before it: they vouch for a new one when it is first used."
    )


@dataclass(frozen=True, slots=True)
class FromFile:
    """A secret in a file, which may be replaced while the gateway runs."""

    path: Path


@dataclass(frozen=True, slots=True)
class FromStore:
    """A secret in the database, under this name of its connection."""

    name: str


Origin = FromFile | FromStore


@dataclass(frozen=True, slots=True)
class CredentialRules:
    """Of one connection: where the secrets of its `auth` come from, and how one follows another."""

    kind: str
    origins: Mapping[str, Origin]
    """Field of the kind -> its source; fields without one do not change while the gateway runs."""
    overlap_s: float
    ends_at: float | None
    notice_s: float

    @property
    def needs_vault(self) -> bool:
        """Something of it is kept in the database, encrypted."""
        return self.kind in RENEWING or self.stored

    @property
    def stored(self) -> bool:
        """A part of it is a secret of the database."""
        return any(isinstance(each, FromStore) for each in self.origins.values())


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """Texts of the keys of one purpose, as they are written."""

    key: str | None = field(default=None, repr=False)
    former: tuple[str, ...] = field(default=(), repr=False)


def rules_of(auth: Auth, connection: str, origins: Mapping[tuple[str | int, ...], Origin]) -> CredentialRules:
    """The rules of a connection; `origins` of the whole document, by place."""
    place = ("connections", connection, "auth", auth.kind)
    mine = {str(at[-1]): each for at, each in origins.items() if at[:-1] == place}
    return CredentialRules(auth.kind, mine, auth.overlap, auth.ends, auth.notice)


def check_secrets(
    source: Source, secrets: SecretsModel, rules: Mapping[str, CredentialRules], database: str | None
) -> Iterator[Problem]:
    """A database that several workers may share has no file beside it: they need a key that all of them know."""
    embedded = database is None or database.startswith("sqlite")
    if embedded or secrets.key is not None:
        return
    for name, each in rules.items():
        if each.needs_vault:
            text = f"{name} keeps secrets or tokens in the database, and there is no key to encrypt them with"
            yield source.problem(
                ("connections", name, "auth"), "secrets-key", text, "'secrets: {key: file:master.key}'"
            )
