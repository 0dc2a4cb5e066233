"""Tables of what systems said of their fields."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, MetaData, PrimaryKeyConstraint, String, Table, Text

metadata = MetaData()

schema_seen = Table(
    "schema_seen",
    metadata,
    # one row for each description that differs from the one before; the newest twenty are kept
    Column("connection", String(100), nullable=False),
    Column("object", String(100), nullable=False),
    Column("version", Integer, nullable=False),  # 1 for the first
    Column("seen_at", Float, nullable=False),  # when it was found
    Column("checked_at", Float, nullable=False),  # when the system last said the same
    Column("described", Text, nullable=False),  # JSON of seen.Described
    Column("changes", Text, nullable=False),  # JSON of seen.Change, against the version before
    PrimaryKeyConstraint("connection", "object", "version"),
)
