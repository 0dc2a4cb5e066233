"""`lockstep audit verify|chain|key|accept` on a database with a trail."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest

from gateway.audit.checkpoints import FILE_NAME, checkpoint
from gateway.audit.keys import FILE_NAME as KEY_FILE
from gateway.storage.database import Database
from tests.support.trail import say
from tests.unit.gateway.cli.conftest import Run


@pytest.fixture
def store(keeps_its_key: Path) -> Path:
    """The database, with five entries and a checkpoint of the first four."""
    file = keeps_its_key.parent / "gateway" / "lockstep.db"

    async def fill() -> None:
        database = Database(f"sqlite+aiosqlite:///{file}")
        await say(database, "one", "two", "three", "four")
        await checkpoint(database, file.parent / FILE_NAME, now=5.0)
        await say(database, "five")
        await database.close()

    asyncio.run(fill())
    return file


def mend(store: Path, statement: str) -> None:
    with sqlite3.connect(store) as db:
        db.execute(statement)
    db.close()


def test_a_whole_trail_ends_well(run: Run, store: Path) -> None:
    said = run("audit", "verify")
    assert said.code == 0 and "entries 1 to 5 are whole" in said.out and "2 checkpoints" in said.err
    found = json.loads(run("audit", "verify", "--json", "--from", "3").out)
    assert found["whole"] is True and (found["first"], found["entries"]) == (3, 3)


def test_what_is_wrong_is_named_and_the_code_says_so(run: Run, store: Path) -> None:
    mend(store, "UPDATE audit SET actor = 'bob' WHERE seq = 2")
    mend(store, "DELETE FROM audit WHERE seq = 4")
    said = run("audit", "verify")
    assert said.code == 12 and "changed" in said.out and "missing" in said.out
    found = json.loads(run("audit", "verify", "--json").out)
    assert [(each["kind"], each["first"]) for each in found["findings"]] == [
        ("changed", 2),
        ("missing", 4),
    ]


def test_a_checkpoint_kept_elsewhere_tells_of_what_is_gone(run: Run, store: Path, tmp_path: Path) -> None:
    kept = tmp_path / "with-the-auditor.jsonl"
    kept.write_bytes((store.parent / FILE_NAME).read_bytes())
    (store.parent / FILE_NAME).unlink()
    for table in ("audit", "audit_head", "audit_checkpoint", "audit_key"):
        mend(store, f"DELETE FROM {table}")
    assert run("audit", "verify").code == 0  # nobody here knows that there ever was anything
    said = run("audit", "verify", "--against", str(kept))
    assert said.code == 12 and "wound back" in said.out
    assert run("audit", "verify", "--against", str(tmp_path / "nothing")).code == 7


def test_the_chain_and_its_key_are_shown(run: Run, store: Path) -> None:
    said = run("audit", "chain")
    assert said.code == 0 and "newest entry 5" in said.out and "last checkpoint at 4" in said.out
    own = json.loads(run("audit", "key", "--json").out)
    (key,) = json.loads(run("audit", "chain", "--json").out)["keys"]
    assert (key["fingerprint"], key["public"], key["seq"]) == (own["fingerprint"], own["public"], 1)
    assert run("audit", "verify", "--key", own["public"]).code == 0
    assert run("audit", "verify", "--key", "nonsense").code == 2


def test_a_lost_key_is_answered_for(run: Run, store: Path) -> None:
    (store.parent / KEY_FILE).unlink()
    assert run("audit", "verify").code == 12
    assert run("audit", "key", "--accept").code == 2
    said = run("audit", "key", "--accept", "--reason", "the disk with the key is gone")
    assert said.code == 0 and "signs from now on" in said.err
    said = run("audit", "verify")
    assert said.code == 0 and "by a person's word: the disk with the key is gone" in said.err


def test_a_break_is_answered_for(run: Run, store: Path) -> None:
    mend(store, "UPDATE audit_head SET signature = 'AAAA'")
    asyncio.run(_say_more(store))
    said = run("audit", "verify")
    assert said.code == 12 and "tampered" in said.out
    assert run("audit", "accept", "3", "--reason", "no").code == 7
    assert run("audit", "accept", "6", "--reason", "a restore that went wrong, ticket 17").code == 0
    said = run("audit", "verify")
    assert said.code == 0 and "answered for: a restore that went wrong" in said.err


async def _say_more(store: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{store}")
    await say(database, "six")
    await database.close()
