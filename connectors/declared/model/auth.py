"""How a system is signed in to. The credentials themselves are the connection's; these are the vendor's ways."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from connectors.contract.written.edge import Strict
from connectors.contract.written.units import Duration
from connectors.declared.model.texts import HeaderName


def _token_address(text: str) -> str:
    if re.fullmatch(r"/[^/\s\\#]\S*", text):
        return text
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc or "$" in text:
        raise ValueError("this should be a path, or an https address; try '/oauth/token'")
    return text


TokenAddress = Annotated[
    str, AfterValidator(_token_address), Field(description="A path at the connection's own address, or another host's.")
]


class NoAuth(Strict):
    """Nobody signs in."""

    kind: Literal["none"]


class Basic(Strict):
    """`auth: {basic: {user, password}}` of the connection."""

    kind: Literal["basic"]


class Bearer(Strict):
    """`auth: {bearer: {token}}` of the connection."""

    kind: Literal["bearer"]


class ApiKey(Strict):
    """`auth: {api_key: {key}}` of the connection."""

    kind: Literal["api_key"]
    header: HeaderName | None = None
    query: str | None = Field(default=None, description="Parameter that takes the key, where no header does.")
    basic: bool = Field(
        default=False, description="The key is the user name of Basic auth; a password is not looked at."
    )
    prefix: str = Field(default="", description="Before the key in the header, with its blank.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.header is not None) + (self.query is not None) + self.basic != 1:
            raise ValueError("the key goes into one of header, query and basic; try 'header: X-Api-Key'")
        return self


class Renewing(Strict):
    """What signs in with tokens that end."""

    renew_at: float = Field(default=0.75, gt=0, le=1, description="Share of a token's life after which it is renewed.")
    lasts: Duration | None = Field(default=None, description="Life of a token, where the system does not tell.")


class OAuth(Renewing):
    token_url: TokenAddress
    client_in: Literal["body", "header"] = "body"
    scopes: list[str] = Field(default=[])
    extra: dict[str, str] = Field(default={}, description="More parameters of the token request.")


class ClientCredentials(OAuth):
    """`auth: {oauth2_client_credentials: {client_id, client_secret}}` of the connection."""

    kind: Literal["oauth2_client_credentials"]


class Refresh(OAuth):
    """`auth: {oauth2_refresh: {client_id, client_secret, refresh_token}}` of the connection."""

    kind: Literal["oauth2_refresh"]


class JwtAssertion(OAuth):
    """`auth: {jwt_assertion: {issuer, private_key}}` of the connection."""

    kind: Literal["jwt_assertion"]
    audience: str = ""
    algorithm: Literal["RS256", "RS384", "RS512", "PS256", "ES256", "ES384"] = "RS256"
    claims: dict[str, str] = Field(default={})
    send: Literal["form", "bearer"] = "form"


class Session(Renewing):
    """`auth: {session: {user, password}}` of the connection."""

    kind: Literal["session"]
    login_url: TokenAddress
    user_field: str = "username"
    password_field: str = "password"  # noqa: S105 - the name of a field
    form: bool = False
    cookie: str = ""
    field: str = Field(default="", description="Of the JSON answer: the token, dotted.")
    header: HeaderName = "Authorization"
    prefix: str = "Bearer "

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.cookie) == bool(self.field):
            raise ValueError("the session is one of cookie and field; try 'cookie: JSESSIONID'")
        return self


AuthKind = Annotated[
    NoAuth | Basic | Bearer | ApiKey | ClientCredentials | Refresh | JwtAssertion | Session, Field(discriminator="kind")
]


def settings_of(kind: Any) -> dict[str, Any]:
    """What the file says of a kind, as the credentials' own settings take it; what it does not say is left out."""
    given: dict[str, Any] = kind.model_dump(exclude={"kind"}, exclude_unset=True, exclude_none=True)
    return given
