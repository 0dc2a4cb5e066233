"""API tokens as the database has them: only a hash of each. Who may make one is said in `gateway.work.tokens`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access import tables as t
from gateway.access.hashes import digest
from gateway.access.people import names, principal_of_holder, roles_of, scope
from gateway.access.rights import Principal, Role, rights_of
from gateway.access.sessions import TOLD_EVERY_S
from gateway.config.access import DeclaredToken
from gateway.storage.database import dumps, insert, loads


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An API token. What it says is shown once, when it is made."""

    id: str
    name: str
    owner: str
    """`user:<name>` or `local:<account>`."""
    roles: frozenset[Role]
    connections: frozenset[str] | None = None
    """None: as its owner."""
    types: frozenset[str] | None = None
    created_at: float
    expires_at: float
    used_at: float | None = None
    revoked_at: float | None = None
    revoked_by: str | None = None


async def add_token(tx: AsyncConnection, token: Token, secret: str) -> None:
    """Stores a token under the hash of what it says."""
    row = {
        "id": token.id,
        "hash": digest(secret),
        "name": token.name,
        "owner": token.owner,
        "roles": dumps(sorted(token.roles)),
        "connections": names(token.connections),
        "types": names(token.types),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
    }
    await tx.execute(insert(tx, t.token).values(row))


async def find_secret(tx: AsyncConnection, secret: str) -> Token | None:
    """The token that says this, whether it still holds or not."""
    row = (await tx.execute(select(t.token).where(t.token.c.hash == digest(secret)))).mappings().first()
    return None if row is None else _token(row)


async def find_token(tx: AsyncConnection, id: str) -> Token | None:
    """A token by its id."""
    row = (await tx.execute(select(t.token).where(t.token.c.id == id))).mappings().first()
    return None if row is None else _token(row)


async def list_tokens(tx: AsyncConnection, *, owner: str = "") -> Sequence[Token]:
    """Newest first, with those that are over; of one owner, or of all."""
    query = select(t.token).order_by(t.token.c.created_at.desc(), t.token.c.id)
    query = query.where(t.token.c.owner == owner) if owner else query
    return [_token(row) for row in (await tx.execute(query)).mappings()]


async def revoke_token(tx: AsyncConnection, id: str, *, by: str, now: float) -> bool:
    """Whether it was in force until now."""
    query = update(t.token).where(t.token.c.id == id, t.token.c.revoked_at.is_(None))
    return bool((await tx.execute(query.values(revoked_at=now, revoked_by=by))).rowcount)


async def nearest_expiry(tx: AsyncConnection, *, now: float) -> float | None:
    """When the first of the tokens in force ends; None: there is none."""
    row = t.token.c
    query = select(func.min(row.expires_at)).where(row.revoked_at.is_(None), row.expires_at > now)
    found = (await tx.execute(query)).scalar()
    return None if found is None else float(found)


async def use_token(tx: AsyncConnection, id: str, *, now: float) -> None:
    """Remembers when it was used last, to the minute."""
    stale = or_(t.token.c.used_at.is_(None), t.token.c.used_at <= now - TOLD_EVERY_S)
    await tx.execute(update(t.token).where(t.token.c.id == id, stale).values(used_at=now))


async def principal_of_token(tx: AsyncConnection, token: Token) -> Principal | None:
    """Who acts with the token: never more than its owner may do now. None: the owner is gone or disabled."""
    owner = await principal_of_holder(tx, token.owner)
    if owner is None:
        return None
    return Principal(
        id=f"token:{token.id}",
        name=f"{owner.name} (token {token.name})"[:100],
        roles=frozenset(role for role in token.roles if rights_of([role]) <= owner.rights),
        connections=narrowed(token.connections, owner.connections),
        types=narrowed(token.types, owner.types),
        person=owner.person,
    )


def principal_of_declared(token: DeclaredToken) -> Principal:
    """Who acts with a token of the configuration."""
    return Principal(
        id=f"token:declared:{token.name}",
        name=f"token {token.name}",
        roles=roles_of(token.grant.roles),
        connections=token.grant.connections,
        types=token.grant.types,
    )


def narrowed(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """The scope that is inside both."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _token(row: Mapping[Any, Any]) -> Token:
    return Token(
        id=row["id"],
        name=row["name"],
        owner=row["owner"],
        roles=roles_of(loads(row["roles"])),
        connections=scope(row["connections"]),
        types=scope(row["types"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        used_at=row["used_at"],
        revoked_at=row["revoked_at"],
        revoked_by=row["revoked_by"],
    )
