"""P9: every decision has its entry in its transaction, and nothing that is done to the trail goes unseen."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import select

from connectors.contract.errors import StorageError
from gateway.audit import checkpoints, segments
from gateway.audit.chain import append, entry
from gateway.audit.erasing import erase
from gateway.audit.findings import Kind
from gateway.audit.floor import delete_until, keep_from, keep_no_more
from gateway.audit.tables import audit, metadata
from gateway.storage.database import Database
from tests.contract.audit.mutations import INSIDE, Mutation, all_of_it, rewrite, wind_back
from tests.crash.source import product
from tests.support.broken import rejects
from tests.support.tables import make_tables
from tests.support.trail import checked, lived, rows_of, say

TIMES = 14
"""Chances of each mutation."""


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a trail that is whole."""
    folder = tmp_path_factory.mktemp("trail")

    async def live() -> None:
        database = await lived(folder)
        report = await checked(database, files=[folder / checkpoints.FILE_NAME])
        assert report.whole and (report.first, report.last, report.entries, report.erased) == (6, 20, 15, 1)
        await database.close()

    asyncio.run(live())
    return folder


def copied(trail: Path, to: Path) -> tuple[Database, sqlite3.Connection]:
    """The same trail elsewhere, and a way into it that nobody sees."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(trail, to)
    return Database(f"sqlite+aiosqlite:///{to}/store.db"), sqlite3.connect(to / "store.db", isolation_level=None)


@pytest.mark.parametrize("mutation", INSIDE, ids=lambda mutation: mutation.__name__)
async def test_whatever_is_changed_is_found(mutation: Mutation, trail: Path, tmp_path: Path) -> None:
    for seed in range(TIMES):
        database, raw = copied(trail, tmp_path / "copy")
        done = mutation(raw, Random(seed))
        raw.close()
        report = await checked(database)
        assert not report.whole, f"seed {seed}: {done}, and nothing was found"
        await database.close()


@pytest.mark.parametrize("mutation", [*INSIDE, all_of_it], ids=lambda mutation: mutation.__name__)
async def test_a_gateway_that_goes_on_does_not_make_it_good(mutation: Mutation, trail: Path, tmp_path: Path) -> None:
    """It is started anew and knows nothing of before; what it adds is signed like everything."""
    for seed in range(4):
        database, raw = copied(trail, tmp_path / "copy")
        done = mutation(raw, Random(seed))
        raw.close()
        with suppress(StorageError):  # it may not get any further: then nothing was made good
            await say(database, "signed_in", "signed_out", at=200.0)
        report = await checked(database, files=[tmp_path / "copy" / checkpoints.FILE_NAME])
        assert not report.whole, f"seed {seed}: {done}, and nothing was found any more"
        await database.close()


@pytest.mark.parametrize(
    ("statement", "kind", "first", "last"),
    [
        ("UPDATE audit SET actor = 'bob' WHERE seq = 12", Kind.CHANGED, 12, 12),
        ("UPDATE audit SET detail = replace(detail, 'Ann', 'Bob') WHERE seq IN (8, 9)", Kind.CHANGED, 8, 9),
        ("UPDATE audit SET link = 'f' || substr(link, 2) || 'f' WHERE seq = 15", Kind.CHANGED, 15, 15),
        ("DELETE FROM audit WHERE seq IN (13, 14, 15)", Kind.MISSING, 13, 15),
        ("DELETE FROM audit WHERE seq > 17", Kind.TRUNCATED, 18, 20),
        ("UPDATE audit SET seq = CASE seq WHEN 14 THEN -17 ELSE -14 END WHERE seq IN (14, 17)", Kind.REORDERED, 14, 14),
        ("UPDATE audit SET detail = '{}', salt = '' WHERE seq = 16", Kind.ERASED, 16, 16),
        ("UPDATE audit SET actor = CAST(X'C328' AS TEXT) WHERE seq = 16", Kind.UNREADABLE, 16, 16),
        ("UPDATE audit_head SET signature = 'AA' || substr(signature, 3)", Kind.SIGNATURE, 20, 20),
        ("UPDATE audit_checkpoint SET at = at + 1 WHERE seq = 9", Kind.SIGNATURE, 9, 9),
        ("UPDATE audit_floor SET at = at + 1", Kind.SIGNATURE, 5, 5),
        ("UPDATE audit_head SET seq = 4000000000000000000", Kind.TRUNCATED, 21, 4_000_000_000_000_000_000),
    ],
)
async def test_it_is_named(statement: str, kind: Kind, first: int, last: int, trail: Path, tmp_path: Path) -> None:
    database, raw = copied(trail, tmp_path / "copy")
    raw.execute(statement)
    raw.execute("UPDATE audit SET seq = -seq WHERE seq < 0")
    report = await checked(database)
    assert (kind, first, last) in [(each.kind, each.first, each.last) for each in report.findings], report.findings
    assert len(report.findings) <= 2
    await database.close()


async def test_a_second_entry_at_a_place_is_found_without_the_index(trail: Path, tmp_path: Path) -> None:
    """Where one question ends and the next begins, too: it would be passed over."""
    database, raw = copied(trail, tmp_path / "copy")
    raw.execute("DROP INDEX audit_by_seq")
    names = [row[1] for row in raw.execute("PRAGMA table_info(audit)")]
    rest = ", ".join(name for name in names if name != "id")
    raw.execute(f"INSERT INTO audit (id, {rest}) SELECT 'au_again', {rest} FROM audit WHERE seq = 15")
    with patch.object(segments, "AT_ONCE", 1):
        report = await checked(database)
    assert {(each.kind, each.first) for each in report.findings} == {(Kind.ADDED, 15)}
    await database.close()


async def test_an_older_copy_of_everything_is_found_by_the_file(trail: Path, tmp_path: Path) -> None:
    database, raw = copied(trail, tmp_path / "copy")
    raw.close()
    file = tmp_path / "copy" / checkpoints.FILE_NAME
    await say(database, "case_discarded", at=130.0)
    await checkpoints.checkpoint(database, file, now=131.0)
    assert (await checked(database, files=[file])).whole
    await database.close()
    older, raw = copied(trail, tmp_path / "older")
    raw.close()
    assert (await checked(older)).whole, "by itself it is whole"
    report = await checked(older, files=[file])
    assert [(each.kind, each.last) for each in report.findings] == [(Kind.CHECKPOINT, 21)]
    # The gateway that has the file notices too, and says so where it cannot be taken back.
    await checkpoints.checkpoint(older, file, now=140.0)
    report = await checked(older)
    assert [each.kind for each in report.findings] == [Kind.TAMPERED]
    await older.close()


async def _fresh(url: str) -> Database:
    database = Database(url)
    await make_tables(database, (metadata,))
    return database


async def nothing_without_its_decision(url: str) -> None:
    """A transaction that does not come to its end leaves no entry, and one that does has all of them."""
    database = await _fresh(url)
    await say(database, "first", at=1.0)
    with suppress(ZeroDivisionError):
        async with database.begin() as tx:
            append(tx, [entry("never", 2.0, {})])
            raise ZeroDivisionError
    async with database.begin() as tx:
        append(tx, [entry("second", 3.0, {})])
        append(tx, [entry("third", 3.0, {})])
        assert not (await tx.execute(select(audit.c.id).where(audit.c.kind == "second"))).all()
    kinds = [row.kind for row in await rows_of(database)]
    await asyncio.sleep(0)
    async with database.begin() as tx:  # whoever writes on the side has had its turn before this one
        pass
    after = [row.kind for row in await rows_of(database)]
    await database.close()
    assert kinds == after == ["first", "second", "third"]


async def _mutated(url: str, mutation: Mutation, *, goes_on: bool = False) -> None:
    folder = Path(url.partition("///")[2]).parent
    for seed in range(TIMES):
        shutil.rmtree(folder / "one", ignore_errors=True)
        (folder / "one").mkdir()
        database = await lived(folder / "one")
        raw = sqlite3.connect(folder / "one" / "store.db", isolation_level=None)
        done = mutation(raw, Random(seed))
        raw.close()
        await database.close()
        again = Database(str(database.url))
        if goes_on:
            await say(again, "signed_in", at=200.0)
        whole = (await checked(again)).whole
        await again.close()
        assert not whole, f"seed {seed}: {done}"


async def a_head_belongs_to_its_entry(url: str) -> None:
    await _mutated(url, wind_back)


async def what_was_rewritten_is_not_built_upon(url: str) -> None:
    def thoroughly(raw: sqlite3.Connection, chance: Random) -> str:
        raw.execute("DELETE FROM audit_checkpoint")
        return rewrite(raw, chance)

    await _mutated(url, thoroughly, goes_on=True)


async def the_newest_counts(url: str) -> None:
    def cut(raw: sqlite3.Connection, chance: Random) -> str:
        return f"{raw.execute('DELETE FROM audit WHERE seq > 19').rowcount} cut"

    await _mutated(url, cut)


async def a_place_is_part_of_an_entry(url: str) -> None:
    def swapped(raw: sqlite3.Connection, chance: Random) -> str:
        raw.execute("UPDATE audit SET detail = (SELECT detail FROM audit WHERE seq = 8) WHERE seq = 9")
        return "another's detail"

    await _mutated(url, swapped)


async def an_erasure_is_explained(url: str) -> None:
    database = await _fresh(url)
    ids = await say(database, "one", "two", "three")
    async with database.begin() as tx:
        assert await erase(tx, ids[:2], now=2.0, actor="ann", why="asked") == 2
    async with database.begin() as tx:
        assert await erase(tx, ids[:2], now=3.0, actor="ann", why="asked again") == 0
    rows, report = await rows_of(database), await checked(database)
    await database.close()
    assert [row.detail for row in rows[:2]] == ["{}", "{}"] and rows[0].salt == "" and "Ann" in rows[2].detail
    assert report.whole and report.erased == 2, report.findings


async def old_entries_go_from_the_beginning_only(url: str) -> None:
    """However old, one that stands behind a young one stays; and whatever a receiver was not given yet."""
    database = await _fresh(url)
    for at in (1.0, 2.0, 3.0, 90.0, 4.0):
        await say(database, "said", at=at)
    async with database.begin() as tx:
        await keep_from(tx, "siem:one", 2)
    gone = await delete_until(database, 50.0, now=100.0, batch=1)
    async with database.begin() as tx:
        await keep_no_more(tx, "siem:one")
    gone_then = await delete_until(database, 50.0, now=101.0, batch=10)
    places, report = [row.seq for row in await rows_of(database)], await checked(database)
    await database.close()
    assert (gone, gone_then) == (2, 1)
    assert places == list(range(4, places[-1] + 1)) and report.whole, report.findings


async def an_older_copy_is_seen_by_the_file(url: str) -> None:
    folder = Path(url.partition("///")[2]).parent
    database, file = await _fresh(url), folder / checkpoints.FILE_NAME
    await say(database, "one")
    await database.close()
    shutil.copy(folder / "store.db", folder / "older.db")
    again = Database(url)
    await say(again, "two")
    await checkpoints.checkpoint(again, file, now=5.0)
    await again.close()
    older = Database(f"sqlite+aiosqlite:///{folder}/older.db")
    report = await checked(older, files=[file])
    await older.close()
    assert not report.whole


CHECKS = {
    "SIGNED PLACE": a_head_belongs_to_its_entry,
    "SUSPICION": what_was_rewritten_is_not_built_upon,
    "NEWEST": the_newest_counts,
    "DETAILS": a_place_is_part_of_an_entry,
    "SAME TRANSACTION": nothing_without_its_decision,
    "NAMED ERASURE": an_erasure_is_explained,
    "OLDEST FIRST": old_entries_go_from_the_beginning_only,
    "FILE": an_older_copy_is_seen_by_the_file,
}
ANYWHERE = (nothing_without_its_decision, an_erasure_is_explained, old_entries_go_from_the_beginning_only)


@pytest.mark.parametrize("check", ANYWHERE)
async def test_holds(check: Any, store_url: str) -> None:
    await check(store_url)


@pytest.mark.parametrize("mechanism", CHECKS)
async def test_is_broken_without(mechanism: str, embedded_url: str) -> None:
    await rejects(CHECKS[mechanism], mechanism, embedded_url)


@pytest.mark.postgres
async def test_workers_at_once_leave_no_gap_and_a_reader_misses_nothing(furnished_url: str) -> None:
    """Each reads on above the newest it has seen, while two workers write with eight hands."""
    one, other = Database(furnished_url), Database(furnished_url)
    await make_tables(one, (metadata,))
    done = asyncio.Event()

    async def reads() -> list[int]:
        seen: list[int] = []
        while True:
            ended = done.is_set()
            async with one.read() as tx:
                query = select(audit.c.seq).where(audit.c.seq > (seen[-1] if seen else 0)).order_by(audit.c.seq)
                seen += (await tx.execute(query)).scalars()
            if ended:
                return seen

    async def writes(database: Database, hand: int) -> None:
        for number in range(6):
            await say(database, *["said"] * (1 + (hand + number) % 3), at=float(number))

    reader = asyncio.create_task(reads())
    await asyncio.gather(*(writes(database, hand) for database in (one, other) for hand in range(4)))
    done.set()
    seen, report = await reader, await checked(other)
    assert seen == list(range(1, report.last + 1)) and report.whole, report.findings
    await one.close()
    await other.close()


def test_nobody_writes_past_the_chain() -> None:
    words = ("insert(audit)", "audit.insert(", "update(audit)", "delete(audit)", "(tx, audit,")
    found = [
        f"{file}: {word}"
        for file, text in product()
        for word in words
        if word in text and not file.startswith("gateway/audit/")
    ]
    assert not found
    assert any(word in text for file, text in product() for word in words if file == "gateway/audit/chain.py")
