"""Tables of the sync core. Each column that is not plain says who sets it and when."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
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
    UniqueConstraint,
    literal_column,
    text,
)

metadata = MetaData()

# Conditions of partial indexes, written as in the index: with parameters in their place, neither database sees that the
# index will do, and goes through the whole table instead. Untyped, because SQLite would be given `... = 1` otherwise.
WAITING: ColumnElement[Any] = literal_column("notice.state <> 'done'")
WORK: ColumnElement[Any] = literal_column("lane.work")
STUCK: ColumnElement[Any] = literal_column("lane.state IN ('parked', 'unknown')")
OWNED: ColumnElement[Any] = literal_column("lane.owner <> ''")
WITHHELD: ColumnElement[Any] = literal_column("lane.withheld <> ''")

notice = Table(
    "notice",
    metadata,
    # the journal (P1, P7): one row per accepted change; its unique key is what idempotency remembers, so both live
    # equally long
    Column("id", String(40), primary_key=True),
    Column("connection", String(100), nullable=False),
    Column("delivery_key", String(300), nullable=False),
    Column("object", String(100), nullable=False),
    Column("object_id", String(200), nullable=False),
    Column("record", String(40)),  # set when routed
    Column("version", Integer),
    Column("rev", Integer, nullable=False),  # of a hint: record revision that stored it
    Column("received_at", Float, nullable=False),
    Column("state", String(10), nullable=False),  # done | deferred (waits for its lane) | hint (waits for a read)
    Column("disposition", String(40), nullable=False),  # what it ended as; empty until done
    Column("reason", Text, nullable=False),
    Column("payload", Text, nullable=False),  # the change, as accepted
    UniqueConstraint("connection", "delivery_key", name="notice_delivery"),
)
Index(
    "notice_waiting",
    notice.c.connection,
    notice.c.object_id,
    notice.c.state,
    sqlite_where=text("state <> 'done'"),
    postgresql_where=text("state <> 'done'"),
)
Index("notice_by_record", notice.c.record, notice.c.received_at)
Index("notice_by_age", notice.c.received_at)

record = Table(
    "record",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("flow", String(100), nullable=False),
    Column("natural", String(300)),  # value of the flow's natural key, set when first known
    Column("rev", Integer, nullable=False),  # +1 per decision; the optimistic version
    Column("tombstoned", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("doc", Text, nullable=False),  # RecordState
    Column("left_at", Float),  # of what is tombstoned: updated_at, until the retention has seen to its lineage
    UniqueConstraint("flow", "natural", name="record_natural"),
)

Index(
    "record_by_natural",
    record.c.natural,
    sqlite_where=text('"natural" IS NOT NULL'),
    postgresql_where=text('"natural" IS NOT NULL'),
)

Index(
    "record_left",
    record.c.left_at,
    sqlite_where=text("left_at IS NOT NULL"),
    postgresql_where=text("left_at IS NOT NULL"),
)

link = Table(
    "link",
    metadata,
    Column("connection", String(100), nullable=False),
    Column("object", String(100), nullable=False),
    Column("object_id", String(200), nullable=False),
    Column("object_key", String(200), nullable=False),  # what people call it; for look-ups by people
    Column("record", String(40), nullable=False),
    Column("state", String(10), nullable=False),  # primary | duplicate | gone | closed
    PrimaryKeyConstraint("connection", "object", "object_id"),
)
Index(
    "link_one_primary",
    link.c.record,
    link.c.connection,
    unique=True,
    sqlite_where=text("state = 'primary'"),
    postgresql_where=text("state = 'primary'"),
)
Index("link_by_key", link.c.connection, link.c.object_key)

lane = Table(
    "lane",
    metadata,
    Column("record", String(40), nullable=False),
    Column("connection", String(100), nullable=False),
    Column("state", String(10), nullable=False),  # LaneState
    Column("dirty", Boolean, nullable=False),  # set by any decision; cleared only by an empty plan (rule 11)
    Column("read_wanted", Boolean, nullable=False),  # a hint waits
    Column("deferred", Boolean, nullable=False),  # notices wait for this lane
    Column("work", Boolean, nullable=False),  # Lane.has_work, for the search
    Column("tries", Integer, nullable=False),  # retryable failures of this lane alone
    Column("next_try_at", Float, nullable=False),
    Column("wait_reason", String(200), nullable=False),
    Column("owner", String(100), nullable=False),  # worker that holds the lease
    Column("lease_until", Float, nullable=False),
    Column("fence", Integer, nullable=False),  # +1 per claim; an older holder loses
    Column("attempt", String(40), nullable=False),
    Column("case_key", String(300), nullable=False),
    Column("dirty_since", Float, nullable=False),
    Column("looks", Integer, nullable=False),
    Column("writes_left", Integer, nullable=False, server_default="0"),  # set with every change of a dirty lane
    Column("withheld", String(120), nullable=False, server_default=""),  # stage:flow that keeps it from working
    PrimaryKeyConstraint("record", "connection"),
)
Index(
    "lane_work",  # the queue in its order, and all that counting it asks for: the table itself is not read for that
    lane.c.connection,
    lane.c.next_try_at,
    lane.c.dirty_since,
    lane.c.writes_left,
    lane.c.work,
    sqlite_where=text("work"),
    postgresql_where=text("work"),
)
Index(
    "lane_stuck",
    lane.c.connection,
    lane.c.state,
    sqlite_where=text("state IN ('parked', 'unknown')"),
    postgresql_where=text("state IN ('parked', 'unknown')"),
)
Index(
    "lane_withheld",
    lane.c.withheld,
    lane.c.connection,
    sqlite_where=text("withheld <> ''"),
    postgresql_where=text("withheld <> ''"),
)
Index("lane_held", lane.c.lease_until, sqlite_where=text("owner <> ''"), postgresql_where=text("owner <> ''"))

attempt = Table(
    "attempt",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("record", String(40), nullable=False),
    Column("connection", String(100), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("outcome", String(12), nullable=False),  # open until Tc
    Column("started_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("doc", Text, nullable=False),  # Attempt
    Column("answer", Text),  # JSON: error, status, evidence, looks
)
Index("attempt_by_record", attempt.c.record, attempt.c.started_at)

conflict_ledger = Table(
    "conflict_ledger",
    metadata,
    # values that lost, restorable (P4)
    Column("id", String(40), primary_key=True),
    Column("record", String(40), nullable=False),
    Column("flow", String(100), nullable=False),
    Column("connection", String(100), nullable=False),  # system whose value lost
    Column("object_id", String(200), nullable=False),
    Column("field", String(100), nullable=False),
    Column("value", Text, nullable=False),  # JSON, canonical terms where the mapping knows the value, else external
    Column("version", Integer),
    Column("reason", String(60), nullable=False),
    Column("source", String(60), nullable=False),  # id of the notice or attempt it came with
    Column("at", Float, nullable=False),
)
Index("ledger_by_record", conflict_ledger.c.record)

field_version = Table(
    "field_version",
    metadata,
    # lineage: which value, from whom, when, by which mapping
    Column("record", String(40), nullable=False),
    Column("field", String(100), nullable=False),
    Column("fver", Integer, nullable=False),
    Column("value", Text, nullable=False),
    Column("source", String(100), nullable=False),
    Column("notice", String(60), nullable=False),
    Column("mapping", String(120), nullable=False),  # name@version that read it
    Column("at", Float, nullable=False),
    PrimaryKeyConstraint("record", "fver"),
)

item = Table(
    "item",
    metadata,
    # one row per comment wherever it was typed (rule 20)
    Column("origin", String(300), primary_key=True),  # connection:item id
    Column("record", String(40), nullable=False),
    Column("at", Float, nullable=False),
)

item_copy = Table(
    "item_copy",
    metadata,
    Column("origin", String(300), nullable=False),
    Column("connection", String(100), nullable=False),
    Column("item_id", String(200), nullable=False),
    PrimaryKeyConstraint("origin", "connection"),
)
Index("item_copy_by_id", item_copy.c.connection, item_copy.c.item_id)

wake = Table(
    "wake",
    metadata,
    # records to which the clock alone gives something to do; set with the record, gone when it was looked at
    Column("record", String(40), primary_key=True),
    Column("flow", String(100), nullable=False),
    Column("at", Float, nullable=False),
)
Index("wake_at", wake.c.flow, wake.c.at)

former_key = Table(
    "former_key",
    metadata,
    # what objects were called once; kept for good, like links: who knows one by its former key still finds it
    Column("connection", String(100), nullable=False),
    Column("object", String(100), nullable=False),
    Column("object_key", String(200), nullable=False),
    Column("object_id", String(200), nullable=False),
    PrimaryKeyConstraint("connection", "object", "object_key"),
)

reference = Table(
    "reference",
    metadata,
    # names that records mention and that are looked up again: nobody has them yet, or what has them refers to others
    Column("record", String(40), nullable=False),
    Column("connection", String(100), nullable=False),
    Column("name", String(200), nullable=False),  # key or id of an object there
    Column("flow", String(100), nullable=False),  # of the record
    Column("looks", Integer, nullable=False),  # so often it was looked up
    Column(
        "due", Float
    ),  # when it is looked up again; set by who takes the name, too. Empty: nobody waits for the clock
    PrimaryKeyConstraint("record", "connection", "name"),
)
Index("reference_by_name", reference.c.connection, reference.c.name)
Index(
    "reference_due",
    reference.c.flow,
    reference.c.due,
    sqlite_where=text("due IS NOT NULL"),
    postgresql_where=text("due IS NOT NULL"),
)

remark = Table(
    "remark",
    metadata,
    # what one record says to another that it refers to; gone once it was heard
    Column("id", String(60), primary_key=True),  # of who says it, and a digest of what: the same is said once
    Column("flow", String(100), nullable=False),  # of the record that it is said to
    Column("record", String(40), nullable=False),
    Column("said_at", Float, nullable=False),
    Column("doc", Text, nullable=False),  # Remark
)
Index("remark_to", remark.c.record, remark.c.said_at)
Index("remark_by_flow", remark.c.flow, remark.c.said_at)

cursor = Table(
    "cursor",
    metadata,
    Column("connection", String(100), primary_key=True),
    Column("value", Text, nullable=False),  # opaque JSON of the connector; moved only after its changes are durable
    Column("owner", String(100), nullable=False),  # the worker that polls now
    Column("lease_until", Float, nullable=False),
    Column("polled_at", Float, nullable=False),
)

connection_state = Table(
    "connection_state",
    metadata,
    Column("connection", String(100), primary_key=True),
    Column("state", String(20), nullable=False),  # closed | open | half_open | credentials | throttled
    Column("reason", Text, nullable=False),
    Column("since", Float, nullable=False),
    Column("until", Float, nullable=False),
)

departed = Table(
    "departed",
    metadata,
    # who has left (P8): one row per person for good, set by a departure, lifted by a person's decision
    Column("person", String(300), primary_key=True),  # as the departure names the person
    Column("since", Float, nullable=False),
    Column("case_label", String(60), nullable=False),  # the departure, as people call it
    Column("successor", String(320), nullable=False),  # who takes the work over; empty: nobody is known
    Column("lifted_at", Float),  # set by who lets the person in again, with name and reason; cleared by a new departure
    Column("lifted_by", String(100), nullable=False),
    Column("reason", Text, nullable=False),
)

departed_identity = Table(
    "departed_identity",
    metadata,
    # by what they are known, spelled as `gateway.sync.identities` compares it; added to, never taken from
    Column("person", String(300), nullable=False),
    Column("kind", String(20), nullable=False),  # Known
    Column("connection", String(100), nullable=False),  # of an account or a login; empty: anywhere
    Column("value", String(320), nullable=False),
    PrimaryKeyConstraint("person", "kind", "connection", "value"),
)
Index("departed_identity_by_value", departed_identity.c.value)

departed_head = Table(
    "departed_head",
    metadata,
    # one row, whose mark every departure and readmission replaces: who has this mark knows all that is above
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("mark", String(40), nullable=False),
)

flow_stage = Table(
    "flow_stage",
    metadata,
    # one row per move of a flow, by a person; never changed. A flow without a row stands where its configuration begins
    Column("serial", Integer, primary_key=True, autoincrement=False),  # without gaps over all flows: the last one + 1
    Column("flow", String(100), nullable=False),
    Column("stage", String(10), nullable=False),  # Stage
    Column("at", Float, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("human", String(100), nullable=False),  # id of the person, for four eyes
    Column("reason", Text, nullable=False),
)
