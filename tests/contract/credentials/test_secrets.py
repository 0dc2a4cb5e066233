"""Secrets in the database: what is next is proved before it is used, and another master key takes over row by row."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from gateway.credentials import store
from gateway.credentials.tables import secret, token
from gateway.credentials.vault import MasterKey, Vault, VaultError
from gateway.storage.database import Database
from tests.contract.credentials.conftest import KEY

NEW = MasterKey(b"n" * 32)


async def put(database: Database, vault: Vault, name: str, plain: str, **more: Any) -> store.Secret:
    async with database.begin() as tx:
        return await store.set_secret(tx, vault, "snow", name, plain, by="ann", now=100.0, **more)


async def slots(database: Database, vault: Vault) -> dict[str, dict[str, str]]:
    async with database.read() as tx:
        rows = await store.secrets(tx, "snow")
    return {slot: store.opened(vault, rows, slot) for slot in store.SEALED}


async def test_the_first_is_used_at_once_and_the_second_waits(database: Database, vault: Vault) -> None:
    first = await put(database, vault, "password", "one", ends_at=500.0)
    assert (first.version, first.waiting, first.ends_at, first.set_by) == (1, False, 500.0, "ann")
    second = await put(database, vault, "password", "two", overlap_s=60.0, ends_at=900.0)
    assert (second.version, second.waiting, second.ends_at) == (2, True, 500.0)
    assert await slots(database, vault) == {"value": {"password": "one"}, "next": {"password": "two"}, "former": {}}
    async with database.begin() as tx:
        await store.promote(tx, "snow", {"password": 2}, now=200.0)
    async with database.read() as tx:
        (row,) = await store.secrets(tx)
    assert (row.ends_at, row.next_ends_at, row.former_until) == (900.0, None, 260.0)
    assert await slots(database, vault) == {"value": {"password": "two"}, "next": {}, "former": {"password": "one"}}
    async with database.begin() as tx:
        assert await store.forget_former(tx, now=259.0) == 0
        assert await store.forget_former(tx, now=260.0) == 1
    assert (await slots(database, vault))["former"] == {}


async def test_what_was_set_anew_meanwhile_is_not_taken_for_proved(database: Database, vault: Vault) -> None:
    """Two values of one credential go together or not at all."""
    for name in ("id", "password"):
        await put(database, vault, name, "one")
        await put(database, vault, name, "two")
    await put(database, vault, "password", "three")

    async def promoted() -> None:
        async with database.begin() as tx:
            await store.promote(tx, "snow", {"id": 2, "password": 2}, now=200.0)

    with pytest.raises(store.Overtaken):
        await promoted()
    assert (await slots(database, vault))["value"] == {"id": "one", "password": "one"}


async def test_what_was_refused_is_not_tried_again_until_it_is_set_anew(database: Database, vault: Vault) -> None:
    await put(database, vault, "password", "one")
    await put(database, vault, "password", "wrong")
    async with database.begin() as tx:
        await store.refuse(tx, "snow", {"password": 2}, "401")
    async with database.read() as tx:
        (row,) = await store.secrets(tx, "snow")
    assert (row.waiting, row.refused) == (False, "401")
    assert (await put(database, vault, "password", "right")).waiting


async def test_rows_that_were_swapped_do_not_open(database: Database, vault: Vault) -> None:
    await put(database, vault, "password", "one")
    async with database.begin() as tx:
        await store.set_secret(tx, vault, "jira", "password", "two", by="ann", now=1.0)
        stolen = (await tx.execute(select(secret.c.value).where(secret.c.connection == "jira"))).scalar_one()
        await tx.execute(update(secret).where(secret.c.connection == "snow").values(value=stolen))
    with pytest.raises(VaultError):
        await slots(database, vault)


async def test_another_master_key_takes_over_while_others_read(database: Database, vault: Vault) -> None:
    for at in range(7):
        await put(database, vault, f"s{at}", "one")
    await put(database, vault, "s0", "two")
    async with database.begin() as tx:
        key = await store.fingerprint_key(tx, vault)
        sealed = vault.seal("t", "token", "snow", "v")
        row = {"connection": "snow", "version": "v", "serial": 1, "value": sealed, "asked_at": 1.0, "owner": ""}
        await tx.execute(token.insert().values(row | {"lease_until": 0.0, "fence": 0, "reason": ""}))
        assert await store.keys_in_use(tx) == {KEY.id: 10}
    both, turns = Vault([NEW, KEY]), 0
    while True:
        async with database.begin() as tx:
            if not await store.rewrap(tx, both, most=3):
                break
        turns += 1
        assert (await slots(database, both))["value"] == {f"s{at}": "one" for at in range(7)}, "a reader in between"
    assert turns > 1
    alone = Vault([NEW])
    assert (await slots(database, alone))["next"] == {"s0": "two"}
    async with database.begin() as tx:
        assert await store.keys_in_use(tx) == {NEW.id: 10}
        assert await store.fingerprint_key(tx, alone) == key, "credentials are the same ones as before"
        kept = (await tx.execute(select(token.c.value))).scalar_one()
    assert alone.open(kept, "token", "snow", "v") == "t"


async def test_removing(database: Database, vault: Vault) -> None:
    await put(database, vault, "password", "one")
    async with database.begin() as tx:
        assert await store.remove_secret(tx, "snow", "password")
        assert not await store.remove_secret(tx, "snow", "password")
