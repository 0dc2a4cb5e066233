"""`access:` of `lockstep.yaml`: who gets in, besides the people that are kept in the database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from connectors.contract.written.edge import Strict
from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem, nearest
from connectors.contract.written.units import Duration

Network = IPv4Network | IPv6Network
RoleName = Literal["viewer", "operator", "approver", "integrator", "people-watch", "auditor", "provisioner", "admin"]
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=60)]
SHORTEST_SECRET = 24
"""Characters of a declared token: nothing but its length keeps it from being guessed."""


def _origin(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@?#]+/?", url):
        raise ValueError("this is not the address people open; try https://lockstep.example.com")
    return url.rstrip("/")


def _issuer(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@?#]+(/[^\s?#]*)?", url):
        raise ValueError("this is not the issuer of tokens; try https://id.example.com")
    return url


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        raise ValueError("this is not an address or network; try 10.0.0.0/8") from None
    return text


def _internal(text: str) -> str:
    name = re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", text)
    return text.lower() if name and not re.fullmatch(r"[\d.]+", text) else _network(text)


def moment(value: Any) -> float:
    """A date counts from its first second, UTC; a time without a zone is UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("this should be a date; try 2027-03-31") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time(), UTC)
    if not isinstance(value, datetime):
        raise ValueError("this should be a date; try 2027-03-31")  # noqa: TRY004 - pydantic reports ValueErrors
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()


class GrantModel(Strict):
    """What somebody may do, and where."""

    roles: list[RoleName] = Field(min_length=1)
    connections: list[str] | None = Field(default=None, description="Sees and acts on these only. Default: all.")
    types: list[str] | None = Field(default=None, description="Sees and acts on these record types. Default: all.")


class TokenModel(GrantModel):
    """A token that this file declares: for the first start, for GitOps and for tests."""

    secret: str = Field(description="`${ENV}` or `file:path`.", json_schema_extra={"secret": True})
    expires: Annotated[float, BeforeValidator(moment, json_schema_input_type=str)] | None = Field(
        default=None, description="A date; from then on it is not accepted. Default: as long as it stands here."
    )


class SessionsModel(Strict):
    """How long a sign-in lasts."""

    idle: Duration = Field(default=3600.0, description="Without a request.", ge=60)
    longest: Duration = Field(default=12 * 3600.0, description="In all.", ge=60)


class RolesModel(Strict):
    """Which groups of the provider may do what."""

    claim: str = Field(default="groups", description="The claim with a group, or a list of groups.")
    map: dict[str, GrantModel] = Field(min_length=1, description="By group. Who is in none of them does not get in.")


class OidcModel(Strict):
    """Signing in with an OpenID Connect provider, and its access tokens (JWT) for the API."""

    issuer: Annotated[str, AfterValidator(_issuer)] = Field(description="As the provider's tokens name it, exactly.")
    client_id: str
    client_secret: str = Field(
        default="", description="`${ENV}` or `file:path`. Default: a public client.", json_schema_extra={"secret": True}
    )
    label: str = Field(default="Single sign-on", description="What the sign-in page calls it.")
    scopes: list[str] = Field(default=["openid", "profile", "email"], description="What the provider is asked for.")
    audience: str = Field(
        default="", description="`aud` of access tokens for our API. Default: such tokens are not accepted."
    )
    name: str = Field(default="preferred_username", description="The claim with the name of a person.")
    algorithms: list[Algorithm] = Field(default=["RS256", "PS256", "ES256", "EdDSA"], min_length=1)
    roles: RolesModel


class AccessModel(Strict):
    """Who gets in over HTTP. People, sessions and most tokens are in the database: see `lockstep user`."""

    url: Annotated[str, AfterValidator(_origin)] | None = Field(
        default=None, description="The address people open. Default: http:// and `listen`."
    )
    proxies: list[Annotated[str, AfterValidator(_network)]] = Field(
        default=[], description="Networks of reverse proxies whose X-Forwarded-For is believed."
    )
    internal: list[Annotated[str, AfterValidator(_internal)]] = Field(
        default=[],
        description="Hosts and networks of your own that the provider, notifications and SIEM sinks may be at. "
        "Others inside are refused.",
    )
    sessions: SessionsModel = SessionsModel()
    tokens: dict[Label, TokenModel] = Field(default={}, description="By name.")
    oidc: OidcModel | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Roles and where they count; None: everywhere."""

    roles: frozenset[str]
    connections: frozenset[str] | None = None
    types: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class DeclaredToken:
    """A token of the configuration."""

    name: str
    secret: str = field(repr=False)
    grant: Grant
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class Oidc:
    """The provider; see `access.oidc`."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    label: str
    scopes: tuple[str, ...]
    audience: str
    name_claim: str
    algorithms: tuple[str, ...]
    groups_claim: str
    groups: Mapping[str, Grant]


@dataclass(frozen=True, slots=True)
class Access:
    """`access:`, checked and filled in."""

    url: str
    """Scheme, host and port that people open; no slash at the end."""
    proxies: tuple[Network, ...] = ()
    internal: tuple[str, ...] = ()
    """Host names in lower case, and networks."""
    idle_s: float = 3600.0
    longest_s: float = 12 * 3600.0
    tokens: Mapping[str, DeclaredToken] = field(default_factory=dict)
    oidc: Oidc | None = None

    @property
    def tls(self) -> bool:
        """Whether people come by HTTPS: then cookies are Secure and bound to the host."""
        return self.url.startswith("https://")


def access_of(model: AccessModel, listen: str) -> Access:
    """The values of a model without problems."""
    host = re.sub(r"^(0\.0\.0\.0|\[::\])(?=:)", "localhost", listen)
    return Access(
        url=model.url or f"http://{host}",
        proxies=tuple(ip_network(each) for each in model.proxies),
        internal=tuple(model.internal),
        idle_s=min(model.sessions.idle, model.sessions.longest),
        longest_s=model.sessions.longest,
        tokens={
            name: DeclaredToken(name, each.secret, _grant(each), each.expires) for name, each in model.tokens.items()
        },
        oidc=_oidc(model.oidc) if model.oidc else None,
    )


def _oidc(model: OidcModel) -> Oidc:
    return Oidc(
        issuer=model.issuer,
        client_id=model.client_id,
        client_secret=model.client_secret,
        label=model.label,
        scopes=tuple(dict.fromkeys(["openid", *model.scopes])),
        audience=model.audience,
        name_claim=model.name,
        algorithms=tuple(model.algorithms),
        groups_claim=model.roles.claim,
        groups={name: _grant(each) for name, each in model.roles.map.items()},
    )


def _grant(model: GrantModel) -> Grant:
    return Grant(
        frozenset(model.roles),
        None if model.connections is None else frozenset(model.connections),
        None if model.types is None else frozenset(model.types),
    )


def check_access(
    source: Source, model: AccessModel, connections: Mapping[str, Any], types: set[str]
) -> Iterator[Problem]:
    """Names that nothing has, and secrets too short to be one."""
    grants: list[tuple[tuple[str | int, ...], GrantModel]] = [
        (("access", "tokens", name), each) for name, each in model.tokens.items()
    ]
    if model.oidc:
        grants += [(("access", "oidc", "roles", "map", name), each) for name, each in model.oidc.roles.map.items()]
    for at, grant in grants:
        for key, names, known in (("connections", grant.connections, connections), ("types", grant.types, types)):
            for index, name in enumerate(names or ()):
                if name not in known:
                    text = f"there is no {key.removesuffix('s').replace('type', 'record type')} '{name}'"
                    yield source.problem(
                        (*at, key, index), f"unknown-{key.removesuffix('s')}", text, nearest(name, known)
                    )
    if model.oidc and model.oidc.audience == model.oidc.client_id:
        text = "the audience of access tokens is not our client_id, or identities would count as access tokens"
        yield source.problem(("access", "oidc", "audience"), "audience", text, "the name of the API at the provider")
    for name, token in model.tokens.items():
        if len(token.secret) < SHORTEST_SECRET and token.secret != "unset":  # noqa: S105 - stands for a missing value
            text = f"the token {name} has fewer than {SHORTEST_SECRET} characters and could be guessed"
            yield source.problem(("access", "tokens", name, "secret"), "weak-token", text, "openssl rand -hex 32")
