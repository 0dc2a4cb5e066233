"""Tables of the API: what was answered under a key, and the secret that signs cursors."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, MetaData, PrimaryKeyConstraint, String, Table, Text

metadata = MetaData()

api_answer = Table(
    "api_answer",
    metadata,
    # one row per Idempotency-Key and caller: written before the request acts, completed with what was answered
    Column("caller", String(200), nullable=False),  # Principal.id
    Column("key", String(255), nullable=False),
    Column("fingerprint", String(64), nullable=False),  # SHA-256 over method, path and body
    Column("owner", String(40), nullable=False),  # the request that acts; new with each claim
    Column("lease_until", Float, nullable=False),  # so long a repeat waits for a request that may have died
    Column("status", Integer, nullable=False),  # of the answer; 0 until there is one
    Column("headers", Text, nullable=False),  # JSON
    Column("body", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("expires_at", Float),  # null: for good
    PrimaryKeyConstraint("caller", "key"),
)
Index("api_answer_old", api_answer.c.expires_at)

api_secret = Table(
    "api_secret",
    metadata,
    # made by the first worker that needs it; all workers sign with the same
    Column("name", String(40), primary_key=True),
    Column("value", String(100), nullable=False),
    Column("made_at", Float, nullable=False),
)
