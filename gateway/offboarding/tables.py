"""Tables of departures. Each column that is not plain says who sets it and when."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

_Serial = BigInteger().with_variant(Integer(), "sqlite")
IS_OPEN = text("closed_at IS NULL")
IS_DUE = text("next_at IS NOT NULL")

leaver = Table(
    "leaver",
    metadata,
    # one row per person and event of an employment: a departure, a change of role, an absence
    Column("number", _Serial, Identity(), primary_key=True),  # set by the database; LV-<number>
    Column("person", String(300), nullable=False),  # id of the person's record, or what is known instead: email:...
    Column("period", String(120), nullable=False),  # of the employment, and what happened in it; with person: once
    Column("kind", String(10), nullable=False),  # Event: leaver | mover | absence
    Column("state", String(10), nullable=False),  # LeaverState
    Column("ends_at", Float, nullable=False),  # the moment from which access ends; moved by corrections until then
    Column("due_at", Float),  # nearest deadline of what is open; set with whatever opens or ends a step
    Column("urgent", Boolean, nullable=False),  # a person said now: no guard delays it
    Column("privileged", Boolean, nullable=False),  # an account or grant that was found is; set with each reading
    Column("guarded", Text, nullable=False),  # why a flood keeps it from beginning; empty: nothing does
    Column("hold_until", Float),  # set by a person, with a reason in doc
    Column("batch", String(120), nullable=False),  # what it came with: an import, a source's day; for the guard
    Column("made_at", Float, nullable=False),
    Column("begun_at", Float),  # when its time had come and the person's records got their tombstone
    Column("done_at", Float),  # when the last step was read back as gone, or told to be done by hand
    Column("closed_at", Float),  # done and checked for the last time, cancelled, or returned
    Column("version", Integer, nullable=False),  # +1 with what a person or a source decides; not with each step
    Column("doc", Text, nullable=False),  # LeaverDoc
    sqlite_autoincrement=True,
)
Index("leaver_once", leaver.c.person, leaver.c.period, unique=True)
Index("leaver_open", leaver.c.state, leaver.c.ends_at, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)
Index("leaver_by_batch", leaver.c.batch)
Index("leaver_by_begin", leaver.c.begun_at)

leaver_name = Table(
    "leaver_name",
    metadata,
    # by what a person is found again, whoever tells of it; letter case aside
    Column("kind", String(20), nullable=False),  # email | user_name | employee_number | record
    Column("value", String(300), nullable=False),
    Column("number", _Serial, nullable=False),
    PrimaryKeyConstraint("kind", "value", "number"),
)
Index("leaver_name_of", leaver_name.c.number)

leaver_system = Table(
    "leaver_system",
    metadata,
    # one person in one system: what a worker claims, so that the steps there are taken one by one
    Column("number", _Serial, nullable=False),
    Column("connection", String(100), nullable=False),  # or the name of a system that is done by hand
    Column("state", String(10), nullable=False),  # SystemState
    Column("privileged", Boolean, nullable=False),  # these go first
    Column("due_at", Float, nullable=False),  # of the nearest of its steps; before they are known, of the system
    Column("next_at", Float),  # when a worker comes by; empty: only a person can bring it further
    Column("owner", String(100), nullable=False),  # worker that holds the lease
    Column("lease_until", Float, nullable=False),
    Column("fence", Integer, nullable=False),  # +1 per claim; an older holder loses
    Column("tries", Integer, nullable=False),  # failures in a row that are not the system's being down
    Column("waits", Text, nullable=False),  # why it waits, for people
    Column("version", Integer, nullable=False),  # +1 with every change of it or of its steps, by whomever
    Column("doc", Text, nullable=False),  # SystemDoc
    PrimaryKeyConstraint("number", "connection"),
)
Index(
    "leaver_system_due",
    leaver_system.c.next_at,
    leaver_system.c.connection,
    sqlite_where=IS_DUE,
    postgresql_where=IS_DUE,
)

leaver_step = Table(
    "leaver_step",
    metadata,
    # one thing to take away, of one account
    Column("id", String(40), primary_key=True),
    Column("number", _Serial, nullable=False),
    Column("connection", String(100), nullable=False),
    Column("account", String(200), nullable=False),  # the system's id; empty by hand
    Column("kind", String(10), nullable=False),  # GrantKind, or hand
    Column("grant_id", String(300), nullable=False),
    Column("name", Text, nullable=False),  # as it was called when it was found
    Column("state", String(10), nullable=False),  # StepState
    Column("privileged", Boolean, nullable=False),
    Column("place", Integer, nullable=False),  # where it comes in its account; the next begins when it is over
    Column("due_at", Float, nullable=False),
    Column("gone_at", Float),  # when it was read back as gone, or said to be done by hand
    Column("checked_at", Float),  # when it was last seen to be gone still
    Column("checks", Integer, nullable=False),  # of the checks afterwards, how many have held
    Column("doc", Text, nullable=False),  # StepDoc
    UniqueConstraint("number", "connection", "account", "kind", "grant_id", name="leaver_step_once"),
)

leaver_evidence = Table(
    "leaver_evidence",
    metadata,
    # what proves what; never changed
    Column("id", String(40), primary_key=True),
    Column("number", _Serial, nullable=False),
    Column("connection", String(100), nullable=False),
    Column("step", String(40), nullable=False),  # empty: of all that an account has
    Column("at", Float, nullable=False),
    Column("kind", String(12), nullable=False),  # EvidenceKind
    Column("digest", String(64), nullable=False),  # sha-256 over the canonical JSON in `content`
    Column("content", Text, nullable=False),  # canonical JSON: sorted keys, no spaces
)
Index("leaver_evidence_of", leaver_evidence.c.number, leaver_evidence.c.at)

leaver_file = Table(
    "leaver_file",
    metadata,
    # what somebody handed in to show that something was done by hand
    Column("id", String(40), primary_key=True),
    Column("number", _Serial, nullable=False),
    Column("step", String(40), nullable=False),
    Column("name", String(200), nullable=False),  # sanitised
    Column("media_type", String(100), nullable=False),  # by its content, not by what was claimed
    Column("size", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("made_by", String(100), nullable=False),
    Column("made_at", Float, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
Index("leaver_file_of", leaver_file.c.number)

leaver_history = Table(
    "leaver_history",
    metadata,
    # what happened to a departure, in words for people; written with what it tells of, never changed
    Column("id", String(40), primary_key=True),
    Column("number", _Serial, nullable=False),
    Column("at", Float, nullable=False),
    Column("kind", String(40), nullable=False),  # that of the entry in the trail: leaver_...
    Column("connection", String(100), nullable=False),
    Column("step", String(40), nullable=False),
    Column("actor", String(100), nullable=False),
    Column("text", Text, nullable=False),
)
Index("leaver_history_of", leaver_history.c.number, leaver_history.c.at)

leaver_seen = Table(
    "leaver_seen",
    metadata,
    # what a person's record said of its employment when it was last decided about: what differs is an event
    Column("record", String(40), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("doc", Text, nullable=False),  # Standing
)
