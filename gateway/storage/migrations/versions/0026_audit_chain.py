"""The audit trail becomes a chain; what it had is taken into it, without proof of what was before"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

BATCH = 5_000
GENESIS = "0" * 64
NAME = "audit"
_KEPT = ("id", "at", "kind", "record", "connection", "actor", "cause", "detail")


def upgrade() -> None:
    """Forward. Workers of the release before cannot write entries any more: stop them first.

    Rows are copied in the order of their ids, which is that of their times; some seconds per million. The first start
    of the gateway signs what it finds, and says in an entry that nothing proves what these were before.
    """
    op.drop_index("audit_by_record", table_name="audit")
    op.rename_table("audit", "audit_before")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX audit_pkey RENAME TO audit_before_pkey")
    chained = _tables()
    seq, last = 0, GENESIS
    for rows in _before():
        for row in rows:
            seq += 1
            last = _chain(row, seq, last)
        op.get_bind().execute(chained.insert(), rows)
    op.drop_table("audit_before")
    op.create_index("audit_by_record", "audit", ["record", "at"])
    op.create_index("audit_by_seq", "audit", ["seq"], unique=True)
    head = sa.table("audit_head", *(sa.column(name) for name in ("name", "seq", "link", "key", "signature")))
    op.get_bind().execute(head.insert().values(name=NAME, seq=seq, link=last, key="", signature=""))


def _tables() -> sa.Table:
    chained = op.create_table(
        "audit",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("record", sa.String(length=40)),
        sa.Column("connection", sa.String(length=100)),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("cause", sa.String(length=100)),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("closes", sa.String(length=40)),
        sa.Column("risk", sa.Integer(), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    assert chained is not None
    _signed("audit_head", _name())
    _signed("audit_floor", _name(), at=True)
    _signed("audit_checkpoint", at=True)
    op.create_table(
        "audit_key",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("public", sa.String(length=60), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        _seq(),
        sa.Column("former", sa.String(length=64), nullable=False),
        sa.Column("voucher", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
    op.create_table(
        "audit_keeper",
        sa.Column("name", sa.String(length=100), nullable=False),
        _seq(),
        sa.PrimaryKeyConstraint("name"),
    )
    return chained


def _signed(table: str, *first: sa.Column[str], at: bool = False) -> None:
    op.create_table(
        table,
        *first,
        _seq(),
        sa.Column("link", sa.String(length=64), nullable=False),
        *([sa.Column("at", sa.Float(), nullable=False)] if at else []),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint(first[0].name if first else "seq"),
    )


def _name() -> sa.Column[str]:
    return sa.Column("name", sa.String(length=20), nullable=False)


def _seq() -> sa.Column[int]:
    return sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False)


def _before() -> Iterator[Sequence[dict[str, Any]]]:
    old = sa.table("audit_before", *(sa.column(name) for name in _KEPT))
    above = ""
    while True:
        query = sa.select(old).where(old.c.id > above).order_by(old.c.id).limit(BATCH)
        rows = [dict(row) for row in op.get_bind().execute(query).mappings()]
        if rows:
            yield rows
            above = rows[-1]["id"]
        if len(rows) < BATCH:
            return


def _chain(row: dict[str, Any], seq: int, last: str) -> str:
    """The format of ADR 221, as it was when this was written."""
    salt = os.urandom(16).hex()
    row |= {"seq": seq, "outcome": "", "closes": None, "risk": 0, "salt": salt}
    row["digest"] = sha256((salt + row["detail"]).encode()).hexdigest()
    names = ("seq", "id", "at", "kind", "record", "connection", "actor", "cause", "digest", "outcome", "closes", "risk")
    fields = orjson.dumps([1, *(row[name] for name in names)])
    row["link"] = sha256(last.encode() + fields).hexdigest()
    return str(row["link"])
