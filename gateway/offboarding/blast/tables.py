"""Tables of the guard against many departures at once. Each column that is not plain says who sets it and when."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()

_Serial = BigInteger().with_variant(Integer(), "sqlite")
WAITS = text("state = 'waits'")

blast_head = Table(
    "blast_head",
    metadata,
    # one row, written by whoever counts: two of them come one after the other
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("floods", Integer, nullable=False),  # last number given to a flood
)

blast_mark = Table(
    "blast_mark",
    metadata,
    # what was let begin: one row per person and scope, set in the transaction that begins it
    Column("scope", String(100), nullable=False),  # a connection; empty: the departure itself
    Column("number", _Serial, nullable=False),  # of the leaver
    Column("at", Float, nullable=False),
    Column("batch", String(120), nullable=False),
    Column("counts", String(10), nullable=False),  # ordinary | urgent | decided (by two people: counts in no window)
    PrimaryKeyConstraint("scope", "number"),
)
Index("blast_mark_window", blast_mark.c.scope, blast_mark.c.counts, blast_mark.c.at)
Index("blast_mark_batch", blast_mark.c.batch, blast_mark.c.scope)

blast_flood = Table(
    "blast_flood",
    metadata,
    # a time in which departures wait for people; over once none does
    Column("number", _Serial, primary_key=True, autoincrement=False),  # FL-<number>
    Column("opened_at", Float, nullable=False),
    Column("over_at", Float),
    Column("why", Text, nullable=False),  # of the first that was stopped
)

blast_waiting = Table(
    "blast_waiting",
    metadata,
    # who was stopped; for good, what was decided about them stands here too
    Column("number", _Serial, primary_key=True, autoincrement=False),  # of the leaver
    Column("flood", _Serial, nullable=False),
    Column("name", String(300), nullable=False),
    Column("scope", String(100), nullable=False),  # where it was stopped first
    Column("batch", String(120), nullable=False),
    Column("caused_by", Text, nullable=False),  # JSON: ids of the people who asked for it
    Column("since", Float, nullable=False),
    Column("why", Text, nullable=False),
    Column("state", String(10), nullable=False),  # waits | allowed | refused | urgent | withdrawn
    Column("decided_at", Float),  # set with the second person's word
    Column("decided_by", Text, nullable=False),  # both names
    Column("reason", Text, nullable=False),
)
Index(
    "blast_waiting_flood",
    blast_waiting.c.flood,
    blast_waiting.c.batch,
    sqlite_where=WAITS,
    postgresql_where=WAITS,
)

blast_wish = Table(
    "blast_wish",
    metadata,
    # what one person wants, until a second one agrees; another wish for the flood takes its place
    Column("flood", _Serial, primary_key=True, autoincrement=False),
    Column("what", String(10), nullable=False),  # allow | refuse
    Column("numbers", Text, nullable=False),  # JSON: the leavers it is about, as they stood then
    Column("by", String(100), nullable=False),
    Column("human", String(100), nullable=False),  # id of the person: people are compared, not names
    Column("at", Float, nullable=False),
    Column("reason", Text, nullable=False),
)
