"""People as the database has them. What may be changed by whom is said in `gateway.work.people`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access import tables as t
from gateway.access.rights import Principal, Role, local
from gateway.storage.database import dumps, insert, loads

USER, LOCAL = "user:", "local:"
NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")
"""What a person may be called: it stands in histories, URLs and commands. Lower case: Bob is nobody else than bob."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in. Never holds the password or its hash."""

    name: str
    label: str = ""
    roles: frozenset[Role] = frozenset()
    connections: frozenset[str] | None = None
    types: frozenset[str] | None = None
    has_password: bool = False
    issuer: str | None = None
    """Of the provider that vouches for the person; its groups give the roles."""
    subject: str | None = None
    disabled_at: float | None = None
    created_at: float = 0.0
    version: int = 1

    @property
    def id(self) -> str:
        """As principals, sessions and tokens name the person."""
        return f"{USER}{self.name}"


def roles_of(names: Iterable[str]) -> frozenset[Role]:
    """The roles that this release knows: one that a later release wrote gives nothing here."""
    known = {str(role) for role in Role}
    return frozenset(Role(name) for name in names if name in known)


def principal_of_person(person: Person) -> Principal:
    """Who acts when the person does."""
    return Principal(
        id=person.id,
        name=person.name,
        roles=person.roles,
        connections=person.connections,
        types=person.types,
        person=person.id,
    )


async def principal_of_holder(tx: AsyncConnection, holder: str) -> Principal | None:
    """Who is behind a session, a link or a token: `user:<name>` or `local:<account>`. None: nobody, or disabled."""
    if holder.startswith(LOCAL):
        return local(holder.removeprefix(LOCAL))
    person = await find_person(tx, holder.removeprefix(USER)) if holder.startswith(USER) else None
    return principal_of_person(person) if person and person.disabled_at is None else None


async def find_person(tx: AsyncConnection, name: str, *, lock: bool = False) -> Person | None:
    """The person. `lock` keeps others from changing it until the transaction ends."""
    query = select(t.person).where(t.person.c.name == name)
    row = (await tx.execute(query.with_for_update() if lock else query)).mappings().first()
    return None if row is None else _person(row)


async def find_subject(tx: AsyncConnection, issuer: str, subject: str) -> Person | None:
    """The person for whom a provider vouches under this name."""
    query = select(t.person).where(t.person.c.issuer == issuer, t.person.c.subject == subject)
    row = (await tx.execute(query)).mappings().first()
    return None if row is None else _person(row)


async def list_people(tx: AsyncConnection) -> Sequence[Person]:
    """All, by name."""
    return [_person(row) for row in (await tx.execute(select(t.person).order_by(t.person.c.name))).mappings()]


async def password_hash(tx: AsyncConnection, name: str) -> tuple[Person | None, str]:
    """The person, and the hash to check a password against; empty where there is none, or the person is disabled."""
    row = (await tx.execute(select(t.person).where(t.person.c.name == name))).mappings().first()
    if row is None:
        return None, ""
    return _person(row), row["password"] if row["disabled_at"] is None else ""


async def add_person(tx: AsyncConnection, person: Person, *, password: str = "") -> bool:
    """Whether it was added; the name was free. `password` is a hash."""
    row = _row(person) | {"name": person.name, "password": password, "created_at": person.created_at}
    done = await tx.execute(insert(tx, t.person).values(row).on_conflict_do_nothing())
    return bool(done.rowcount)


async def change_person(tx: AsyncConnection, person: Person, *, password: str | None = None) -> None:
    """Writes what may change. `password`: a new hash; None: as it is."""
    row = _row(person) | ({} if password is None else {"password": password})
    await tx.execute(update(t.person).where(t.person.c.name == person.name).values(row))


async def rehash(tx: AsyncConnection, name: str, before: str, after: str) -> None:
    """Replaces a hash by a stronger one of the same password, unless the password was changed meanwhile."""
    await tx.execute(
        update(t.person).where(t.person.c.name == name, t.person.c.password == before).values(password=after)
    )


async def lock_people(tx: AsyncConnection) -> None:
    """One change of people at a time: two admins who disable each other at once would leave nobody.

    On SQLite the write transaction is that already; on PostgreSQL an advisory lock until the transaction's end.
    """
    if tx.dialect.name != "sqlite":
        await tx.execute(select(func.pg_advisory_xact_lock(0x10C5_7E9)))


def _row(person: Person) -> dict[str, Any]:
    return {
        "label": person.label,
        "roles": dumps(sorted(person.roles)),
        "connections": names(person.connections),
        "types": names(person.types),
        "issuer": person.issuer,
        "subject": person.subject,
        "disabled_at": person.disabled_at,
        "version": person.version,
    }


def names(scope: frozenset[str] | None) -> str | None:
    """A scope as a column holds it."""
    return None if scope is None else dumps(sorted(scope))


def scope(text: str | None) -> frozenset[str] | None:
    """A scope from its column."""
    return None if text is None else frozenset(loads(text))


def _person(row: Mapping[Any, Any]) -> Person:
    return Person(
        name=row["name"],
        label=row["label"],
        roles=roles_of(loads(row["roles"])),
        connections=scope(row["connections"]),
        types=scope(row["types"]),
        has_password=bool(row["password"]),
        issuer=row["issuer"],
        subject=row["subject"],
        disabled_at=row["disabled_at"],
        created_at=row["created_at"],
        version=row["version"],
    )
