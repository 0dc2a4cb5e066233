"""Tables of versions, of mappings and of the configuration. Rows are added, never changed, never deleted: a lineage
points at them for good. Only drafts come and go.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

mapping_version = Table(
    "mapping_version",
    metadata,
    Column("digest", String(64), primary_key=True),  # SHA-256 over both texts
    Column("name", String(80), nullable=False),
    Column("version", Integer, nullable=False),  # as the text says; several texts may carry one number
    Column("system", String(80), nullable=False),
    Column("object", String(80), nullable=False),
    Column("type", String(60), nullable=False),
    Column("text", Text, nullable=False),
    Column("type_text", Text, nullable=False),  # its record type, as it was
    Column("stored_at", Float, nullable=False),
    Column("stored_by", String(100), nullable=False),  # worker or person that brought it
    Column("origin", Text, nullable=False),  # the file it was read from, or what it was handed in as
)
Index("mapping_version_by_name", mapping_version.c.name, mapping_version.c.version)

mapping_event = Table(
    "mapping_event",
    metadata,
    Column("id", String(40), primary_key=True),  # in the order of time
    Column("digest", String(64), nullable=False),
    Column("name", String(80), nullable=False),
    Column("kind", String(12), nullable=False),  # Kind
    Column("at", Float, nullable=False),
    Column("by_name", String(100), nullable=False),
    Column("by_human", String(200), nullable=False),  # whom four eyes count; empty for a worker
    Column("place", String(201), nullable=False),  # flow/connection where it is used; empty otherwise
    Column("detail", Text, nullable=False),  # JSON
)
Index("mapping_event_by_name", mapping_event.c.name, mapping_event.c.kind, mapping_event.c.at)

mapping_backtest = Table(
    "mapping_backtest",
    metadata,
    # one backtest that was asked for; whoever holds its lease goes on with it, from the start if the one before is gone
    Column("id", String(20), primary_key=True),
    Column("digest", String(64), nullable=False),  # of the version that is tried; it is stored
    Column("name", String(80), nullable=False),
    Column("state", String(10), nullable=False),  # waiting | running | done | failed | cancelled
    Column("since", Float, nullable=False),
    Column("until", Float, nullable=False),
    Column("connection", String(100), nullable=False),  # empty: wherever the name is in use
    Column("at", Float, nullable=False),
    Column("scope", Text, nullable=False),  # JSON: connections and types of whoever asked; null: all
    Column("by_name", String(100), nullable=False),
    Column("by_human", String(200), nullable=False),
    Column("total", Integer, nullable=False),  # changes that are to be looked at
    Column("done", Integer, nullable=False),
    Column("report", Text, nullable=False),  # JSON; whole when the state is done
    Column("ended_at", Float, nullable=False),  # 0 until it is over
    Column("reason", Text, nullable=False),
    Column("owner", String(100), nullable=False),
    Column("lease_until", Float, nullable=False),
)
Index("mapping_backtest_by_time", mapping_backtest.c.name, mapping_backtest.c.at)

config_version = Table(
    "config_version",
    metadata,
    # one row per state of connections and flows that was applied, or that a gateway first started with; never changed
    Column("serial", Integer, primary_key=True, autoincrement=False),  # the last one + 1
    Column("digest", String(64), nullable=False),  # SHA-256 over `document`
    Column("kind", String(10), nullable=False),  # applied: by a person's word | found: a gateway started with it
    Column("at", Float, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("human", String(200), nullable=False),  # id of the person; empty for a worker
    Column("reason", Text, nullable=False),
    Column("document", Text, nullable=False),  # JSON: as it is written, with ${ENV} in place of secrets
    Column("changes", Text, nullable=False),  # JSON: what differs from the one before
)

registration_draft = Table(
    "registration_draft",
    metadata,
    # one connection that somebody registers in the console; nothing works by it. Deleted when it is done with
    Column("id", String(40), primary_key=True),
    Column("name", String(100), nullable=False, unique=True),  # of the connection to be
    Column("revision", Integer, nullable=False),  # the last one + 1; what a change names
    Column("step", String(20), nullable=False),  # where its maker was last
    Column("files", Text, nullable=False),  # JSON: name -> text, as `apply` takes them; without any secret
    Column("tested", Text, nullable=False),  # JSON: what the last test proved, and when
    Column("placed", Integer, nullable=False),  # version of the configuration that it was put in place as; 0: not yet
    Column("at", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
    Column("by_name", String(100), nullable=False),  # who changed it last
)
