"""The rows of secrets: set by people, promoted by the workers that proved them, wrapped anew for another master key."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import LockstepError
from gateway.credentials.tables import secret, token
from gateway.credentials.vault import Vault, key_of
from gateway.storage.database import insert

OURS = ""
"""The connection of what is the installation's own."""
FINGERPRINT = "fingerprint"
SEALED = ("value", "next", "former")


class Overtaken(LockstepError):
    """Somebody set another value, or promoted this one, meanwhile: the transaction is to be rolled back."""


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """One row; its values sealed."""

    connection: str
    name: str
    version: int
    value: str
    next: str | None
    former: str | None
    former_until: float
    overlap_s: float
    refused: str
    set_at: float
    set_by: str
    ends_at: float | None
    next_ends_at: float | None

    @property
    def waiting(self) -> bool:
        """Something is to be proved."""
        return self.next is not None and not self.refused


def context(connection: str, name: str) -> tuple[str, str, str]:
    """What a secret is sealed under: taken to another row, it does not open."""
    return "secret", connection, name


async def secrets(tx: AsyncConnection, connection: str | None = None) -> list[Secret]:
    """Those of connections, by connection and name; of one, if named."""
    row = secret.c
    mine = row.connection != OURS if connection is None else row.connection == connection
    query = select(secret).where(mine).order_by(row.connection, row.name)
    return [Secret(**each) for each in (await tx.execute(query)).mappings()]


async def set_secret(
    tx: AsyncConnection,
    vault: Vault,
    connection: str,
    name: str,
    plain: str,
    *,
    by: str,
    now: float,
    overlap_s: float = 0.0,
    ends_at: float | None = None,
) -> Secret:
    """Stores a value: in use at once if it is the first, else `next`, to be proved. The row as it is now."""
    sealed = vault.seal(plain, *context(connection, name))
    first = {"connection": connection, "name": name, "version": 1, "value": sealed, "former_until": 0.0}
    first |= {"overlap_s": 0.0, "refused": "", "set_at": now, "set_by": by[:100], "ends_at": ends_at}
    made = await tx.execute(insert(tx, secret).values(first).on_conflict_do_nothing())
    if made.rowcount != 1:
        changed = {"version": secret.c.version + 1, "next": sealed, "refused": "", "overlap_s": overlap_s}
        changed |= {"set_at": now, "set_by": by[:100], "next_ends_at": ends_at}
        await tx.execute(update(secret).where(_is(connection, name)).values(changed))
    found = (await tx.execute(select(secret).where(_is(connection, name)))).mappings().one()
    return Secret(**found)


async def remove_secret(tx: AsyncConnection, connection: str, name: str) -> bool:
    """Forgets a secret, the one before and the next included. False: there was none."""
    return (await tx.execute(delete(secret).where(_is(connection, name)))).rowcount == 1


async def promote(tx: AsyncConnection, connection: str, versions: Mapping[str, int], *, now: float) -> None:
    """What was proved is in use, all of it or nothing; what it replaces is kept for its overlap. Raises Overtaken."""
    row = secret.c
    for name, version in sorted(versions.items()):
        moved = await tx.execute(
            update(secret)
            .where(_is(connection, name), row.version == version, row.next.is_not(None))
            .values(
                former=row.value,
                former_until=now + row.overlap_s,
                value=row.next,
                next=None,
                refused="",
                ends_at=row.next_ends_at,
                next_ends_at=None,
            )
        )
        if moved.rowcount != 1:
            raise Overtaken(f"{connection}: {name} was set anew, or is in use already")


async def refuse(tx: AsyncConnection, connection: str, versions: Mapping[str, int], reason: str) -> None:
    """What was tried does not sign in: it is not tried again, and people see why."""
    for name, version in sorted(versions.items()):
        mine = and_(_is(connection, name), secret.c.version == version, secret.c.next.is_not(None))
        await tx.execute(update(secret).where(mine).values(refused=reason))


async def forget_former(tx: AsyncConnection, *, now: float) -> int:
    """What was replaced and whose overlap is over is nobody's any more."""
    over = and_(secret.c.former.is_not(None), secret.c.former_until <= now)
    return (await tx.execute(update(secret).where(over).values(former=None, former_until=0.0))).rowcount


async def rewrap(tx: AsyncConnection, vault: Vault, *, most: int = 100) -> int:
    """Wraps up to `most` rows anew that are not under the vault's first key; how many there were. Readers go on
    meanwhile: a row opens before and after, and one that was changed meanwhile is left for the next call.
    """
    return await _rewrap_secrets(tx, vault, most) + await _rewrap_tokens(tx, vault, most)


async def _rewrap_secrets(tx: AsyncConnection, vault: Vault, most: int) -> int:
    row = secret.c
    old = or_(*(and_(row[name].is_not(None), _not_under(row[name], vault)) for name in SEALED))
    found = (await tx.execute(select(secret).where(old).limit(most))).mappings().all()
    for each in found:
        place = context(each["connection"], each["name"])
        anew = {name: vault.rewrapped(each[name], *place) for name in SEALED if each[name] is not None}
        same = and_(_is(each["connection"], each["name"]), row.version == each["version"], row.value == each["value"])
        await tx.execute(update(secret).where(same).values(anew))
    return len(found)


async def _rewrap_tokens(tx: AsyncConnection, vault: Vault, most: int) -> int:
    row = token.c
    found = (
        await tx.execute(select(token).where(row.value != "", _not_under(row.value, vault)).limit(most))
    ).mappings()
    rows = found.all()
    for each in rows:
        anew = vault.rewrapped(each["value"], "token", each["connection"], each["version"])
        mine = and_(row.connection == each["connection"], row.version == each["version"])
        await tx.execute(update(token).where(mine, row.serial == each["serial"]).values(value=anew))
    return len(rows)


async def keys_in_use(tx: AsyncConnection) -> dict[str, int]:
    """Id of each master key that stored values want -> how many of them."""
    counts: dict[str, int] = {}
    values: list[Any] = list((await tx.execute(select(token.c.value).where(token.c.value != ""))).scalars())
    for found in (await tx.execute(select(*(secret.c[name] for name in SEALED)))).all():
        values += [each for each in found if each is not None]
    for each in values:
        counts[key_of(each)] = counts.get(key_of(each), 0) + 1
    return counts


async def fingerprint_key(tx: AsyncConnection, vault: Vault) -> str:
    """What tells credentials apart without telling what they are; made by whoever asks first, the same for all."""
    made = vault.seal(os.urandom(32).hex(), *context(OURS, FINGERPRINT))
    row = {"connection": OURS, "name": FINGERPRINT, "version": 1, "value": made, "former_until": 0.0, "overlap_s": 0.0}
    row |= {"refused": "", "set_at": 0.0, "set_by": "lockstep"}
    await tx.execute(insert(tx, secret).values(row).on_conflict_do_nothing())
    found = (await tx.execute(select(secret.c.value).where(_is(OURS, FINGERPRINT)))).scalar_one()
    return vault.open(str(found), *context(OURS, FINGERPRINT))


def opened(vault: Vault, rows: Sequence[Secret], slot: str) -> dict[str, str]:
    """Name -> value in this slot (`value`, `next`, `former`), where it holds one. Raises VaultError."""
    found = {each.name: (getattr(each, slot), each) for each in rows}
    return {name: vault.open(text, *context(row.connection, name)) for name, (text, row) in found.items() if text}


def _is(connection: str, name: str) -> ColumnElement[bool]:
    return and_(secret.c.connection == connection, secret.c.name == name)


def _not_under(column: ColumnElement[str], vault: Vault) -> ColumnElement[bool]:
    return ~column.startswith(f"v1.{vault.key_id}.", autoescape=True)
