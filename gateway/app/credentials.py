"""Credentials of all connections, joined with what checks them and what waits for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import httpx
import msgspec

from connectors import registry
from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings, Connector
from connectors.contract.credentials import Material
from connectors.contract.values import Finding
from connectors.rest.auth import Fixed
from gateway.audit.chain import OURS as GATEWAY
from gateway.config import Config
from gateway.config.values import Connection
from gateway.core import origin
from gateway.credentials import store
from gateway.credentials.keeper import Keeper
from gateway.credentials.keyring import LiveKeyring
from gateway.credentials.parts import Part, Reader, part_of, vault_of
from gateway.credentials.sources import MissingPart
from gateway.credentials.vault import Vault, VaultError
from gateway.storage.clock import DatabaseClock
from gateway.storage.database import Database
from gateway.work.trail import note

Transports = Mapping[str, httpx.AsyncBaseTransport]


def parts_of(config: Config, database: Database, clock: DatabaseClock, worker: str) -> dict[str, Part]:
    """The credential of every connection. Raises ConfigError for a master key that is of no use."""
    needed = any(each.credentials.needs_vault for each in config.connections.values())
    vault = vault_of(config) if needed else None
    return {name: part_of(each, database, clock, vault, worker) for name, each in config.connections.items()}


def keeper_of(
    config: Config,
    database: Database,
    clock: DatabaseClock,
    parts: Mapping[str, Part],
    connectors: Mapping[str, Connector],
    changed: Callable[[str], None],
    transports: Transports,
) -> Keeper:
    """The keeper of these parts; `connectors` are made with them."""

    async def check(name: str, material: Material | None) -> Sequence[Finding]:
        if material is None:
            return await connectors[name].check()
        with_it = trying(parts[name], material)
        connector = registry.create(with_it, clock=clock, transport=transports.get(name))
        try:
            return await connector.check()
        finally:
            await connector.close()

    needed = any(part.tokens is not None or part.sources.names for part in parts.values())
    return Keeper(database, clock, vault_of(config) if needed else None, parts, check=check, changed=changed)


def trying(part: Part, material: Material) -> ConnectionSettings:
    """Settings with another credential. Tokens that are got with it are kept where all others are: a refresh token that
    was used up by the proof is not lost.
    """
    return msgspec.structs.replace(part.settings, auth=material.auth, keyring=Fixed(material), tokens=part.tokens)


async def read_once(database: Database, vault: Vault, parts: Mapping[str, Part], now: float) -> None:
    """Gives every part what is in use now, for whoever asks a system a few things and ends. That stored secrets were
    opened for it is in the trail. Raises StorageError.
    """
    async with database.begin("secret.fingerprint") as tx:
        reader = Reader(vault, await store.fingerprint_key(tx, vault))
        rows = await store.secrets(tx)
        opened = {f"{each.connection}/{each.name}" for each in rows if each.connection in parts}
        if opened:
            actor = origin.current().name or GATEWAY
            await note(tx, at=now, kind="secret_opened", actor=actor, detail={"secrets": sorted(opened)})
    for name, part in parts.items():
        try:
            reader.take_in_use(part, [row for row in rows if row.connection == name], now)
        except (MissingPart, VaultError) as error:
            part.keyring.lacks(str(error))


def without_store(connection: Connection, clock: Clock) -> ConnectionSettings:
    """Settings for whoever has no database: what is kept there is missing, and nothing is sent in its place. A refresh
    token is left alone: its successor would be lost.
    """
    if not (connection.credentials.stored or connection.credentials.kind == "oauth2_refresh"):
        return connection.settings
    keyring = LiveKeyring(connection.name, clock)
    keyring.lacks(f"what {connection.name} signs in with is kept in the gateway's database; it has to be asked there")
    return msgspec.structs.replace(connection.settings, keyring=keyring)
