"""Connectors for a few questions, for a command that asks and ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from connectors.contract.clock import SystemClock
from connectors.contract.connector import Connector
from gateway.app.compose import connectors_of
from gateway.app.credentials import parts_of, read_once
from gateway.audit.keys import signing
from gateway.config import Config
from gateway.core.ids import new_id
from gateway.credentials.parts import Part, vault_of
from gateway.storage.clock import DatabaseClock
from gateway.storage.current import is_current
from gateway.storage.database import Database


@asynccontextmanager
async def connectors_once(config: Config) -> AsyncIterator[Mapping[str, Connector]]:
    """The configured connectors, closed afterwards. They sign in as the gateway does, tokens included; what its
    database keeps is missing where it is not there yet. Raises StorageError.
    """
    async with AsyncExitStack() as stack:
        parts = await _parts(config, stack) if _kept(config) else {}
        made = connectors_of(config, SystemClock(), None, parts)
        for connector in made.values():
            stack.push_async_callback(connector.close)
        yield made


def _kept(config: Config) -> bool:
    """Something is kept in a database, which is not made by looking for it."""
    url = make_url(config.database)
    there = url.get_backend_name() != "sqlite" or Path(url.database or "").is_file()
    return there and any(each.credentials.needs_vault for each in config.connections.values())


async def _parts(config: Config, stack: AsyncExitStack) -> dict[str, Part]:
    database = Database(config.database, pool_size=2, signer=signing(config))
    stack.push_async_callback(database.close)
    if not await is_current(database):
        return {}
    clock = DatabaseClock(database, SystemClock())
    await clock.start()
    stack.push_async_callback(clock.stop)
    parts = parts_of(config, database, clock, f"once-{new_id('')[-8:]}")
    for part in parts.values():
        if part.tokens is not None:
            stack.push_async_callback(part.tokens.close)
    await read_once(database, vault_of(config), parts, clock.now())
    return parts
