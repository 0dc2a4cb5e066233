"""Tables of the budgets. All times are the database server's."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, PrimaryKeyConstraint, String, Table, Text

metadata = MetaData()

budget = Table(
    "budget",
    metadata,
    # one row for each connection with a budget; whoever takes a slice holds its lock meanwhile
    Column("connection", String(100), primary_key=True),
    Column("desk", Text, nullable=False),  # who asked for what lately, and which workers went away with nothing
)

budget_used = Table(
    "budget_used",
    metadata,
    # requests that may be sent until the end of a slot; counts for the window's length after that, then goes
    Column("connection", String(100), nullable=False),
    Column("per_ms", BigInteger, nullable=False),  # length of the window
    Column("slot", BigInteger, nullable=False),  # of equal length, numbered from the epoch
    Column("purpose", String(10), nullable=False),
    Column("requests", Integer, nullable=False),
    PrimaryKeyConstraint("connection", "per_ms", "slot", "purpose"),
)

budget_place = Table(
    "budget_place",
    metadata,
    # requests that a worker may have in flight; set by that worker, over by itself
    Column("connection", String(100), nullable=False),
    Column("worker", String(100), nullable=False),
    Column("places", Integer, nullable=False),
    Column("wanted", Integer, nullable=False),
    Column("until", Float, nullable=False),
    PrimaryKeyConstraint("connection", "worker"),
)

budget_told = Table(
    "budget_told",
    metadata,
    # what the system said last of a limit of its own, whichever worker heard it
    Column("connection", String(100), nullable=False),
    Column("name", String(60), nullable=False),
    Column("limit", BigInteger),
    Column("remaining", BigInteger),
    Column("per_s", Float),
    Column("told_at", Float, nullable=False),
    Column("until", Float),  # starts afresh then; null: it did not say
    PrimaryKeyConstraint("connection", "name"),
)

budget_limit = Table(
    "budget_limit",
    metadata,
    # how many requests at once each worker has found a system to take well; set by that worker, for people
    Column("connection", String(100), nullable=False),
    Column("worker", String(100), nullable=False),
    Column("at_once", Integer, nullable=False),
    Column("most", Integer, nullable=False),  # by the configuration
    Column("in_flight", Integer, nullable=False),
    Column("usual_s", Float, nullable=False),  # how long an answer takes while all is well
    Column("gave_way_at", Float),  # null: it never had to
    Column("gave_way_to", String(20), nullable=False),  # a status, slowness, or no answer
    Column("told_at", Float, nullable=False),
    PrimaryKeyConstraint("connection", "worker"),
)
