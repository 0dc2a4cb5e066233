"""An archive of what was closed, in a chain of its own, and legal holds"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_THERE = sa.text("content IS NOT NULL")
_HOLDS = sa.text("released_at IS NULL")


def upgrade() -> None:
    """Forward; adds tables only. A worker of the release before forgets closed cases without archiving them."""
    op.create_table(
        "archive",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("flow", sa.String(length=100), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("record", sa.String(length=40), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.Float(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary()),
        sa.Column("gone", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("archive_by_name", "archive", ["name", "seq"])
    op.create_index("archive_by_record", "archive", ["record", "seq"])
    op.create_index("archive_by_end", "archive", ["closed_at", "seq"])
    op.create_index("archive_by_age", "archive", ["until"], sqlite_where=_THERE, postgresql_where=_THERE)
    op.create_table(
        "archive_head",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "legal_hold",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("target", sa.String(length=100), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.String(length=100), nullable=False),
        sa.Column("set_at", sa.Float(), nullable=False),
        sa.Column("ends_at", sa.Float()),
        sa.Column("released_by", sa.String(length=100), nullable=False),
        sa.Column("released_at", sa.Float()),
        sa.Column("release_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("legal_hold_now", "legal_hold", ["kind", "target"], sqlite_where=_HOLDS, postgresql_where=_HOLDS)
