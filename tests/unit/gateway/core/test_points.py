"""Places are told to a listener, around the commit that they name, and to nobody when there is none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.core import points
from gateway.storage.database import Database


@pytest.fixture
def heard() -> Iterator[list[str]]:
    found: list[str] = []
    points.listen(found.append)
    yield found
    points.listen(None)


def test_nobody_listens_unless_asked() -> None:
    assert points._listener is None
    points.reached("decision.before_commit")


async def test_a_transaction_tells_before_and_after_it_commits(tmp_path: Path, heard: list[str]) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/x.db")
    async with database.begin("making") as tx:
        await tx.execute(text("CREATE TABLE one (n INTEGER)"))
        assert heard == []
    assert heard == ["making.before_commit", "making.after_commit"]
    await database.close()


async def test_one_that_fails_reaches_neither(tmp_path: Path, heard: list[str]) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/x.db")
    with pytest.raises(ValueError, match="no"):
        async with database.begin("making"):
            raise ValueError("no")
    assert heard == []
    await database.close()


async def test_what_was_done_before_the_commit_is_not_there_for_others(tmp_path: Path) -> None:
    """The place before the commit is before it, the one after it is after it: another connection sees which."""
    url = f"sqlite+aiosqlite:///{tmp_path}/x.db"
    database, shown = Database(url), list[tuple[str, int]]()
    async with database.begin() as tx:
        await tx.execute(text("CREATE TABLE one (n INTEGER)"))

    def look(point: str) -> None:
        with sqlite3.connect(f"{tmp_path}/x.db") as other:
            shown.append((point, other.execute("SELECT count(*) FROM one").fetchone()[0]))
        other.close()

    points.listen(look)
    try:
        async with database.begin("adding") as tx:
            await tx.execute(text("INSERT INTO one VALUES (1)"))
    finally:
        points.listen(None)
    assert shown == [("adding.before_commit", 0), ("adding.after_commit", 1)]
    await database.close()
