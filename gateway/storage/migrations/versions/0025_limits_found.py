"""What each worker has found a system to take at once, for people"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward; adds a table only, so workers of the release before may go on meanwhile."""
    op.create_table(
        "budget_limit",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("worker", sa.String(length=100), nullable=False),
        sa.Column("at_once", sa.Integer(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("in_flight", sa.Integer(), nullable=False),
        sa.Column("usual_s", sa.Float(), nullable=False),
        sa.Column("gave_way_at", sa.Float()),
        sa.Column("gave_way_to", sa.String(length=20), nullable=False),
        sa.Column("told_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "worker"),
    )
