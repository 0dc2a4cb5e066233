"""Finds the few entries of the audit trail that are open, that close another one, or that matter to security"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0030"
branch_labels = None
depends_on = None

_PARTS = (
    ("audit_open", ["cause"], "outcome = 'open'"),
    ("audit_closing", ["closes"], "closes IS NOT NULL"),
    ("audit_risky", ["id"], "risk > 0"),
)


def upgrade() -> None:
    """Forward; each index holds a small part of the entries, and is made by reading all of them once."""
    for name, columns, where in _PARTS:
        op.create_index(name, "audit", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
