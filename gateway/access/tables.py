"""People, their sessions and tokens, and failed sign-ins. Of every secret only a hash is here."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

person = Table(
    "person",
    metadata,
    Column("name", String(100), primary_key=True),  # never given twice: people are disabled, not deleted
    Column("label", String(200), nullable=False),  # as colleagues call them
    Column("password", Text, nullable=False),  # argon2id; empty: no sign-in by password
    Column("roles", Text, nullable=False),  # JSON list
    Column("connections", Text),  # JSON list; null: all
    Column("types", Text),  # JSON list; null: all
    Column("issuer", String(300)),  # of the provider that vouches; set at the first sign-in with it
    Column("subject", String(255)),  # the provider's name for the person
    Column("disabled_at", Float),
    Column("created_at", Float, nullable=False),
    Column("version", Integer, nullable=False),  # counts changes, for decisions about what somebody saw
)
Index("person_by_subject", person.c.issuer, person.c.subject, unique=True)

session = Table(
    "session",
    metadata,
    Column("id", String(64), primary_key=True),  # SHA-256 of what the cookie says
    Column("holder", String(120), nullable=False),  # `user:<name>` or `local:<account>`
    Column("how", String(20), nullable=False),  # password, link, oidc
    Column("address", String(60), nullable=False),  # where it began
    Column("agent", String(200), nullable=False),  # the browser it began in
    Column("began_at", Float, nullable=False),
    Column("used_at", Float, nullable=False),  # written at most once a minute
    Column("until", Float, nullable=False),  # ends then, however it is used
)
Index("session_by_holder", session.c.holder)

link = Table(
    "sign_in_link",
    metadata,
    Column("id", String(64), primary_key=True),  # SHA-256 of what the link says
    Column("holder", String(120), nullable=False),
    Column("until", Float, nullable=False),
)

token = Table(
    "api_token",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),  # SHA-256 of the token
    Column("name", String(60), nullable=False),
    Column("owner", String(120), nullable=False),  # `user:<name>` or `local:<account>`
    Column("roles", Text, nullable=False),  # JSON list
    Column("connections", Text),  # JSON list; null: as the owner
    Column("types", Text),  # JSON list; null: as the owner
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("used_at", Float),  # written at most once a minute
    Column("revoked_at", Float),
    Column("revoked_by", String(100)),
)
Index("api_token_by_owner", token.c.owner, token.c.created_at)

attempt = Table(
    "sign_in_attempt",
    metadata,
    Column("key", String(80), primary_key=True),  # an account or an address, hashed: what was typed may be a password
    Column("failures", Integer, nullable=False),
    Column("last_at", Float, nullable=False),
    Column("free_at", Float, nullable=False),  # before this nothing is tried
)
Index("sign_in_attempt_age", attempt.c.last_at)
