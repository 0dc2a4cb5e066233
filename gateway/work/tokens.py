"""API tokens: everybody makes their own, never stronger than they are; who manages people sees and revokes all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import InputError
from gateway.access import tokens
from gateway.access.hashes import TOKEN_PREFIX, new_secret
from gateway.access.people import LOCAL, USER
from gateway.access.rights import NotAllowed, Principal, Right, Role, rights_of
from gateway.access.tokens import Token
from gateway.core.ids import new_id
from gateway.work.people import check_scope
from gateway.work.trail import note
from gateway.work.workplace import Workplace

DAY_S = 86400.0
USUAL_S = 90 * DAY_S
LONGEST_S = 366 * DAY_S
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}")


class NoSuchToken(InputError):
    """There is no such token that one may see: 404."""

    status = 404

    def __init__(self, id: str) -> None:
        super().__init__(f"there is no token {id}, or you may not see it", code="token.not_found")


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A new token, and what it says: to be shown once, and kept nowhere."""

    token: Token
    secret: str


async def create_token(
    place: Workplace,
    who: Principal,
    name: str,
    *,
    roles: Iterable[Role],
    connections: Iterable[str] | None = None,
    types: Iterable[str] | None = None,
    lasts_s: float = USUAL_S,
) -> Made:
    """A token that acts for whoever makes it, with some of their rights, for `lasts_s` seconds (at most 366 days).

    Raises NotAllowed for more than `who` has, and for a token that would make tokens; InputError.
    """
    if not who.id.startswith((USER, LOCAL)):
        raise NotAllowed(Right.MANAGE, "a token made with a token; sign in and make it yourself")
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} is no name of a token; try ci-deploy", code="name.invalid")
    if not 60 <= lasts_s <= LONGEST_S:
        raise InputError("a token lasts between a minute and 366 days", code="expiry.invalid")
    now, secret = place.now(), new_secret(TOKEN_PREFIX)
    token = Token(
        id=new_id("tok_"),
        name=name,
        owner=who.id,
        roles=frozenset(roles),
        connections=_wanted(connections, who.connections, "connection"),
        types=_wanted(types, who.types, "record type"),
        created_at=now,
        expires_at=now + lasts_s,
    )
    check_scope(place, token.roles, token.connections, token.types)
    if not rights_of(token.roles) <= who.rights:
        raise NotAllowed(Right.MANAGE, "a token with more rights than you have")
    async with place.database.begin("access") as tx:
        await tokens.add_token(tx, token, secret)
        await _note(tx, place, who, "token_created", token)
    return Made(token=token, secret=secret)


async def list_tokens(place: Workplace, who: Principal, *, everybodys: bool = False) -> Sequence[Token]:
    """One's own, newest first, with those that are over; with Right.MANAGE everybody's."""
    if everybodys:
        who.require(Right.MANAGE)
    async with place.database.read() as tx:
        return await tokens.list_tokens(tx, owner="" if everybodys else who.person or who.id)


async def revoke_token(place: Workplace, who: Principal, id: str) -> Token:
    """The token, which is not accepted from now on. Again: as it is. Raises NoSuchToken, also for somebody else's."""
    async with place.database.begin("access") as tx:
        token = await tokens.find_token(tx, id)
        if token is None or (token.owner != (who.person or who.id) and not who.may(Right.MANAGE)):
            raise NoSuchToken(id)
        if await tokens.revoke_token(tx, id, by=who.name, now=place.now()):
            await _note(tx, place, who, "token_revoked", token)
            token = await tokens.find_token(tx, id) or token
        return token


async def nearest_expiry(tx: AsyncConnection, place: Workplace) -> dict[str, float]:
    """When the first token in force ends: of those that people made (`made`), and of the configuration (`declared`)."""
    now, found = place.now(), {}
    if (made := await tokens.nearest_expiry(tx, now=now)) is not None:
        found["made"] = made
    ends = [each.expires_at for each in place.config.access.tokens.values() if each.expires_at is not None]
    if declared := [at for at in ends if at > now]:
        found["declared"] = min(declared)
    return found


def _wanted(given: Iterable[str] | None, own: frozenset[str] | None, kind: str) -> frozenset[str] | None:
    """The scope asked for; without one, one's own. Raises NotAllowed for a place outside it."""
    if given is None:
        return own
    wanted = frozenset(given)
    if own is not None and not wanted <= own:
        raise NotAllowed(Right.SEE, f"{kind} {', '.join(sorted(wanted - own))}")
    return wanted


async def _note(tx: AsyncConnection, place: Workplace, who: Principal, kind: str, token: Token) -> None:
    detail: dict[str, Any] = {
        "token": token.id,
        "name": token.name,
        "owner": token.owner,
        "roles": sorted(token.roles),
        "connections": None if token.connections is None else sorted(token.connections),
        "types": None if token.types is None else sorted(token.types),
        "expires_at": token.expires_at,
    }
    await note(tx, at=place.now(), kind=kind, actor=who.name, cause=who.id[:100], detail=detail)
