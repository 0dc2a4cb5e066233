"""Tables of reconciliation: what was asked for, and what was found, item by item."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, MetaData, PrimaryKeyConstraint, String, Table, Text

metadata = MetaData()

reconcile_run = Table(
    "reconcile_run",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("flow", String(100), nullable=False),
    Column("state", String(12), nullable=False),  # RunState
    Column("wish", Text, nullable=False),  # JSON of Wish; set by who asked
    Column("cursor", Text, nullable=False),  # JSON; where plan or repair stands, moved with what that step found
    Column("asked_at", Float, nullable=False),
    Column("planned_at", Float, nullable=False),  # 0 until the plan is whole
    Column("finished_at", Float, nullable=False),  # 0 until nothing more happens
)
Index("reconcile_run_state", reconcile_run.c.state, reconcile_run.c.asked_at)

reconcile_item = Table(
    "reconcile_item",
    metadata,
    # one difference; while the plan is made also what is still to be looked at (kind `look`)
    Column("run", String(40), nullable=False),
    Column("key", String(64), nullable=False),  # digest of what it is about, so that a repeated step adds nothing
    Column("rank", Integer, nullable=False),  # the dangerous first
    Column("kind", String(12), nullable=False),  # Kind
    Column("record", String(40), nullable=False),  # empty: the object belongs to none
    Column("connection", String(100), nullable=False),
    Column("object", String(100), nullable=False),
    Column("object_id", String(200), nullable=False),
    Column("object_key", String(200), nullable=False),
    Column("field", String(100), nullable=False),
    Column("outcome", String(20), nullable=False),  # what the rules would make of it, when it was planned
    Column("state", String(12), nullable=False),  # look | planned | asked | done
    Column("result", String(12), nullable=False),  # Result; empty until done
    Column("asked_at", Float, nullable=False),  # when it was handed to the lanes
    Column("doc", Text, nullable=False),  # JSON: values, comment, case, reason
    PrimaryKeyConstraint("run", "key"),
)
Index("reconcile_item_next", reconcile_item.c.run, reconcile_item.c.state, reconcile_item.c.rank, reconcile_item.c.key)
