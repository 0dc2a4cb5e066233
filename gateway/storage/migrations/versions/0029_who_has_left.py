"""Who has left, by what they are known; and the guard against many departures at once"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Forward; adds tables only, so workers of the release before may go on meanwhile. They hold nothing back for who
    has left: the first departure comes when all of them are new.
    """
    op.create_table(
        "departed",
        sa.Column("person", sa.String(length=300), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("case_label", sa.String(length=60), nullable=False),
        sa.Column("successor", sa.String(length=320), nullable=False),
        sa.Column("lifted_at", sa.Float()),
        sa.Column("lifted_by", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person"),
    )
    op.create_table(
        "departed_identity",
        sa.Column("person", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("value", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("person", "kind", "connection", "value"),
    )
    op.create_index("departed_identity_by_value", "departed_identity", ["value"])
    op.create_table(
        "departed_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mark", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _guard()


def _guard() -> None:
    op.create_table(
        "blast_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("floods", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "blast_mark",
        sa.Column("scope", sa.String(length=100), nullable=False),
        sa.Column("number", _Serial, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("batch", sa.String(length=120), nullable=False),
        sa.Column("counts", sa.String(length=10), nullable=False),
        sa.PrimaryKeyConstraint("scope", "number"),
    )
    op.create_index("blast_mark_window", "blast_mark", ["scope", "counts", "at"])
    op.create_index("blast_mark_batch", "blast_mark", ["batch", "scope"])
    op.create_table(
        "blast_flood",
        sa.Column("number", _Serial, autoincrement=False, nullable=False),
        sa.Column("opened_at", sa.Float(), nullable=False),
        sa.Column("over_at", sa.Float()),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "blast_waiting",
        sa.Column("number", _Serial, autoincrement=False, nullable=False),
        sa.Column("flood", _Serial, nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("scope", sa.String(length=100), nullable=False),
        sa.Column("batch", sa.String(length=120), nullable=False),
        sa.Column("caused_by", sa.Text(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("decided_at", sa.Float()),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    waits = sa.text("state = 'waits'")
    op.create_index(
        "blast_waiting_flood", "blast_waiting", ["flood", "batch"], sqlite_where=waits, postgresql_where=waits
    )
    op.create_table(
        "blast_wish",
        sa.Column("flood", _Serial, autoincrement=False, nullable=False),
        sa.Column("what", sa.String(length=10), nullable=False),
        sa.Column("numbers", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("human", sa.String(length=100), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("flood"),
    )
