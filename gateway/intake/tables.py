"""Tables of the intake that are not the sync core's."""

from __future__ import annotations

from sqlalchemy import Column, Float, MetaData, String, Table, Text

metadata = MetaData()

intake_pressure = Table(
    "intake_pressure",
    metadata,
    # workers that refuse changes now; written again and again while they do, so an old row is a dead worker's
    Column("worker", String(200), primary_key=True),
    Column("at", Float, nullable=False),
    Column("since", Float, nullable=False),
    Column("reason", Text, nullable=False),
)
