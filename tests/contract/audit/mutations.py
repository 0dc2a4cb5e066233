"""Everything that somebody could do to the trail who may write into the database and has not the key.

Each takes a SQLite connection and chance, changes something, and gives a name for what it did.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from random import Random
from typing import Any

from gateway.audit.links import FIELDS, digest, link

Mutation = Callable[[sqlite3.Connection, Random], str]

COLUMNS = (*FIELDS, "salt", "detail", "link")


def _seqs(db: sqlite3.Connection) -> list[int]:
    return [row[0] for row in db.execute("SELECT seq FROM audit ORDER BY seq")]


def _flipped(value: Any, chance: Random) -> Any:
    """The same with one bit turned, or the nearest to it that the column can hold."""
    if value is None:
        return "x"
    if isinstance(value, int):
        return value ^ (1 << chance.randrange(4))
    if isinstance(value, float):
        return value + chance.choice((1e-6, -1.0, 60.0))
    at = chance.randrange(len(value) + 1)
    if at == len(value):
        return value + "x"
    turned = chr(ord(value[at]) ^ (1 << chance.randrange(5)))
    return value[:at] + (turned if turned.isprintable() else "~") + value[at + 1 :]


def flip(db: sqlite3.Connection, chance: Random) -> str:
    """One byte anywhere in an entry, the head, the floor or a checkpoint."""
    table = chance.choice(("audit", "audit", "audit", "audit", "audit_head", "audit_floor", "audit_checkpoint"))
    names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    name = chance.choice(names)
    rows = db.execute(f"SELECT rowid, {name} FROM {table}").fetchall()
    rowid, value = chance.choice(rows)
    other = _flipped(value, chance)
    db.execute(f"UPDATE OR IGNORE {table} SET {name} = ? WHERE rowid = ?", (other, rowid))
    if not db.execute("SELECT changes()").fetchone()[0]:  # another row has that key already
        db.execute(f"UPDATE {table} SET {name} = ? WHERE rowid = ?", (-1 if isinstance(value, int) else "y", rowid))
    return f"flip {table}.{name}: {value!r} -> {other!r}"


def delete(db: sqlite3.Connection, chance: Random) -> str:
    """One or several entries."""
    gone = chance.sample(_seqs(db), chance.choice((1, 1, 2, 5)))
    db.executemany("DELETE FROM audit WHERE seq = ?", [(seq,) for seq in gone])
    return f"delete {gone}"


def swap(db: sqlite3.Connection, chance: Random) -> str:
    """Two entries change places, with or without the links that belong to the places."""
    one, other = chance.sample(_seqs(db), 2)
    db.execute("UPDATE audit SET seq = -1 WHERE seq = ?", (one,))
    db.execute("UPDATE audit SET seq = ? WHERE seq = ?", (one, other))
    db.execute("UPDATE audit SET seq = ? WHERE seq = -1", (other,))
    if chance.random() < 0.5:
        links = dict(db.execute("SELECT seq, link FROM audit WHERE seq IN (?, ?)", (one, other)).fetchall())
        db.executemany("UPDATE audit SET link = ? WHERE seq = ?", [(links[one], other), (links[other], one)])
    return f"swap {one}, {other}"


def _forged(db: sqlite3.Connection, seq: float) -> dict[str, Any]:
    row = dict(zip(COLUMNS, db.execute(f"SELECT {', '.join(COLUMNS)} FROM audit LIMIT 1").fetchone(), strict=True))
    before = db.execute("SELECT link FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT 1", (seq,)).fetchone()
    row |= {"seq": seq, "id": "au_forged", "actor": "mallory", "salt": "0" * 32, "detail": '{"forged":true}'}
    row["digest"] = digest(row["salt"], row["detail"])
    row["link"] = link(before[0] if before else "0" * 64, [row[name] for name in FIELDS])
    return row


def insert(db: sqlite3.Connection, chance: Random) -> str:
    """An entry that never was: behind the newest, with the head moved or not; between two; below the first."""
    seqs = _seqs(db)
    seq = chance.choice((seqs[-1] + 1, seqs[-1] + 1, seqs[-1] + 7, chance.choice(seqs) + 0.5, 3, 0, -1))
    row = _forged(db, seq)
    db.execute(f"INSERT INTO audit ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
    moves = seq == seqs[-1] + 1 and chance.random() < 0.5
    if moves:
        db.execute("UPDATE audit_head SET seq = ?, link = ?", (seq, row["link"]))
    return f"insert {seq}, head {'moved' if moves else 'left'}"


def cut(db: sqlite3.Connection, chance: Random) -> str:
    """The newest entries go, and nothing else is touched."""
    seqs = _seqs(db)
    last = chance.choice(seqs[:-1])
    db.execute("DELETE FROM audit WHERE seq > ?", (last,))
    return f"cut after {last}"


def wind_back(db: sqlite3.Connection, chance: Random) -> str:
    """The newest entries go, with the checkpoints that tell of them, and the head is put back to the newest left: with
    the signature it had, the one of a checkpoint, or none.
    """
    seqs = _seqs(db)
    points = dict(db.execute("SELECT seq, signature FROM audit_checkpoint").fetchall())
    last = chance.choice([*points, *seqs[:-1]])
    db.execute("DELETE FROM audit WHERE seq > ?", (last,))
    db.execute("DELETE FROM audit_checkpoint WHERE seq > ?", (last,))
    held = db.execute("SELECT signature, key FROM audit_head").fetchone()
    signature, key = chance.choice(((points.get(last, held[0]), held[1]), held, ("", "")))
    (kept,) = db.execute("SELECT link FROM audit WHERE seq = ?", (last,)).fetchone()
    db.execute("UPDATE audit_head SET seq = ?, link = ?, signature = ?, key = ?", (last, kept, signature, key))
    return f"wind back to {last}"


def rewrite(db: sqlite3.Connection, chance: Random) -> str:
    """An entry is changed, and all links from there on are made to fit, the head's too."""
    at = chance.choice(_seqs(db))
    db.execute("UPDATE audit SET actor = 'nobody' WHERE seq = ?", (at,))
    before = db.execute("SELECT link FROM audit WHERE seq = ?", (at - 1,)).fetchone()
    last = before[0] if before else db.execute("SELECT link FROM audit_floor").fetchone()[0]
    for row in db.execute(f"SELECT {', '.join(FIELDS)} FROM audit WHERE seq >= ? ORDER BY seq", (at,)).fetchall():
        last = link(last, list(row))
        db.execute("UPDATE audit SET link = ? WHERE seq = ?", (last, row[0]))
    db.execute("UPDATE audit_head SET link = ?", (last,))
    return f"rewrite from {at}"


def empty(db: sqlite3.Connection, chance: Random) -> str:
    """A detail is emptied as an erasure does it, and no entry says so."""
    at = chance.choice([row[0] for row in db.execute("SELECT seq FROM audit WHERE salt <> ''")])
    db.execute("UPDATE audit SET detail = '{}', salt = '' WHERE seq = ?", (at,))
    return f"empty {at}"


def age(db: sqlite3.Connection, chance: Random) -> str:
    """The oldest go, as if by their age; the floor is moved, or taken away."""
    at = chance.choice(_seqs(db)[:-1])
    (kept,) = db.execute("SELECT link FROM audit WHERE seq = ?", (at,)).fetchone()
    db.execute("DELETE FROM audit WHERE seq <= ?", (at,))
    if chance.random() < 0.2:
        db.execute("DELETE FROM audit_floor")
    else:
        db.execute("UPDATE audit_floor SET seq = ?, link = ?", (at, kept))
    return f"age {at}"


def all_of_it(db: sqlite3.Connection, chance: Random) -> str:
    """Everything goes, and the head is as new, or gone."""
    db.execute("DELETE FROM audit")
    for table in ("audit_floor", "audit_checkpoint", "audit_key"):
        db.execute(f"DELETE FROM {table}")
    if chance.random() < 0.5:
        db.execute("DELETE FROM audit_head")
        return "all of it, and the head"
    db.execute("UPDATE audit_head SET seq = 0, link = ?, key = '', signature = ''", ("0" * 64,))
    return "all of it"


INSIDE: tuple[Mutation, ...] = (flip, delete, swap, insert, cut, wind_back, rewrite, empty, age)
"""What the database alone shows."""
