"""Notifications to people"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward. New tables only: workers of the release before may go on meanwhile."""
    _position_and_threads()
    _events_and_deliveries()
    op.create_table(
        "notification_channel",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("wait_until", sa.Float(), nullable=False),
        sa.Column("delivered_at", sa.Float(), nullable=False),
    )


def _position_and_threads() -> None:
    op.create_table(
        "notification_position",
        sa.Column("name", sa.String(20), primary_key=True),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("missing", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=False),
    )
    op.create_table(
        "notification_thread",
        sa.Column("subject", sa.String(40), primary_key=True),
        sa.Column("key", sa.Text(), nullable=False, unique=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("ended", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("sla", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.Column("warn_at", sa.Float(), nullable=False),
        sa.Column("empty_at", sa.Float(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
    )


def _events_and_deliveries() -> None:
    op.create_table(
        "notification_event",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("subject", sa.String(40), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(60), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_index("notification_event_thread", "notification_event", ["subject", "sequence"], unique=True)
    op.create_index("notification_event_at", "notification_event", ["at"])
    op.create_table(
        "notification_delivery",
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(40), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("via", sa.String(40), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=False),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("event", "channel"),
    )
    waiting = sa.text("state IN ('waiting', 'held')")
    op.create_index(
        "notification_delivery_due",
        "notification_delivery",
        ["channel", "next_at"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index("notification_delivery_at", "notification_delivery", ["channel", "at"])
