"""Tables of notifications: how far the work was looked at, what was told of each thread, and what is on its way."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    literal_column,
    text,
)

metadata = MetaData()

position = Table(
    "notification_position",
    metadata,
    # one row; who looks moves it in the transaction that stores what is told
    Column("name", String(20), primary_key=True),
    Column("since", Float, nullable=False),  # when somebody first looked: runs that ended before are not told
    Column("version", Integer, nullable=False),  # +1 with every look that stored something: of two, one fails
    Column("after", BigInteger, nullable=False),  # last line of the cases' history that was seen
    Column("missing", Text, nullable=False),  # JSON: lines before it that may still be committed -> tail.Horizon
    Column("owner", String(100), nullable=False),  # worker that looks
    Column("lease_until", Float, nullable=False),
)

thread = Table(
    "notification_thread",
    metadata,
    # one message for people, updated in place: of a group of cases, a run, or a channel in trouble
    Column("subject", String(40), primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # what it is about; never told, values may be in it
    Column("sequence", Integer, nullable=False),  # of its last event
    Column("ended", Integer, nullable=False),  # 0 while it needs people
    Column("told", Integer, nullable=False),  # so many cases were told of
    Column("sla", Integer, nullable=False),  # of its nearest due time: 0 nothing, 1 near, 2 missed
    Column("due_at", Float, nullable=False),  # of its nearest; 0: none
    Column("warn_at", Float, nullable=False),
    Column("empty_at", Float, nullable=False),  # when its last case was found closed; 0 while it has some
    Column("facts", Text, nullable=False),  # JSON: facts.Facts as they were told last
    Column("changed_at", Float, nullable=False),
)

event = Table(
    "notification_event",
    metadata,
    # never changed once written
    Column("id", String(40), primary_key=True),  # webhook-id
    Column("subject", String(40), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("type", String(60), nullable=False),
    Column("at", Float, nullable=False),
    Column("body", Text, nullable=False),  # what is signed, byte for byte, at every attempt
)
Index("notification_event_thread", event.c.subject, event.c.sequence, unique=True)
Index("notification_event_at", event.c.at)

delivery = Table(
    "notification_delivery",
    metadata,
    # one event on its way over one channel
    Column("event", String(40), nullable=False),
    Column("channel", String(40), nullable=False),
    Column("subject", String(40), nullable=False),  # of the event
    Column("at", Float, nullable=False),  # of the event
    Column("state", String(12), nullable=False),  # outbox.State
    Column("via", String(40), nullable=False),  # the dead channel that it was meant for; empty: none
    Column("attempts", Integer, nullable=False),  # that were answered, or timed out
    Column("next_at", Float, nullable=False),
    Column("answer", Text, nullable=False),  # status or failure of the last attempt; never a body
    Column("ended_at", Float, nullable=False),  # 0 until it is over
    Column("owner", String(100), nullable=False),  # worker that sends it now
    Column("lease_until", Float, nullable=False),
    PrimaryKeyConstraint("event", "channel"),
)
# Written as in the index: with parameters in its place, neither database sees that the index will do.
IS_LEFT: ColumnElement[bool] = literal_column("notification_delivery.state IN ('waiting', 'held')")
_WAITING = text("state IN ('waiting', 'held')")
Index(
    "notification_delivery_due",
    delivery.c.channel,
    delivery.c.next_at,
    sqlite_where=_WAITING,
    postgresql_where=_WAITING,
)
Index("notification_delivery_at", delivery.c.channel, delivery.c.at)

channel = Table(
    "notification_channel",
    metadata,
    # how each channel does; written by who sends
    Column("name", String(40), primary_key=True),
    Column("state", String(12), nullable=False),  # channels.State
    Column("since", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column("failures", Integer, nullable=False),  # one after the other
    Column("wait_until", Float, nullable=False),  # the receiver asked for it
    Column("delivered_at", Float, nullable=False),  # last time; 0: never
)
