"""Tables of delivery that are not the sync core's."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, MetaData, PrimaryKeyConstraint, String, Table, Text

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

connection_pause = Table(
    "connection_pause",
    metadata,
    # set and ended by people; every worker reads it once a second
    Column("connection", String(100), nullable=False),
    Column("direction", String(3), nullable=False),  # in | out | off: disabled
    Column("since", Float, nullable=False),
    Column("until", Float, nullable=False),  # over by itself from then on; the row stays until somebody writes again
    Column("actor", String(100), nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("connection", "direction"),
)

queue_depth = Table(
    "queue_depth",
    metadata,
    # what the workers measured last of each connection's queue; for people, who may ask while no gateway runs
    Column("connection", String(100), primary_key=True),
    Column("at", Float, nullable=False),
    Column("lanes", Integer, nullable=False),
    Column("writes", Integer, nullable=False),
    Column("per_s", Float),  # writes by which it shrinks; null: it does not, or nobody knows yet
    Column("done_s", Float),  # from `at` on; null with `per_s`
)
