"""Tables of the feeds: one row for each sink, and what is on its way there or was sent lately."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, PrimaryKeyConstraint, String, Table, Text

metadata = MetaData()

sink = Table(
    "siem_sink",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("settings", Text, nullable=False),  # JSON without secrets, as the trail was told last
    Column("removed_at", Float, nullable=False),  # 0 while the configuration has it
    Column("owner", String(100), nullable=False),  # worker that feeds it now
    Column("lease_until", Float, nullable=False),
    # written by who puts events into the spool
    Column("position", BigInteger, nullable=False),  # of the last entry of the chain that was looked at
    Column("number", BigInteger, nullable=False),  # of the last event
    Column("previous", String(64), nullable=False),  # its digest
    Column("put", BigInteger, nullable=False),  # octets of all events so far
    Column("segment", BigInteger, nullable=False),  # first event that no summary covers
    Column("told_at", Float, nullable=False),  # when the last event got its number
    Column("full_at", Float, nullable=False),  # since when the spool takes no more; 0: it does
    # written by who sends
    Column("sent", BigInteger, nullable=False),  # last event that the receiver is known to have
    Column("settled", BigInteger, nullable=False),  # last event that no break can have sent again; <= sent
    Column("gone", BigInteger, nullable=False),  # octets of all events up to `sent`
    Column("sent_at", Float, nullable=False),  # 0: never
    Column("memory", Text, nullable=False),  # JSON: what the way there must not forget (channel and ids of a collector)
    Column("state", String(12), nullable=False),  # sinks.State
    Column("since", Float, nullable=False),  # when it came to this state
    Column("reason", Text, nullable=False),  # why it is not working; never a body
    Column("failures", Integer, nullable=False),  # one after the other
    Column("refused", BigInteger, nullable=False),  # how often the receiver said no to what it was sent
    Column("warned", String(12), nullable=False),  # what the case tells that is open now; empty: none is
    # written by who asks
    Column("again", BigInteger, nullable=False),  # send again from this event on; 0: nobody asked
    Column("asked", Integer, nullable=False),  # 1: an event is to be made that tests the way
)

spool = Table(
    "siem_spool",
    metadata,
    # one event of one feed; never changed
    Column("sink", String(40), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("id", String(40), nullable=False),  # of the audit entry, or its own
    Column("position", BigInteger, nullable=False),  # of the entry; 0: it is none
    Column("at", Float, nullable=False),  # of the decision
    Column("kind", String(40), nullable=False),
    Column("severity", Integer, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("body", Text, nullable=False),  # in the sink's form, as it is sent every time
    Column("through", BigInteger, nullable=False),  # octets of all events up to this one
    Column("put_at", Float, nullable=False),  # when it got its number
    PrimaryKeyConstraint("sink", "number"),
)
