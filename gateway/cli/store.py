"""The way of a command to the configuration and the database. Nothing here knows a table."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.storage.database import Database

T = TypeVar("T")
ANSWER_S = 1.0
"""Patience with a gateway that is asked whether it is there."""
NOT_STARTED = "is not prepared for this version yet; start the gateway once: lockstep run"


def configuration(file: Path, *, judged: bool = False) -> Config:
    """The configuration. Ends the command with code 11 and all problems if it is not a good one.

    `judged`: also by the connectors. A command that speaks to none does not wait for them; the gateway was started
    with what they approved, and `lockstep check` asks them.
    """
    from gateway.config import load

    if not file.is_file():
        raise Ending(Code.CONFIG_INVALID, no_file(file))
    loaded = load(file, os.environ, judged=judged)
    return loaded if loaded.mappings_by == "files" else _as_published(loaded)


def _as_published(config: Config) -> Config:
    """With the mappings that were published last; those of the files where there is no database to ask yet."""
    from connectors.contract.errors import StorageError
    from gateway.app.published import with_published

    try:
        return ask(config, lambda database: with_published(config, database))
    except (Ending, StorageError):
        return config


def no_file(file: Path) -> str:
    """Why there is no configuration at this place, and what would be one."""
    if file.is_dir():
        return f"{file} is a directory; the configuration is a file, try {file / DEFAULT_CONFIG.name}"
    return f"{file} is not there; name the configuration with --config or LOCKSTEP_CONFIG{_elsewhere()}"


def _elsewhere() -> str:
    """For whoever has signed in somewhere, and forgot to say so."""
    from gateway.cli import logins

    there = sorted(logins.kept())
    return f", or the gateway with --url {there[0]}" if there else ""


def ask(config: Config, question: Callable[[Database], Awaitable[T]]) -> T:
    """The answer of the database that the configuration names. Ends with code 8 if there is none yet, or none of this
    version's schema; ConfigError if its schema is newer: an answer could not be believed.
    """
    return asyncio.run(_ask(config, question))


def ask_unopened(config: Config, question: Callable[[Database], Awaitable[T]]) -> T:
    """The answer to a question that looks at files only: the database may not be there, and is not made."""

    async def put() -> T:
        from gateway.storage.database import Database

        database = Database(config.database, pool_size=1)
        try:
            return await question(database)
        finally:
            await database.close()

    return asyncio.run(put())


async def _ask(config: Config, question: Callable[[Database], Awaitable[T]]) -> T:
    async with database_of(config) as database:
        return await question(database)


@asynccontextmanager
async def database_of(config: Config) -> AsyncIterator[Database]:
    """The database that the configuration names, for the account that types. What is done there says so in the audit
    trail, and is judged by the configuration's policy. Ends as `ask`.
    """
    from gateway.access.rights import local
    from gateway.audit.keys import signing
    from gateway.audit.risk import put_in_force
    from gateway.core import origin
    from gateway.storage.current import is_current
    from gateway.storage.database import Database

    _refuse_absent(config)
    database = Database(config.database, pool_size=2, signer=signing(config))
    try:
        if not await is_current(database):
            raise Ending(Code.NOT_REACHABLE, f"{_named(config)} {NOT_STARTED}")
        who = local(getpass.getuser())
        origin.enter(origin.Origin(origin.CLI, who.id, who.name))
        put_in_force(config.high_risk)
        yield database
    finally:
        await database.close()


def _refuse_absent(config: Config) -> None:
    """An embedded database that was never made is not made by looking at it."""
    from sqlalchemy.engine import make_url

    url = make_url(config.database)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise Ending(
            Code.NOT_REACHABLE, f"there is no database at {url.database} yet; start the gateway once: lockstep run"
        )


def _named(config: Config) -> str:
    from sqlalchemy.engine import make_url

    url = make_url(config.database)
    return f"the database {url.database}" if url.host is None else f"the database {url.database} at {url.host}"


def gateway_answers(config: Config) -> bool:
    """Whether a gateway answers where this configuration lets it listen. Asked for what is said to people only."""
    from http.client import HTTPConnection, HTTPException

    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)  # noqa: S104 - a caller
    connection = HTTPConnection(host, config.port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
