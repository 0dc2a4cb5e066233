"""Tables of the sweeps: where each of them stands, and which objects lists have shown."""

from __future__ import annotations

from sqlalchemy import Column, Float, MetaData, PrimaryKeyConstraint, String, Table, Text

metadata = MetaData()

sweep = Table(
    "sweep",
    metadata,
    Column("connection", String(100), nullable=False),  # empty: of all connections together
    Column("kind", String(20), nullable=False),  # ids | leavers | readback | schema | expiry
    Column("since", Float, nullable=False),  # when a gateway first knew of it: what is older, nobody has missed
    Column("due_at", Float, nullable=False),  # of the next round; 0 where a person asked for one
    Column("asked", Text, nullable=False),  # JSON of what a person asked for; emptied by the round that did it
    Column("cursor", Text, nullable=False),  # JSON; where the round under way stands, empty between rounds
    Column("started_at", Float, nullable=False),  # of the round under way, else of the last one
    Column("finished_at", Float, nullable=False),  # of the last whole round
    Column("report", Text, nullable=False),  # JSON; what the last whole round found, and what the next goes on from
    Column("owner", String(100), nullable=False),  # worker that sweeps now
    Column("lease_until", Float, nullable=False),
    PrimaryKeyConstraint("connection", "kind"),
)

sweep_seen = Table(
    "sweep_seen",
    metadata,
    # linked objects that a list showed; one row each, written again by every round
    Column("connection", String(100), nullable=False),
    Column("object", String(100), nullable=False),
    Column("object_id", String(200), nullable=False),
    Column("seen_at", Float, nullable=False),  # start of the round; later, if a read proved that lists leave it out
    PrimaryKeyConstraint("connection", "object", "object_id"),
)
