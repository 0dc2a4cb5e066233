"""How far a person's split or merge reaches; what a system itself said of a case; figures of people's work"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward. What people said before reaches everywhere, as it did."""
    for name in ("vendor_code", "vendor_text"):
        op.add_column("cases", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    closed = sa.text("closed_at IS NOT NULL")
    op.create_index("cases_by_end", "cases", ["closed_at", "number"], sqlite_where=closed, postgresql_where=closed)
    op.create_table(
        "case_tally",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("name", "cause", "connection", "detail")),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", "cause", "connection", "detail"),
    )
    op.create_table(
        "case_tally_position",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("after", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("missing", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.add_column("case_regroupings", sa.Column("reach", sa.Text(), nullable=False, server_default=""))
    columns = ["fingerprint", "part", "value", "reach"]
    op.create_index("case_regroupings_of_reach", "case_regroupings", columns, unique=True)
    op.drop_index("case_regroupings_one", table_name="case_regroupings")
