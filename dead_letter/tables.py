"""Tables of cases and their history.

The human number is the primary key and comes from the database's generator (identity on PostgreSQL, AUTOINCREMENT
on SQLite). A counter row would be locked from the first case of a transaction to its commit: all workers would queue
behind it, and it could deadlock with the records they hold. The price is gaps after a rollback; none is given twice.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

metadata = MetaData()

_Serial = BigInteger().with_variant(Integer, "sqlite")

cases = Table(
    "cases",
    metadata,
    Column("number", _Serial, Identity(), primary_key=True),  # set by the database; FO-<number>
    Column("key", Text, nullable=False),  # unique while open
    Column("cls", Text, nullable=False),  # CaseClass
    Column("cause", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("object_key", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("evidence", Text, nullable=False),  # JSON, redacted before it came here; the latest
    Column("fingerprint", Text, nullable=False),
    Column("state", Text, nullable=False),  # CaseState
    Column("version", Integer, nullable=False),  # +1 with everything a decision may depend on
    Column("count", Integer, nullable=False),  # +1 each time it is asked for while open
    Column("first_seen", Float, nullable=False),
    Column("last_seen", Float, nullable=False),
    Column("former", _Serial),  # number of the closed case with the same key, set when opened
    Column("closed_at", Float),  # set once, with ending, closed_by and reason
    Column("ending", Text, nullable=False),  # Ending
    Column("closed_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="cases_closed_has_time"),
    sqlite_autoincrement=True,
)
IS_OPEN = cases.c.closed_at.is_(None)
"""The condition of the partial indexes; queries over open cases must name it in these words to use them."""

Index("cases_one_open_per_key", cases.c.key, unique=True, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)
Index("cases_open", cases.c.number, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)
Index("cases_open_alike", cases.c.fingerprint, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)
Index("cases_by_key", cases.c.key, cases.c.number)
Index("cases_by_record", cases.c.record)

case_history = Table(
    "case_history",
    metadata,
    # append only; written in the transaction of the step it tells
    Column("id", _Serial, Identity(), primary_key=True),
    Column("number", _Serial, nullable=False),  # the case
    Column("at", Float, nullable=False),
    Column("name", Text, nullable=False),  # opened | came_back | changed | decided | closed
    Column("version", Integer, nullable=False),  # the case's, after this step
    Column("state", Text, nullable=False),  # CaseState after this step
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),  # ActionName of a decision
    Column("choice", Text, nullable=False),  # side chosen by a `resolve`
    Column("reason", Text, nullable=False),
    Column("proof", Text, nullable=False),  # what proves a declaration
    Column("changed", Text, nullable=False),  # JSON: names of what differs from before
    sqlite_autoincrement=True,
)
Index("case_history_by_case", case_history.c.number, case_history.c.version)
