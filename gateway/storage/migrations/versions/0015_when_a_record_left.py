"""When a record left, in a column that nothing but leaving moves"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward. An index over `updated_at` made PostgreSQL write into every index of a record with every decision."""
    op.add_column("record", sa.Column("left_at", sa.Float(), nullable=True))
    op.execute("UPDATE record SET left_at = updated_at WHERE tombstoned AND NOT forgotten")
    op.drop_index("record_left", table_name="record")
    op.drop_column("record", "forgotten")
    left = sa.text("left_at IS NOT NULL")
    op.create_index("record_left", "record", ["left_at"], sqlite_where=left, postgresql_where=left)
