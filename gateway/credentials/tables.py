"""Tables of what connections sign in with. Every value is sealed by the vault; nothing here is readable without it."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, MetaData, PrimaryKeyConstraint, String, Table, Text

metadata = MetaData()

secret = Table(
    "secret",
    metadata,
    # set and removed by people; the workers prove and promote what is next
    Column("connection", String(100), nullable=False),  # empty: the installation's own
    Column("name", String(60), nullable=False),
    Column("version", Integer, nullable=False),  # counts what was set; the latest is in `next`, or else in `value`
    Column("value", Text, nullable=False),  # in use
    Column("next", Text),  # proved before it is used
    Column("former", Text),  # still tried where the one in use is refused, until `former_until`
    Column("former_until", Float, nullable=False),
    Column("overlap_s", Float, nullable=False),  # how long the one in use is kept when `next` replaces it
    Column("refused", Text, nullable=False),  # why `next` was not taken; empty: it was not refused
    Column("set_at", Float, nullable=False),
    Column("set_by", String(100), nullable=False),
    Column("ends_at", Float),  # of `value`, as the person who set it said
    Column("next_ends_at", Float),
    PrimaryKeyConstraint("connection", "name"),
)

token = Table(
    "token",
    metadata,
    # written by the worker that owns the renewal; a row for each credential that tokens are got with
    Column("connection", String(100), nullable=False),
    Column("version", String(40), nullable=False),  # of the credential
    Column("serial", Integer, nullable=False),  # +1 with every token stored; 0: none yet
    Column("value", Text, nullable=False),  # empty: none yet
    Column("asked_at", Float, nullable=False),  # when it was asked for: its life counts from then
    Column("lasts_s", Float),
    Column("refresh_until", Float),  # end of the refresh token, where the system said
    Column("owner", String(100), nullable=False),  # the worker that renews it now
    Column("lease_until", Float, nullable=False),
    Column("fence", Integer, nullable=False),  # +1 with every claim
    Column("asking_since", Float),  # a renewal was begun, and what came of it is not stored
    Column("refused_at", Float),  # the system gives no more tokens for it
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("connection", "version"),
)

credential = Table(
    "credential",
    metadata,
    # how each connection's credential stands, as its workers wrote it down last; for people
    Column("connection", String(100), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("state", String(20), nullable=False),  # in_use | proving | refused | missing | no_token
    Column("reason", Text, nullable=False),
    Column("since", Float, nullable=False),  # in use since
    Column("former_until", Float),  # the one before is still tried until then
    Column("ends_at", Float),  # of what a person must replace
    Column("token_ends_at", Float),  # of the token, which replaces itself
)
