"""What identity providers have pushed, and the changes of it that the stream may not have yet."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, MetaData, PrimaryKeyConstraint, String, Table, Text

metadata = MetaData()

scim_feed = Table(
    "scim_feed",
    metadata,
    # one row for each connection; whoever changes something of it holds this row, so that numbers commit in their order
    Column("connection", String(100), primary_key=True),
    Column("number", Integer, nullable=False),  # of the last change
    Column("pushed_at", Float, nullable=False),  # when it was accepted
)

scim_resource = Table(
    "scim_resource",
    metadata,
    # written by the endpoint only; a row goes with the DELETE of the provider
    Column("connection", String(100), nullable=False),
    Column("id", String(40), nullable=False),  # ours; never given twice
    Column("type", String(20), nullable=False),  # meta.resourceType: User, Group
    Column("version", Integer, nullable=False),  # +1 with each change; meta.version and ETag
    Column("name", String(255), nullable=False),  # userName or displayName as it is compared; a digest if longer
    Column("external_id", String(255), nullable=False),  # the same of externalId; empty: none
    Column("body", Text, nullable=False),  # the document without id, meta and password
    Column("created_at", Float, nullable=False),
    Column("modified_at", Float, nullable=False),
    PrimaryKeyConstraint("connection", "id"),
)
Index("scim_resource_by_name", scim_resource.c.connection, scim_resource.c.type, scim_resource.c.name)
Index("scim_resource_by_external_id", scim_resource.c.connection, scim_resource.c.type, scim_resource.c.external_id)

scim_change = Table(
    "scim_change",
    metadata,
    # written with the change of the resource, removed once the stream has it
    Column("connection", String(100), nullable=False),
    Column("number", Integer, nullable=False),
    Column("change", Text, nullable=False),  # the envelope, as the stream has it
    PrimaryKeyConstraint("connection", "number"),
)
