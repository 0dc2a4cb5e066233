"""Cases worked by people: owner, priority, due time, parking, groups that people made, approvals, tasks, files"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    """Forward. Workers of the release before may go on meanwhile: their cases are ranked and grouped by the upkeep."""
    _cases()
    op.add_column("case_history", sa.Column("code", sa.Text(), nullable=False, server_default=""))
    op.add_column("case_history", sa.Column("work", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("case_history", sa.Column("approver", sa.Text(), nullable=False, server_default=""))
    _approvals()
    _tasks_and_files()
    _groups()
    _lineage()


def _cases() -> None:
    for name, kind, default in (
        ("owner", sa.Text(), ""),
        ("work", sa.Integer(), "0"),
        ("group_key", sa.Text(), ""),
        ("priority", sa.Integer(), "0"),
        ("level", sa.Text(), "normal"),
        ("due_at", sa.Float(), "0"),
        ("warn_at", sa.Float(), "0"),
        ("reasons", sa.Text(), "[]"),
        ("ranked_at", sa.Float(), "0"),
        ("told", sa.Integer(), "0"),
        ("escalated", sa.Integer(), "0"),
        ("park", sa.Text(), ""),
        ("pending", sa.Text(), ""),
    ):
        op.add_column("cases", sa.Column(name, kind, nullable=False, server_default=default))
    op.add_column("cases", sa.Column("park_at", sa.Float(), nullable=True))
    op.add_column("cases", sa.Column("park_count", sa.Integer(), nullable=True))
    op.execute("UPDATE cases SET group_key = fingerprint")
    group = ["group_key", "number", "first_seen", "last_seen", "priority", "due_at", "owner", "closed_at"]
    for name, columns in (
        ("cases_open_group", group),
        ("cases_by_priority", ["priority", "number"]),
        ("cases_by_due", ["due_at", "number"]),
        ("cases_by_owner", ["owner", "number"]),
        ("cases_by_owner_priority", ["owner", "priority", "number"]),
        ("cases_to_rank", ["ranked_at"]),
    ):
        op.create_index(name, "cases", columns, sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("cases_by_group", "cases", ["group_key", "number"])
    parked, untold = sa.text("state = 'parked'"), sa.text("closed_at IS NULL AND told < 2")
    op.create_index("cases_parked", "cases", ["number"], sqlite_where=parked, postgresql_where=parked)
    asked = sa.text("state = 'in_run' AND length(record) = 0")
    op.create_index("cases_asked_again", "cases", ["number"], sqlite_where=asked, postgresql_where=asked)
    op.create_index("cases_untold", "cases", ["warn_at"], sqlite_where=untold, postgresql_where=untold)


def _approvals() -> None:
    op.create_table(
        "case_approvals",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", _SERIAL, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_person", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("expected_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_person", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.Float(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("case_approvals_by_case", "case_approvals", ["number"])
    pending = sa.text("state = 'pending'")
    op.create_index(
        "case_approvals_pending", "case_approvals", ["requested_at"], sqlite_where=pending, postgresql_where=pending
    )


def _tasks_and_files() -> None:
    op.create_table(
        "case_tasks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", _SERIAL, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("case_tasks_by_case", "case_tasks", ["number", "made_at"])
    op.create_table(
        "case_attachments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", _SERIAL, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("case_attachments_by_case", "case_attachments", ["number", "made_at"])


def _groups() -> None:
    op.create_table(
        "case_groups",
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("closed_number", _SERIAL, nullable=True),
        sa.PrimaryKeyConstraint("group_key"),
    )
    op.create_table(
        "case_regroupings",
        sa.Column("id", _SERIAL, sa.Identity(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("case_regroupings_one", "case_regroupings", ["fingerprint", "part", "value"], unique=True)
    op.create_index("case_regroupings_by_group", "case_regroupings", ["group_key"])


def _lineage() -> None:
    op.add_column("record", sa.Column("forgotten", sa.Boolean(), nullable=False, server_default=sa.false()))
    left = sa.text("tombstoned AND NOT forgotten")
    op.create_index("record_left", "record", ["updated_at"], sqlite_where=left, postgresql_where=left)
