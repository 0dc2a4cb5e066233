"""Mapping versions"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward. New tables only: workers of the release before may go on meanwhile."""
    op.create_table(
        "mapping_version",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("system", sa.String(80), nullable=False),
        sa.Column("object", sa.String(80), nullable=False),
        sa.Column("type", sa.String(60), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("type_text", sa.Text(), nullable=False),
        sa.Column("stored_at", sa.Float(), nullable=False),
        sa.Column("stored_by", sa.String(100), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
    )
    op.create_index("mapping_version_by_name", "mapping_version", ["name", "version"])
    op.create_table(
        "mapping_event",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("by_name", sa.String(100), nullable=False),
        sa.Column("by_human", sa.String(200), nullable=False),
        sa.Column("place", sa.String(201), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
    )
    op.create_index("mapping_event_by_name", "mapping_event", ["name", "kind", "at"])
    op.create_table(
        "mapping_backtest",
        sa.Column("id", sa.String(20), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
        sa.Column("connection", sa.String(100), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("by_name", sa.String(100), nullable=False),
        sa.Column("by_human", sa.String(200), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=False),
    )
    op.create_index("mapping_backtest_by_time", "mapping_backtest", ["name", "at"])
