"""The archive and the holds. A document is written once; later only its content may go, never its row."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

metadata = MetaData()

archive = Table(
    "archive",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # its place: from 1, without a gap
    Column("kind", String(10), nullable=False),  # archive.Kind
    Column("name", String(60), nullable=False),  # FO-17, or a record's id
    Column("flow", String(100), nullable=False),
    Column("connection", String(100), nullable=False),
    Column("record", String(40), nullable=False),
    Column("title", Text, nullable=False),  # empty once the content went
    Column("closed_at", Float, nullable=False),  # when it was closed, or had left
    Column("at", Float, nullable=False),  # when it was archived
    Column("until", Float, nullable=False),  # its content goes after this, unless it is held
    Column("sha256", String(64), nullable=False),  # of salt and content; stays when both went
    Column("salt", String(32), nullable=False),
    Column("link", String(64), nullable=False),  # of the link before and everything that stays
    Column("content", LargeBinary),  # JSON, compressed (zlib); set to nothing by age or erasure
    Column("gone", String(60), nullable=False),  # why the content went; empty while it is there
)
Index("archive_by_name", archive.c.name, archive.c.seq)
Index("archive_by_record", archive.c.record, archive.c.seq)
Index("archive_by_end", archive.c.closed_at, archive.c.seq)
_THERE = "content IS NOT NULL"
Index("archive_by_age", archive.c.until, sqlite_where=text(_THERE), postgresql_where=text(_THERE))

archive_head = Table(
    "archive_head",
    metadata,
    Column("name", String(20), primary_key=True),  # one row, `archive`: locked by who adds a document
    Column("seq", BigInteger, nullable=False),
    Column("link", String(64), nullable=False),
    Column("key", String(64), nullable=False),  # public key that signed, base64
    Column("signature", String(100), nullable=False),  # of seq and link
)

legal_hold = Table(
    "legal_hold",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),  # LH-<number>
    Column("kind", String(10), nullable=False),  # holds.Kind
    Column("target", String(100), nullable=False),  # number of a case, id of a record, name of a flow; empty: all
    Column("label", Text, nullable=False),  # what people call the target, as of then
    Column("reason", Text, nullable=False),
    Column("set_by", String(100), nullable=False),
    Column("set_at", Float, nullable=False),
    Column("ends_at", Float),  # when it is to be looked at again; it does not end by itself
    Column("released_by", String(100), nullable=False),  # empty while it holds, with the two below
    Column("released_at", Float),
    Column("release_reason", Text, nullable=False),
)
HOLDS = legal_hold.c.released_at.is_(None)
"""The condition of the index over what holds now."""
Index("legal_hold_now", legal_hold.c.kind, legal_hold.c.target, sqlite_where=HOLDS, postgresql_where=HOLDS)
