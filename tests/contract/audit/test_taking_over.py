"""Trails from before there was a chain are taken into it, and a key follows another: on both databases."""

from __future__ import annotations

import os

import pytest
from alembic import command
from sqlalchemy import column, table

from connectors.contract.errors import ConfigError, StorageError
from gateway.audit.chain import BEGUN, KEY
from gateway.audit.findings import Kind
from gateway.audit.keys import signer_for
from gateway.audit.tables import metadata
from gateway.audit.taking_over import accept_key, take_over
from gateway.audit.verifying import verify
from gateway.core.signing import Signer
from gateway.storage.database import Database
from gateway.storage.migrate import migrate, settings
from tests.support.tables import make_tables
from tests.support.trail import checked, rows_of, say

COLUMNS = ("id", "at", "kind", "record", "connection", "actor", "cause", "detail")
OLD = table("audit", *(column(name) for name in COLUMNS))
"""As it was."""


async def old(database: Database, *numbers: int) -> None:
    """Entries of the release before the chain."""
    plain = {"kind": "observed", "record": None, "connection": "snow", "actor": "lockstep", "cause": "", "detail": "{}"}
    async with database.begin() as tx:
        await tx.run_sync(lambda connection: command.upgrade(settings(connection), "0025"))
        await tx.execute(OLD.insert(), [{"id": f"au_{each:05d}", "at": float(each), **plain} for each in numbers])
    await migrate(database)


async def test_what_was_there_before_is_chained_and_nothing_is_claimed_of_it(bare_url: str) -> None:
    database = Database(bare_url)
    await old(database, 3, 1, 2)
    report = await checked(database)
    assert [(each.kind, each.last) for each in report.findings] == [(Kind.SIGNATURE, 3)], "nobody has signed yet"
    await take_over(database, (), now=10.0)
    await take_over(database, (), now=11.0)
    await say(database, "signed_in", at=12.0)
    rows, report = await rows_of(database), await checked(database)
    assert [(row.seq, row.kind) for row in rows[2:]] == [(3, "observed"), (4, BEGUN), (5, "signed_in")]
    assert [row.at for row in rows[:3]] == [1.0, 2.0, 3.0]
    assert report.whole and report.notices == [
        "entries up to 3 were there before anybody signed: nothing proves what they were then"
    ]
    await database.close()


async def test_a_first_entry_by_a_command_says_the_same(bare_url: str) -> None:
    """The gateway was not started since: a command writes first."""
    database = Database(bare_url)
    await old(database, 1)
    await say(database, "person_added", at=12.0)
    assert [row.kind for row in await rows_of(database)] == ["observed", BEGUN, "person_added"]
    assert (await checked(database)).whole
    await database.close()


def signed_by(url: str, signer: Signer) -> Database:
    return Database(url, signer=lambda: signer)


async def test_a_key_follows_another_that_vouches_for_it(url: str) -> None:
    one, two = Signer(os.urandom(32)), Signer(os.urandom(32))
    before, after = signed_by(url, one), signed_by(url, two)
    await make_tables(before, (metadata,))
    await take_over(before, (), now=1.0)
    await say(before, "first", at=2.0)
    with pytest.raises(StorageError, match="signed by the key"):
        await say(after, "never", at=3.0)
    with pytest.raises(ConfigError, match=r"signing\.former"):
        await take_over(after, (), now=3.0)
    await take_over(after, (one,), now=4.0)
    await say(after, "second", at=5.0)
    assert [row.kind for row in await rows_of(after)] == ["first", KEY, "second"]
    report = await checked(after)
    assert report.whole and not report.notices, report
    assert not (await verify(after, one.public)).whole, "who believes the former key is told that another signs"
    with pytest.raises(StorageError, match="start it with that key"):
        await say(before, "too late", at=6.0)
    await before.close()
    await after.close()


async def test_a_stranger_s_key_is_no_key(url: str) -> None:
    """Somebody with the database and a key of his own enters it by himself, and signs everything anew."""
    own, stranger = Signer(os.urandom(32)), Signer(os.urandom(32))
    ours, theirs = signed_by(url, own), signed_by(url, stranger)
    await make_tables(ours, (metadata,))
    await say(ours, "first", "second", at=1.0)
    assert await accept_key(theirs, now=2.0, actor="lockstep", why="no reason")
    await say(theirs, "forged", at=3.0)
    report = await verify(theirs, own.public)
    assert Kind.SIGNATURE in {each.kind for each in report.findings}
    assert (await verify(theirs, signer_for(theirs).public)).notices
    await ours.close()
    await theirs.close()
