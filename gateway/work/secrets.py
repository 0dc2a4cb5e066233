"""Secrets of connections that are kept in the database: set, listed, removed, wrapped under another master key. No verb
gives a value back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import InputError
from gateway.access.rights import Principal, Right
from gateway.config.auth import FromStore
from gateway.core.kinds import OPEN
from gateway.credentials import store
from gateway.credentials.parts import vault_of
from gateway.credentials.store import Secret
from gateway.credentials.told import cause_of, note_gone
from gateway.credentials.vault import Vault, VaultError
from gateway.work.trail import note
from gateway.work.workplace import Workplace

IN_USE, PROVING, REFUSED = "in use", "being proved", "refused"


class RotationRefused(InputError):
    """Nothing was changed: 409."""

    status = 409


class SecretView(msgspec.Struct, frozen=True, kw_only=True):
    """A secret as people see it: all but what it says."""

    connection: str
    name: str
    state: str
    """in use; being proved (a new value waits, the present one is used); refused (the new value was)."""
    refused: str
    """Why the new value was refused; else empty."""
    set_at: float
    set_by: str
    ends_at: float | None
    """Of the value in use, as whoever set it said."""
    former_until: float | None
    """The value before is still tried until then."""
    used: bool
    """The configuration names it."""


class Rewrapped(msgspec.Struct, frozen=True, kw_only=True):
    """What a change of the master key came to."""

    key: str
    """Id of the key that everything is under now."""
    values: int
    """Wrapped anew."""


async def set_secrets(
    place: Workplace,
    who: Principal,
    vault: Vault,
    connection: str,
    values: Mapping[str, str],
    *,
    overlap_s: float | None = None,
    ends_at: float | None = None,
) -> list[SecretView] | None:
    """Stores values together. A first value is used at once; another is proved by the running gateway before it is, and
    the present one is kept for `overlap_s` (default: the connection's). None: no such connection in scope. Right
    CONFIGURE. Raises NotAllowed, InputError.
    """
    if not _is_there(place, who, connection):
        return None
    rules = place.config.connections[connection].credentials
    keep_s = rules.overlap_s if overlap_s is None else overlap_s
    if not all(values.values()):
        raise InputError("an empty value is no secret", code="secret.empty")
    now, rows = place.now(), []
    async with place.database.begin("secret.set") as tx:
        for name, value in values.items():
            rows.append(
                await store.set_secret(
                    tx, vault, connection, name, value, by=who.name, now=now, overlap_s=keep_s, ends_at=ends_at
                )
            )
        await note_set(tx, who, connection, rows, now=now, overlap_s=keep_s, ends_at=ends_at)
    return [_view(place, each) for each in rows]


async def note_set(
    tx: AsyncConnection, who: Principal, connection: str, rows: Sequence[Secret], *, now: float, **more: float | None
) -> None:
    """The entry of who handed secrets in, never with what they say: open while one of them is to be proved."""
    versions = {each.name: each.version for each in rows}
    detail = {"by": who.id, "names": sorted(versions), "versions": versions, **more}
    outcome = OPEN if any(each.next for each in rows) else ""
    told = {"actor": who.name, "connection": connection, "cause": cause_of(connection)}
    await note(tx, at=now, kind="secret_set", detail=detail, outcome=outcome, **told)


async def rotate(
    place: Workplace,
    who: Principal,
    connection: str,
    values: Mapping[str, str],
    *,
    overlap_s: float | None = None,
    ends_at: float | None = None,
) -> list[SecretView] | None:
    """Hands in another credential: all the secrets it is made of, together. The running gateway proves it with a check
    before anything uses it; `list_secrets` tells what came of it. None, and otherwise as `set_secrets`; raises
    RotationRefused where the configuration keeps none of them in the database, or other ones.
    """
    if not _is_there(place, who, connection):
        return None
    wanted = names_of(place, connection)
    if not wanted:
        why = f"nothing that {connection} signs in with is kept in the database: write `secret:name` in its `auth`"
        raise RotationRefused(why, code="secret.not_kept")
    if sorted(values) != wanted:
        raise RotationRefused(f"a credential of {connection} is made of {', '.join(wanted)}", code="secret.names")
    vault = await asyncio.to_thread(vault_of, place.config)
    return await set_secrets(place, who, vault, connection, values, overlap_s=overlap_s, ends_at=ends_at)


async def list_secrets(place: Workplace, who: Principal, connection: str | None = None) -> list[SecretView]:
    """Those of connections in scope, by connection and name. Right CONFIGURE."""
    who.require(Right.CONFIGURE)
    async with place.database.read() as tx:
        rows = [each for each in await store.secrets(tx) if connection in (None, each.connection)]
    return [_view(place, each) for each in rows if who.covers(connection=each.connection)]


async def remove_secret(place: Workplace, who: Principal, connection: str, name: str) -> bool:
    """Forgets a secret and the value before it. A connection that signs in with it is held within a second, until it is
    set again. False: there is none in scope. Right CONFIGURE.
    """
    who.require(Right.CONFIGURE)
    if not who.covers(connection=connection):
        return False
    async with place.database.begin("secret.remove") as tx:
        if not await store.remove_secret(tx, connection, name):
            return False
        now, detail = place.now(), {"by": who.id, "names": [name]}
        await note_gone(tx, connection, name, now)
        told = {"actor": who.name, "connection": connection, "cause": cause_of(connection)}
        await note(tx, at=now, kind="secret_removed", detail=detail, **told)
    return True


async def rotate_key(place: Workplace, who: Principal, vault: Vault) -> Rewrapped:
    """Wraps everything under the vault's first key; in small transactions, so that a running gateway goes on. Broken
    off, it goes on where it was. Right MANAGE. Raises InputError naming a key that is missing.
    """
    who.require(Right.MANAGE)
    done = 0
    while True:
        try:
            async with place.database.begin("secret.rewrap") as tx:
                turn = await store.rewrap(tx, vault)
        except VaultError as error:
            raise InputError(str(error), code="secret.key_missing") from error
        if not turn:
            break
        done += turn
    async with place.database.begin("secret.rewrapped") as tx:
        detail = {"by": who.id, "key": vault.key_id, "values": done}
        await note(tx, at=place.now(), kind="master_key_changed", actor=who.name, detail=detail)
    return Rewrapped(key=vault.key_id, values=done)


def names_of(place: Workplace, connection: str) -> list[str]:
    """Secrets of the database that the configuration names for a connection."""
    origins = place.config.connections[connection].credentials.origins.values()
    return sorted({each.name for each in origins if isinstance(each, FromStore)})


def _is_there(place: Workplace, who: Principal, connection: str) -> bool:
    who.require(Right.CONFIGURE)
    return connection in place.config.connections and who.covers(connection=connection)


def _view(place: Workplace, row: Secret) -> SecretView:
    known = place.config.connections.get(row.connection)
    return SecretView(
        connection=row.connection,
        name=row.name,
        state=REFUSED if row.refused else PROVING if row.waiting else IN_USE,
        refused=row.refused,
        set_at=row.set_at,
        set_by=row.set_by,
        ends_at=row.ends_at,
        former_until=row.former_until if row.former and row.former_until > place.now() else None,
        used=known is not None and row.name in names_of(place, row.connection),
    )
