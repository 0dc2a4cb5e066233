"""Tables of what people keep for themselves while they work: it changes no record and no case."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

saved_view = Table(
    "saved_view",
    metadata,
    # made, renamed and deleted by people; the query is the worklist's, as the console made it
    Column("id", String(40), primary_key=True),
    Column("owner", String(200), nullable=False),  # `user:<name>`, or the id of who has no person behind them
    Column("by_name", String(100), nullable=False),  # the owner as others read it
    Column("name", String(100), nullable=False),
    Column("query", Text, nullable=False),
    Column("team", Integer, nullable=False),  # 1: everybody whose scope holds what it names sees it
    Column("at", Float, nullable=False),  # of its last change
    UniqueConstraint("owner", "name", name="saved_view_name"),
    Index("saved_view_team", "team", "name"),
)

page_visit = Table(
    "page_visit",
    metadata,
    # set when a person opens the page, never by a page that asks for itself
    Column("person", String(200), nullable=False),
    Column("page", String(40), nullable=False),
    Column("seen_at", Float, nullable=False),  # when the page was opened last, to the minute
    Column("before_at", Float, nullable=False),  # the same of the visit before this one; 0: this is the first
    PrimaryKeyConstraint("person", "page"),
)
