"""What records refer to by name, what they say to each other, and what objects were called before"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward; adds tables only, so workers of the release before may go on meanwhile."""
    op.create_table(
        "former_key",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("object", sa.String(length=100), nullable=False),
        sa.Column("object_key", sa.String(length=200), nullable=False),
        sa.Column("object_id", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("connection", "object", "object_key"),
    )
    op.create_table(
        "reference",
        sa.Column("record", sa.String(length=40), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("flow", sa.String(length=100), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("due", sa.Float()),
        sa.PrimaryKeyConstraint("record", "connection", "name"),
    )
    op.create_index("reference_by_name", "reference", ["connection", "name"])
    due = sa.text("due IS NOT NULL")
    op.create_index("reference_due", "reference", ["flow", "due"], sqlite_where=due, postgresql_where=due)
    op.create_table(
        "remark",
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("flow", sa.String(length=100), nullable=False),
        sa.Column("record", sa.String(length=40), nullable=False),
        sa.Column("said_at", sa.Float(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("remark_to", "remark", ["record", "said_at"])
    op.create_index("remark_by_flow", "remark", ["flow", "said_at"])
