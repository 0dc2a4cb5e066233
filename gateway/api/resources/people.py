"""People, and tokens: everybody makes their own, who manages people sees to all."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.access.people import Person
from gateway.access.rights import Right, Role
from gateway.access.tokens import Token
from gateway.api.declare import Answer, Ask, Key, Query, Route
from gateway.api.reading import Unfit
from gateway.core.digits import number_in
from gateway.work import people, tokens

Name = Annotated[str, Meta(min_length=1, max_length=100)]
Names = Annotated[tuple[Name, ...], Meta(max_length=1000)]


class TokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A token, without what it says."""

    id: str
    name: str
    owner: str
    roles: frozenset[Role]
    connections: frozenset[str] | None
    types: frozenset[str] | None
    created_at: float
    expires_at: float
    used_at: float | None
    revoked_at: float | None
    revoked_by: str | None


class NewTokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A new token. `secret` is shown this once, and kept nowhere."""

    token: TokenView
    secret: str


class NewToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token that acts for whoever makes it, never with more rights than they have."""

    name: Name
    roles: tuple[Role, ...]
    connections: Names | None = None
    types: Names | None = None
    days: Annotated[int, Meta(ge=1, le=366)] = 90


class TokenList(Query, frozen=True, kw_only=True):
    """Whose."""

    everybodys: Annotated[bool, Meta(description="All tokens; needs the right `manage`.")] = False


class NewPerson(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody new; signs in by a link until there is a password."""

    name: Name
    label: Annotated[str, Meta(max_length=200)] = ""
    roles: tuple[Role, ...]
    connections: Names | None = None
    types: Names | None = None


class PersonPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A merge patch (RFC 7396): what is left out stays; a scope of null is everywhere."""

    label: Annotated[str, Meta(max_length=200)] | msgspec.UnsetType = msgspec.UNSET
    roles: tuple[Role, ...] | msgspec.UnsetType = msgspec.UNSET
    connections: Names | msgspec.UnsetType | None = msgspec.UNSET
    types: Names | msgspec.UnsetType | None = msgspec.UNSET
    disabled: bool | msgspec.UnsetType = msgspec.UNSET


async def list_tokens(ask: Ask) -> list[TokenView]:
    found = await tokens.list_tokens(ask.desk.place, ask.who, everybodys=ask.query.everybodys)
    return [_shown(each) for each in found]


async def make_token(ask: Ask) -> NewTokenView:
    said: NewToken = ask.body
    made = await tokens.create_token(
        ask.desk.place,
        ask.who,
        said.name,
        roles=said.roles,
        connections=said.connections,
        types=said.types,
        lasts_s=said.days * tokens.DAY_S,
    )
    return NewTokenView(token=_shown(made.token), secret=made.secret)


async def revoke_token(ask: Ask) -> TokenView:
    return _shown(await tokens.revoke_token(ask.desk.place, ask.who, ask.path["id"]))


async def list_people(ask: Ask) -> list[Person]:
    return list(await people.list_people(ask.desk.place, ask.who))


async def person(ask: Ask) -> Answer:
    found = await people.get_person(ask.desk.place, ask.who, ask.path["person"])
    return Answer(value=found, version=str(found.version))


async def add_person(ask: Ask) -> Answer:
    said: NewPerson = ask.body
    made = await people.add_person(
        ask.desk.place,
        ask.who,
        said.name,
        roles=said.roles,
        connections=said.connections,
        types=said.types,
        label=said.label,
    )
    return Answer(value=made, version=str(made.version), headers={"Location": f"/v1/people/{made.name}"})


async def change_person(ask: Ask) -> Answer:
    """Rights first, then whether anything is accepted of the person at all."""
    said: PersonPatch = ask.body
    version = number_in(ask.version, longest=9)
    if version is None:
        raise Unfit("If-Match has to be the ETag of the person", code="invalid-header")
    place, who, name = ask.desk.place, ask.who, ask.path["person"]
    found = await people.change_person(
        place,
        who,
        name,
        roles=None if isinstance(said.roles, msgspec.UnsetType) else said.roles,
        connections=said.connections,
        types=said.types,
        label=None if isinstance(said.label, msgspec.UnsetType) else said.label,
        expected_version=version or -1,
    )
    if not isinstance(said.disabled, msgspec.UnsetType):
        found = await people.disable_person(place, who, name, disabled=said.disabled, expected_version=found.version)
    return Answer(value=found, version=str(found.version))


def _shown(token: Token) -> TokenView:
    return msgspec.convert(token, TokenView, from_attributes=True)


_UNFIT = ("name-invalid", "roles-missing", "scope-unknown")

ROUTES = (
    Route(
        method="GET",
        path="/v1/tokens",
        name="listTokens",
        tag="access",
        summary="One's own tokens, newest first",
        right=None,
        do=list_tokens,
        query=TokenList,
        answer=list[TokenView],
        problems=("not-allowed",),
    ),
    Route(
        method="POST",
        path="/v1/tokens",
        name="makeToken",
        tag="access",
        summary="A new token; what it says is answered this once. A token cannot make tokens",
        right=None,
        do=make_token,
        body=NewToken,
        answer=NewTokenView,
        status=201,
        problems=("not-allowed", "expiry-invalid", *_UNFIT),
    ),
    Route(
        method="DELETE",
        path="/v1/tokens/{id}",
        name="revokeToken",
        tag="access",
        summary="Not accepted from now on",
        right=None,
        do=revoke_token,
        answer=TokenView,
        problems=("token-not-found",),
    ),
    Route(
        method="GET",
        path="/v1/people",
        name="listPeople",
        tag="access",
        summary="Everybody who may sign in",
        right=Right.MANAGE,
        do=list_people,
        answer=list[Person],
    ),
    Route(
        method="POST",
        path="/v1/people",
        name="addPerson",
        tag="access",
        summary="Somebody new",
        right=Right.MANAGE,
        do=add_person,
        body=NewPerson,
        answer=Person,
        status=201,
        key=Key.DAY,
        problems=("name-taken", *_UNFIT),
    ),
    Route(
        method="GET",
        path="/v1/people/{person}",
        name="getPerson",
        tag="access",
        summary="One person; oneself, or anybody for who manages people",
        right=None,
        do=person,
        answer=Person,
        problems=("person-not-found", "not-allowed"),
    ),
    Route(
        method="PATCH",
        path="/v1/people/{person}",
        name="changePerson",
        tag="access",
        summary="Other rights, another scope, disabled or not; ends the person's sessions",
        right=Right.MANAGE,
        do=change_person,
        body=PersonPatch,
        answer=Person,
        match=True,
        problems=("person-not-found", "person-stale", "roles-provided", "admin-last", *_UNFIT),
    ),
)
