"""The audit trail: entries in a hash chain, written with the decision they describe, and what proves them whole.

Nobody but `gateway.audit` writes here. An entry never changes, but that an erasure empties its `detail` and `salt`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text, text

metadata = MetaData()

audit = Table(
    "audit",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("seq", BigInteger, nullable=False),  # its place in the chain, set at the commit: from 1, without a gap
    Column("at", Float, nullable=False),
    Column("kind", String(40), nullable=False),  # what was decided: observed, attempt, applied, refused, ...
    Column("record", String(40)),
    Column("connection", String(100)),
    Column("actor", String(100), nullable=False),  # `lockstep`, or the person
    Column("cause", String(100)),  # id of the notice, attempt or case that led to it
    Column("detail", Text, nullable=False),  # JSON; `{}` after an erasure
    Column("outcome", String(40), nullable=False),  # empty: said and done; `open`; or how it ended
    Column("closes", String(40)),  # id of the open entry whose effect this one tells
    Column("risk", Integer, nullable=False),  # `gateway.audit.risk.severity` when it was written
    Column("salt", String(32), nullable=False),  # chance, so that `digest` tells nothing of an erased detail
    Column("digest", String(64), nullable=False),  # of salt and detail; stays when both are erased
    Column("link", String(64), nullable=False),  # of the link before and everything above but salt and detail
)
Index("audit_by_record", audit.c.record, audit.c.at)
Index("audit_by_seq", audit.c.seq, unique=True)
for _name, _column, _where in (
    ("audit_open", audit.c.cause, "outcome = 'open'"),
    ("audit_closing", audit.c.closes, "closes IS NOT NULL"),
    ("audit_risky", audit.c.id, "risk > 0"),
):
    Index(_name, _column, sqlite_where=text(_where), postgresql_where=text(_where))

audit_head = Table(
    "audit_head",
    metadata,
    Column("name", String(20), primary_key=True),  # one row, `audit`: locked last by every transaction with entries
    Column("seq", BigInteger, nullable=False),  # of the newest entry; moved with each commit that has any
    Column("link", String(64), nullable=False),
    Column("key", String(64), nullable=False),  # fingerprint of the key that signed; empty: nobody has signed yet
    Column("signature", String(100), nullable=False),  # of seq and link
)

audit_floor = Table(
    "audit_floor",
    metadata,
    Column("name", String(20), primary_key=True),  # one row, `audit`, from the first time that old entries went
    Column("seq", BigInteger, nullable=False),  # of the newest entry that went; all below it went, too
    Column("link", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Column("key", String(64), nullable=False),
    Column("signature", String(100), nullable=False),
)

audit_checkpoint = Table(
    "audit_checkpoint",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("link", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Column("key", String(64), nullable=False),
    Column("signature", String(100), nullable=False),
)

audit_key = Table(
    "audit_key",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("public", String(60), nullable=False),  # base64 of 32 bytes
    Column("since", Float, nullable=False),
    Column("seq", BigInteger, nullable=False),  # the first entry of a transaction that it signed
    Column("former", String(64), nullable=False),  # fingerprint of the key before it; empty: it is the first
    Column("voucher", String(100), nullable=False),  # the former one's signature of it; empty: a person vouched
)

audit_keeper = Table(
    "audit_keeper",
    metadata,
    Column("name", String(100), primary_key=True),  # whoever still needs entries, such as `siem:splunk`
    Column("seq", BigInteger, nullable=False),  # it has everything up to here: entries above it are not deleted
)
