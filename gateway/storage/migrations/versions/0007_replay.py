"""Replay: selections, plans, runs"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UNDER_WAY = sa.text("state <> 'done'")


def upgrade() -> None:
    """Forward; adds tables only, so workers of the release before may go on meanwhile."""
    op.create_table(
        "replay_selection",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("by_name", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "replay_plan",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("selection", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("by_name", sa.String(length=200), nullable=False),
        sa.Column("by_human", sa.String(length=200), nullable=False),
        sa.Column("pins", sa.Text(), nullable=False),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.Column("totals", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("again", sa.String(length=20), nullable=False),
        sa.Column("needs_approval", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.String(length=200), nullable=False),
        sa.Column("approved_human", sa.String(length=200), nullable=False),
        sa.Column("approved_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("replay_plan_by_time", "replay_plan", ["at", "id"])
    op.create_table(
        "replay_place",
        sa.Column("plan", sa.String(length=20), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("flow", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("plan", "connection", "flow"),
    )
    op.create_table(
        "replay_item",
        sa.Column("plan", sa.String(length=20), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("action", sa.String(length=12), nullable=False),
        sa.Column("decision", sa.String(length=12), nullable=False),
        sa.Column("alike", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("record", sa.String(length=40), nullable=False),
        sa.Column("flow", sa.String(length=100), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("object", sa.String(length=100), nullable=False),
        sa.Column("object_key", sa.String(length=200), nullable=False),
        sa.Column("cause", sa.String(length=100), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("diffs", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("plan", "seq"),
    )
    op.create_index("replay_item_alike", "replay_item", ["plan", "action", "seq"])
    op.create_table(
        "replay_run",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("plan", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("by_name", sa.String(length=200), nullable=False),
        sa.Column("by_human", sa.String(length=200), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("stopped_by", sa.String(length=200), nullable=False),
        sa.Column("in_a_row", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("plan"),
    )
    op.create_index("replay_run_by_state", "replay_run", ["state"])
    op.create_index("replay_run_by_time", "replay_run", ["at", "id"])
    op.create_table(
        "replay_run_item",
        sa.Column("run", sa.String(length=20), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("record", sa.String(length=40), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("object_key", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=12), nullable=False),
        sa.Column("decision", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("settled_by", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("case_number", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("handed_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("run", "seq"),
    )
    op.create_index("replay_run_item_state", "replay_run_item", ["run", "state", "step", "seq"])
    op.create_index(
        "replay_run_item_subject", "replay_run_item", ["subject"], sqlite_where=UNDER_WAY, postgresql_where=UNDER_WAY
    )
    op.create_table(
        "replay_hold",
        sa.Column("record", sa.String(length=60), nullable=False),
        sa.Column("run", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("record"),
    )
    op.create_index("replay_hold_by_run", "replay_hold", ["run"])
