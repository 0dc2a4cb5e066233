"""`python -m benchmarks.trail`: how long it takes to verify a trail of ten million entries, and whether a flipped byte
is found in it. Table on stderr; with --json an object on stdout. The database (6 GB) is made in bulk, past the gateway.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from sqlalchemy.schema import CreateIndex, CreateTable

from gateway.audit.chain import Head, chained, entry
from gateway.audit.checkpoints import Checkpoint
from gateway.audit.keys import signer_for
from gateway.audit.links import GENESIS
from gateway.audit.tables import audit, metadata
from gateway.audit.verifying import verify
from gateway.core.signing import Signer
from gateway.storage.database import Database

TOGETHER = 10_000
BEGAN = 1_750_000_000.0
PER_S = 40.0
"""Entries of a busy gateway; ten million are three days of it."""


def fill(file: Path, count: int, signer: Signer, tell: Any) -> None:
    """A trail of `count` entries, as if the gateway had written it."""
    db = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=OFF", "cache_size=-200000"):
        db.execute(f"PRAGMA {pragma}")
    for table in metadata.sorted_tables:
        db.execute(str(CreateTable(table)))
    names = [column.name for column in audit.columns]
    into = f"INSERT INTO audit ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"
    seq, last = 0, GENESIS
    while seq < count:
        rows = [*_rows(seq, min(TOGETHER, count - seq))]
        seq, last = chained(seq, last, rows)
        db.execute("BEGIN")
        db.executemany(into, rows)
        _checkpoint(db, Checkpoint.signed(seq, last, rows[-1]["at"], signer))
        db.execute("COMMIT")
        tell(seq, count)
    head = Head.signed(seq, last, signer)
    db.execute(
        "INSERT INTO audit_head (name, seq, link, key, signature) VALUES ('audit', ?, ?, ?, ?)",
        (head.seq, head.link, head.key, head.signature),
    )
    for index in sorted(audit.indexes, key=lambda each: str(each.name)):
        db.execute(str(CreateIndex(index)))
    db.close()


def _checkpoint(db: sqlite3.Connection, point: Checkpoint) -> None:
    values = (point.seq, point.link, point.at, point.key, point.signature)
    db.execute("INSERT INTO audit_checkpoint (seq, link, at, key, signature) VALUES (?, ?, ?, ?, ?)", values)


def _rows(after: int, count: int) -> Iterator[dict[str, Any]]:
    kinds = ("observed", "applied", "observed", "case_worked")
    for number in range(after, after + count):
        detail = {
            "attempt": f"at{number:024d}",
            "write": "update",
            "fields": ["priority", "summary"],
            "version": number,
        }
        more = {"record": f"rec{number % 50_000:020d}", "connection": "jira", "cause": f"n{number:024d}"}
        yield entry(kinds[number % 4], BEGAN + number / PER_S, detail, **more)


def flip(file: Path, count: int, chance: random.Random) -> str:
    """Turns one bit of one entry; says which."""
    seq, column = chance.randint(1, count), chance.choice(("detail", "actor", "cause", "record", "link", "digest"))
    with sqlite3.connect(file) as db:
        (value,) = db.execute(f"SELECT {column} FROM audit WHERE seq = ?", (seq,)).fetchone()
        at = chance.randrange(len(value))
        other = value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
        db.execute(f"UPDATE audit SET {column} = ? WHERE seq = ?", (other, seq))
    db.close()
    return f"{column} of entry {seq}"


async def measure(folder: Path, count: int, seed: int, console: Console) -> dict[str, Any]:
    """Fills, verifies, flips, verifies again. AssertionError if the trail is not whole, or the flip not found."""
    file = folder / "trail.db"
    database = Database(f"sqlite+aiosqlite:///{file}")
    signer = signer_for(database)
    begun = time.perf_counter()
    fill(file, count, signer, _telling(console, "made"))
    made_s = time.perf_counter() - begun
    told = _telling(console, "verified")
    whole = await verify(database, signer.public, progress=told)
    assert whole.whole and whole.entries == count, whole.findings[:3]
    where = flip(file, count, random.Random(seed))
    found = await verify(database, signer.public)
    assert [each.kind for each in found.findings] == ["changed"], found.findings[:3]
    await database.close()
    return {
        "entries": count,
        "bytes": file.stat().st_size,
        "cores": os.cpu_count(),
        "made_s": round(made_s, 1),
        "verified_s": round(whole.seconds, 1),
        "entries_per_s": round(count / whole.seconds),
        "flipped": where,
        "found": found.findings[0].text,
    }


def _telling(console: Console, what: str) -> Any:
    marks = iter(range(1, 5))
    mark = next(marks)

    def tell(done: int, of: int) -> None:
        nonlocal mark
        if mark and done * 4 >= of * mark:
            console.print(f"{what} {done} of {of}")
            mark = next(marks, 0)

    return tell


def main() -> int:
    """0: verified, and the flipped byte found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trail", description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1, help="of the flipped byte")
    parser.add_argument("--data", type=Path, help="folder of the database (a temporary one)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    given = parser.parse_args()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="lockstep-trail-", dir=given.data) as folder:
        found = asyncio.run(measure(Path(folder), given.entries, given.seed, console))
    for name, value in found.items():
        console.print(f"{name:>14}  {value}", markup=False, highlight=False)
    if given.json:
        sys.stdout.buffer.write(orjson.dumps(found) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
