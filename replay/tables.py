"""Tables of replay: what was selected, what is planned for each item, and what became of it in a run."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    literal_column,
)

metadata = MetaData()

selections = Table(
    "replay_selection",
    metadata,
    # never changed once made
    Column("id", String(20), primary_key=True),
    Column("wish", Text, nullable=False),  # JSON of Wish
    Column("items", Text, nullable=False),  # JSON list, oldest first
    Column("count", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("by_name", String(200), nullable=False),
)

plans = Table(
    "replay_plan",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("selection", String(20), nullable=False),
    Column("state", String(12), nullable=False),  # PlanState; `ready` with the digest
    Column("digest", String(80), nullable=False),  # set once, when the plan is whole
    Column("at", Float, nullable=False),
    Column("by_name", String(200), nullable=False),
    Column("by_human", String(200), nullable=False),  # whom four eyes count
    Column("pins", Text, nullable=False),  # JSON of Pins
    Column("limits", Text, nullable=False),  # JSON of Limits
    Column("totals", Text, nullable=False),  # JSON: action -> items
    Column("count", Integer, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("again", String(20), nullable=False),  # the plan that this one was made anew of
    Column("needs_approval", Text, nullable=False),  # why, in words; empty: nobody has to look
    Column("approved_by", String(200), nullable=False),  # set once, with the two below
    Column("approved_human", String(200), nullable=False),
    Column("approved_at", Float, nullable=False),
)
Index("replay_plan_by_time", plans.c.at, plans.c.id)

making = Table(
    "replay_making",
    metadata,
    # how far a plan is that is not whole yet, or why it never became so; a row stays as long as its plan
    Column("plan", String(20), primary_key=True),
    Column("at", Float, nullable=False),  # when it was asked for
    Column("limits", Text, nullable=False),  # JSON of the Limits that were asked for; empty: as configured
    Column("total", Integer, nullable=False),
    Column("looked", Integer, nullable=False),  # items looked at so far
    Column("tries", Integer, nullable=False),  # workers that began it, each from its first item
    Column("owner", String(100), nullable=False),  # worker that makes it
    Column("lease_until", Float, nullable=False),
    Column("ended_at", Float, nullable=False),  # 0 until it is ready, failed or cancelled
    Column("reason", Text, nullable=False),  # why it failed or was cancelled
)
Index("replay_making_open", making.c.ended_at, making.c.at)

places = Table(
    "replay_place",
    metadata,
    # where a plan would do something: who may not see one of these may not see the plan
    Column("plan", String(20), nullable=False),
    Column("connection", String(100), nullable=False),
    Column("flow", String(100), nullable=False),
    PrimaryKeyConstraint("plan", "connection", "flow"),
)

items = Table(
    "replay_item",
    metadata,
    # what is foreseen of one item; never changed once the plan is ready
    Column("plan", String(20), nullable=False),
    Column("seq", Integer, nullable=False),  # place in the plan's order
    Column("subject", String(40), nullable=False),  # number of the case, id of the notice
    Column("action", String(12), nullable=False),  # Action
    Column("decision", String(12), nullable=False),  # what a run decides; empty: nothing
    Column("alike", Text, nullable=False),  # items with the same text are shown together
    Column("change", Text, nullable=False),  # JSON of what would be written: of those alike, these do the very same
    Column("reason", Text, nullable=False),
    Column("record", String(40), nullable=False),
    Column("flow", String(100), nullable=False),
    Column("connection", String(100), nullable=False),
    Column("object", String(100), nullable=False),
    Column("object_key", String(200), nullable=False),
    Column("cause", String(100), nullable=False),
    Column("calls", Integer, nullable=False),
    Column("version", Integer, nullable=False),  # of the case
    Column("revision", Integer, nullable=False),  # of the record
    Column("diffs", Text, nullable=False),  # JSON of Diffs
    PrimaryKeyConstraint("plan", "seq"),
)
Index("replay_item_alike", items.c.plan, items.c.action, items.c.seq)

runs = Table(
    "replay_run",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("plan", String(20), nullable=False, unique=True),  # a plan is run once
    Column("digest", String(80), nullable=False),
    Column("state", String(12), nullable=False),  # RunState
    Column("limits", Text, nullable=False),  # JSON of Limits
    Column("step", Integer, nullable=False),  # of the ramp; 1 is the first
    Column("count", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("by_name", String(200), nullable=False),
    Column("by_human", String(200), nullable=False),
    Column("ended_at", Float, nullable=False),  # 0 until it is over
    Column("reason", Text, nullable=False),  # why it waits, is paused or was stopped
    Column("stopped_by", String(200), nullable=False),
    Column("in_a_row", Integer, nullable=False),  # failures one after the other
    Column("next_at", Float, nullable=False),  # when the next item may be handed over
    Column("owner", String(100), nullable=False),  # worker that carries it on
    Column("lease_until", Float, nullable=False),
)
Index("replay_run_by_time", runs.c.at, runs.c.id)
Index("replay_run_by_state", runs.c.state)

UNDER_WAY: ColumnElement[Any] = literal_column("state <> 'done'")
"""The condition of a partial index, in the words that both databases recognise."""

run_items = Table(
    "replay_run_item",
    metadata,
    Column("run", String(20), nullable=False),
    Column("seq", Integer, nullable=False),  # the item's, in the plan
    Column("step", Integer, nullable=False),  # of the ramp
    Column("subject", String(40), nullable=False),
    Column("record", String(40), nullable=False),
    Column("connection", String(100), nullable=False),
    Column("object_key", String(200), nullable=False),
    Column("action", String(12), nullable=False),
    Column("decision", String(12), nullable=False),
    Column("state", String(8), nullable=False),  # waiting | handed | done
    Column("outcome", String(12), nullable=False),  # Outcome; `waiting` until more is known
    Column("settled_by", String(12), nullable=False),  # read_back | answer, of `applied`
    Column("reason", Text, nullable=False),
    Column("case_number", String(20), nullable=False),  # that keeps what is not settled
    Column("version", Integer, nullable=False),  # of the case after the decision of this run
    Column("handed_at", Float, nullable=False),  # when its lane got it
    Column("ended_at", Float, nullable=False),
    PrimaryKeyConstraint("run", "seq"),
)
Index("replay_run_item_state", run_items.c.run, run_items.c.state, run_items.c.step, run_items.c.seq)
Index(
    "replay_run_item_subject",
    run_items.c.subject,
    sqlite_where=UNDER_WAY,
    postgresql_where=UNDER_WAY,
)

holds = Table(
    "replay_hold",
    metadata,
    # a record is in one run at a time: the primary key is the referee; a row goes with the end of its run
    Column("record", String(60), primary_key=True),  # or the case, of one without a record
    Column("run", String(20), nullable=False),
)
Index("replay_hold_by_run", holds.c.run)

run_log = Table(
    "replay_log",
    metadata,
    # what became of a run, for whoever looks at it; rows are only added, under the lock of the run
    Column("run", String(20), nullable=False),
    Column("n", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("kind", String(12), nullable=False),  # Step
    Column("value", Text, nullable=False),  # step, percent, worker or reason
    Column("by", String(200), nullable=False),  # a person, or empty
    PrimaryKeyConstraint("run", "n"),
)

lags = Table(
    "replay_lag",
    metadata,
    # how old the oldest unfinished change was when a run began, to tell what it does to live traffic
    Column("run", String(20), nullable=False),
    Column("connection", String(100), nullable=False),
    Column("before_s", Float, nullable=False),
    PrimaryKeyConstraint("run", "connection"),
)
