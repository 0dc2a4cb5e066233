"""Stages of flows, the lanes that a stage withholds, and the versions of connections and flows"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward; adds only, so workers of the release before may go on meanwhile. They know no stages: move a flow once
    all workers are of this release.
    """
    op.create_table(
        "flow_stage",
        sa.Column("serial", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("flow", sa.String(length=100), nullable=False),
        sa.Column("stage", sa.String(length=10), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("human", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("serial"),
    )
    op.add_column("lane", sa.Column("withheld", sa.String(length=120), nullable=False, server_default=""))
    held = sa.text("withheld <> ''")
    op.create_index("lane_withheld", "lane", ["withheld", "connection"], sqlite_where=held, postgresql_where=held)
    op.create_table(
        "config_version",
        sa.Column("serial", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("human", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("serial"),
    )
