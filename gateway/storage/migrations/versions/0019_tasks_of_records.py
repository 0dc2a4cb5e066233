"""Records to which the clock gives something to do: tasks that are due at a time"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward; adds a table only, so workers of the release before may go on meanwhile."""
    op.create_table(
        "wake",
        sa.Column("record", sa.String(length=40), nullable=False),
        sa.Column("flow", sa.String(length=100), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("record"),
    )
    op.create_index("wake_at", "wake", ["flow", "at"])
