"""Audit rows. Written with the decision they describe, never changed."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, MetaData, String, Table, Text

metadata = MetaData()

audit = Table(
    "audit",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("at", Float, nullable=False),
    Column("kind", String(40), nullable=False),  # what was decided: observed, attempt, applied, refused, ...
    Column("record", String(40)),
    Column("connection", String(100)),
    Column("actor", String(100), nullable=False),  # `lockstep`, or the person
    Column("cause", String(100)),  # id of the notice, attempt or case that led to it
    Column("detail", Text, nullable=False),  # JSON
)
Index("audit_by_record", audit.c.record, audit.c.at)
