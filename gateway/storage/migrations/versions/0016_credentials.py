"""Credentials: secrets and tokens, sealed; how each connection's credential stands"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward; adds tables only, so workers of the release before may go on meanwhile."""
    op.create_table(
        "secret",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("next", sa.Text()),
        sa.Column("former", sa.Text()),
        sa.Column("former_until", sa.Float(), nullable=False),
        sa.Column("overlap_s", sa.Float(), nullable=False),
        sa.Column("refused", sa.Text(), nullable=False),
        sa.Column("set_at", sa.Float(), nullable=False),
        sa.Column("set_by", sa.String(length=100), nullable=False),
        sa.Column("ends_at", sa.Float()),
        sa.Column("next_ends_at", sa.Float()),
        sa.PrimaryKeyConstraint("connection", "name"),
    )
    op.create_table(
        "token",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("lasts_s", sa.Float()),
        sa.Column("refresh_until", sa.Float()),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("asking_since", sa.Float()),
        sa.Column("refused_at", sa.Float()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "version"),
    )
    op.create_table(
        "credential",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("former_until", sa.Float()),
        sa.Column("ends_at", sa.Float()),
        sa.Column("token_ends_at", sa.Float()),
        sa.PrimaryKeyConstraint("connection"),
    )
