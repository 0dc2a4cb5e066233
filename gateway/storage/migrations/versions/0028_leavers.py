"""Departures: who, what of theirs ends where, and what proves it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN, _DUE = sa.text("closed_at IS NULL"), sa.text("next_at IS NOT NULL")


def upgrade() -> None:
    """Forward; adds tables only, so workers of the release before may go on meanwhile."""
    op.create_table(
        "leaver",
        sa.Column("number", _SERIAL, sa.Identity(), primary_key=True),
        sa.Column("person", sa.String(length=300), nullable=False),
        sa.Column("period", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("ends_at", sa.Float(), nullable=False),
        sa.Column("due_at", sa.Float()),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("privileged", sa.Boolean(), nullable=False),
        sa.Column("guarded", sa.Text(), nullable=False),
        sa.Column("hold_until", sa.Float()),
        sa.Column("batch", sa.String(length=120), nullable=False),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("begun_at", sa.Float()),
        sa.Column("done_at", sa.Float()),
        sa.Column("closed_at", sa.Float()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "leaver_name",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("value", sa.String(length=300), nullable=False),
        sa.Column("number", _SERIAL, nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", "number"),
    )
    op.create_table(
        "leaver_system",
        sa.Column("number", _SERIAL, nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("privileged", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.Column("next_at", sa.Float()),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("waits", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", "connection"),
    )
    op.create_table(
        "leaver_step",
        sa.Column("id", sa.String(length=40), primary_key=True),
        sa.Column("number", _SERIAL, nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("account", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("grant_id", sa.String(length=300), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("privileged", sa.Boolean(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.Column("gone_at", sa.Float()),
        sa.Column("checked_at", sa.Float()),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.UniqueConstraint("number", "connection", "account", "kind", "grant_id", name="leaver_step_once"),
    )
    op.create_table(
        "leaver_evidence",
        sa.Column("id", sa.String(length=40), primary_key=True),
        sa.Column("number", _SERIAL, nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
    )
    op.create_table(
        "leaver_file",
        sa.Column("id", sa.String(length=40), primary_key=True),
        sa.Column("number", _SERIAL, nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("made_by", sa.String(length=100), nullable=False),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "leaver_history",
        sa.Column("id", sa.String(length=40), primary_key=True),
        sa.Column("number", _SERIAL, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
    )
    op.create_table(
        "leaver_seen",
        sa.Column("record", sa.String(length=40), primary_key=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
    )
    op.create_index("leaver_once", "leaver", ["person", "period"], unique=True)
    op.create_index("leaver_open", "leaver", ["state", "ends_at"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("leaver_by_batch", "leaver", ["batch"])
    op.create_index("leaver_by_begin", "leaver", ["begun_at"])
    op.create_index("leaver_name_of", "leaver_name", ["number"])
    op.create_index(
        "leaver_system_due", "leaver_system", ["next_at", "connection"], sqlite_where=_DUE, postgresql_where=_DUE
    )
    op.create_index("leaver_evidence_of", "leaver_evidence", ["number", "at"])
    op.create_index("leaver_file_of", "leaver_file", ["number"])
    op.create_index("leaver_history_of", "leaver_history", ["number", "at"])
