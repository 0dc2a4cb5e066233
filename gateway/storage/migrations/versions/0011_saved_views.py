"""Views that people saved, and when they were last at a page"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward. New tables only: workers of the release before may go on meanwhile."""
    op.create_table(
        "saved_view",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("by_name", sa.String(100), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("team", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.UniqueConstraint("owner", "name", name="saved_view_name"),
    )
    op.create_index("saved_view_team", "saved_view", ["team", "name"])
    op.create_table(
        "page_visit",
        sa.Column("person", sa.String(200), nullable=False),
        sa.Column("page", sa.String(40), nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.Column("before_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("person", "page"),
    )
