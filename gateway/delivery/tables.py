"""Tables of delivery that are not the sync core's."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, MetaData, PrimaryKeyConstraint, String, Table

metadata = MetaData()

scouting = Table(
    "scouting",
    metadata,
    # unknown objects that could not be read yet; a row goes when its object was read
    Column("connection", String(100), nullable=False),
    Column("object", String(100), nullable=False),
    Column("object_id", String(200), nullable=False),
    Column("tries", Integer, nullable=False),  # failures of this object alone
    Column("tried_at", Float, nullable=False),
    Column("next_at", Float, nullable=False),
    PrimaryKeyConstraint("connection", "object", "object_id"),
)
