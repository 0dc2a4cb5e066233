"""A queue of a million lanes: counted and read in order from its index; what is measured of it; a pressed intake"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STUCK = sa.text("state IN ('parked', 'unknown')")

_NAMED = sa.text('"natural" IS NOT NULL')


def upgrade() -> None:
    """Forward. Workers of the release before may go on meanwhile: they leave the new column at 0."""
    op.add_column("lane", sa.Column("writes_left", sa.Integer(), nullable=False, server_default="0"))
    op.drop_index("lane_work", table_name="lane")
    columns = ["connection", "next_try_at", "dirty_since", "writes_left", "work"]
    op.create_index("lane_work", "lane", columns, sqlite_where=sa.text("work"), postgresql_where=sa.text("work"))
    op.create_index("lane_stuck", "lane", ["connection", "state"], sqlite_where=_STUCK, postgresql_where=_STUCK)
    op.create_index("record_by_natural", "record", ["natural"], sqlite_where=_NAMED, postgresql_where=_NAMED)
    op.create_table(
        "queue_depth",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("lanes", sa.Integer(), nullable=False),
        sa.Column("writes", sa.Integer(), nullable=False),
        sa.Column("per_s", sa.Float(), nullable=True),
        sa.Column("done_s", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("connection"),
    )
    op.create_table(
        "intake_pressure",
        sa.Column("worker", sa.String(length=200), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("worker"),
    )
