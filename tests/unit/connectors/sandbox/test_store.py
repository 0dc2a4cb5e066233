"""All or nothing, and durable before the answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sandbox.store import FileInUseError, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "x.db")
    store.script("CREATE TABLE thing (name TEXT)")
    yield store
    store.close()


def _kept(path: Path) -> list[str]:
    """What a reader of a copy of the files sees, as after a kill."""
    copy = path.with_name("copy.db")
    for ending in ("", "-wal"):
        if (source := path.with_name(path.name + ending)).exists():
            copy.with_name(copy.name + ending).write_bytes(source.read_bytes())
    with sqlite3.connect(copy) as db:
        found = [row[0] for row in db.execute("SELECT name FROM thing ORDER BY rowid")]
    db.close()
    return found


async def test_flush_makes_it_durable_and_nothing_else_does(store: Store, tmp_path: Path) -> None:
    with store.change():
        store.run("INSERT INTO thing VALUES ('a')")
    assert _kept(tmp_path / "x.db") == []
    await store.flush()
    assert _kept(tmp_path / "x.db") == ["a"]


async def test_an_error_takes_back_its_own_change_only(store: Store) -> None:
    with store.change():
        store.run("INSERT INTO thing VALUES ('before')")

    def half_done() -> None:
        with store.change():
            store.run("INSERT INTO thing VALUES ('outer')")
            with store.change():
                store.run("INSERT INTO thing VALUES ('inner')")
            raise LookupError

    with pytest.raises(LookupError):
        half_done()
    await store.flush()
    assert store.rows("SELECT name FROM thing") == [("before",)]


async def test_a_failed_commit_reaches_whoever_waits(store: Store) -> None:
    store.script(
        "CREATE TABLE child (parent TEXT REFERENCES parent (name) DEFERRABLE INITIALLY DEFERRED);"
        "CREATE TABLE parent (name TEXT PRIMARY KEY); PRAGMA foreign_keys=ON;"
    )
    with store.change():
        store.run("INSERT INTO child VALUES ('nobody')")
    with pytest.raises(sqlite3.IntegrityError):
        await store.flush()
    with store.change():
        store.run("INSERT INTO thing VALUES ('later')")
    await store.flush()
    assert store.value("SELECT count(*) FROM child") == 0


async def test_counters_and_settings(store: Store) -> None:
    with store.change():
        assert [store.next_number("n", 7) for _ in range(3)] == [7, 8, 9]
        store.set_setting("s", {"a": [1]})
    assert store.setting("s") == {"a": [1]}
    assert store.setting("other") is None


def test_one_process_at_a_time(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileInUseError, match=r"x\.db is used by another process"):
        Store(tmp_path / "x.db")
