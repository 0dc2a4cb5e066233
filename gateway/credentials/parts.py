"""What is needed of one connection's credential while the gateway runs, and how it stands."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from connectors.contract.connector import ConnectionSettings
from connectors.contract.credentials import Material
from connectors.rest.kinds import kind_of, secrets_of
from gateway.config import Config
from gateway.config.auth import CredentialRules
from gateway.config.values import Connection
from gateway.credentials.keyring import LiveKeyring
from gateway.credentials.renewals import Renewals
from gateway.credentials.sources import Sources, coded
from gateway.credentials.store import Secret, opened
from gateway.credentials.tokens import DatabaseTokens
from gateway.credentials.vault import MasterKey, Vault, fingerprint, kept_key
from gateway.storage.clock import DatabaseClock
from gateway.storage.database import Database

AT_START = "start"
"""Version of a credential that the configuration holds whole, before the keeper has looked at it."""
MISSING, IN_USE, PROVING, REFUSED, NO_TOKEN = "missing", "in_use", "proving", "refused", "no_token"


@dataclass(slots=True)
class Candidate:
    """A credential that is to be proved: its parts as they were read together."""

    material: Material
    texts: Mapping[str, str]
    versions: Mapping[str, int]
    """Secrets of the database that are part of it and not in use yet."""
    overlap_s: float


@dataclass(slots=True)
class Part:
    """Of one connection."""

    settings: ConnectionSettings
    rules: CredentialRules
    keyring: LiveKeyring
    sources: Sources
    tokens: DatabaseTokens | None
    texts: dict[str, str] = field(default_factory=dict)
    """Contents of files that are in use."""
    since: float = 0.0
    state: str = IN_USE
    reason: str = ""
    former_until: float | None = None
    candidate: str = ""
    """Version of what was considered last."""
    tries: int = 0
    not_before: float = 0.0
    """Monotonic time before which the candidate is not proved again."""
    proof: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def changes(self) -> bool:
        """It may be another one while the gateway runs."""
        return bool(self.rules.origins) or self.tokens is not None

    @property
    def live(self) -> ConnectionSettings:
        """What the connector is made with."""
        return msgspec.structs.replace(self.settings, keyring=self.keyring, tokens=self.tokens)

    def secrets(self) -> list[str]:
        """Values that must never be shown: those in use and the ones before."""
        known = [self.keyring.former()] + ([self.keyring.current()] if self.keyring.version else [])
        return [each for one in known if one is not None for each in secrets_of(kind_of(self.name, one.auth))]


def vault_of(config: Config) -> Vault:
    """Opens what the database keeps. On SQLite without a key, one is made beside it. Raises ConfigError."""
    given = [each for each in (config.secrets.key, *config.secrets.former) if each is not None]
    keys = [MasterKey.of(each) for each in given]
    if config.secrets.key is None:
        keys = [kept_key(config.data), *keys]
    return Vault(keys)


def part_of(connection: Connection, database: Database, clock: DatabaseClock, vault: Vault | None, worker: str) -> Part:
    """The part of a connection. Without a vault nothing of it is kept in the database."""
    tokens = None
    if vault is not None and connection.credentials.needs_vault:
        tokens = DatabaseTokens(Renewals(database, clock, vault, connection.name, worker), clock)
    sources = Sources(connection.name, connection.settings.auth, connection.credentials)
    keyring = LiveKeyring(connection.name, clock)
    if not connection.credentials.needs_vault:
        keyring.take(Material(version=AT_START, auth=connection.settings.auth))
    return Part(connection.settings, connection.credentials, keyring, sources, tokens, dict(sources.texts))


class Reader:
    """Puts credentials together. `key`: what tells them apart."""

    def __init__(self, vault: Vault | None, key: str = "") -> None:
        self.vault, self.key = vault, key or os.urandom(32).hex()

    def stored(self, part: Part, rows: Sequence[Secret], slot: str) -> dict[str, str]:
        """Values of the part's secrets in a slot. Raises VaultError."""
        mine = [row for row in rows if row.name in part.sources.names]
        return opened(self.vault, mine, slot) if self.vault is not None and mine else {}

    def material(self, part: Part, texts: Mapping[str, str], stored: Mapping[str, str]) -> Material:
        """A whole credential. Raises MissingPart."""
        auth = part.sources.auth(texts, stored)
        return Material(version=fingerprint(self.key, coded(auth)), auth=auth)

    def take_in_use(self, part: Part, rows: Sequence[Secret], now: float) -> bool:
        """Takes what is in use by what the database says: at the start, and when another worker proved something.
        False: it is that already. Raises MissingPart, VaultError.
        """
        values = self.stored(part, rows, "value")
        if part.keyring.version in ("", AT_START):
            part.texts = dict(part.sources.texts)
        material = self.material(part, part.texts, values)
        if material.version == part.keyring.version:
            return False
        part.keyring.take(material)
        part.former_until, part.since = None, now
        mine = [row for row in rows if row.name in part.sources.names and row.former and row.former_until > now]
        if mine:
            before = self.material(part, part.texts, {**values, **self.stored(part, mine, "former")})
            part.former_until = min(row.former_until for row in mine)
            part.keyring.keep(before, part.former_until - now)
        return True

    def candidate(self, part: Part, rows: Sequence[Secret]) -> Candidate:
        """What would be in use if all that is new were. Raises MissingPart, VaultError."""
        waiting = [row for row in rows if row.name in part.sources.names and row.waiting]
        stored = {**self.stored(part, rows, "value"), **self.stored(part, waiting, "next")}
        texts = dict(part.sources.texts)
        overlap_s = max((row.overlap_s for row in waiting), default=part.rules.overlap_s)
        versions = {row.name: row.version for row in waiting}
        return Candidate(self.material(part, texts, stored), texts, versions, overlap_s)
