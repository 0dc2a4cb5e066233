"""Natural keys longer than their column, as only SQLite took them, become the digests that are looked up now"""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_LONGEST, _DIGEST = 300, 40
_record = sa.table("record", sa.column("id"), sa.column("natural"), sa.column("doc"))


def upgrade() -> None:
    """Forward. Touches only records with such a key; PostgreSQL never had one."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    nul = sa.func.instr(_record.c.natural, sa.func.char(0)) > 0  # SQLite's length ends at the first one
    unfit = sa.or_(sa.func.length(_record.c.natural) > _LONGEST, nul)
    for row in connection.execute(sa.select(_record.c.id, _record.c.natural, _record.c.doc).where(unfit)).all():
        doc = {**json.loads(row.doc), "natural": (short := _short(row.natural))}
        values = {"natural": short, "doc": json.dumps(doc, separators=(",", ":"), ensure_ascii=False)}
        connection.execute(sa.update(_record).where(_record.c.id == row.id).values(**values))


def _short(text: str) -> str:
    """As gateway.sync.bounds.digest did when this was written; a migration does not change with the program."""
    told = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    return f"{text.replace(chr(0), '')[: _LONGEST - _DIGEST - 1]}#{told}"
