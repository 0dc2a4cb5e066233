"""Which key signs here: the one of the configuration, or one that the data directory has of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from connectors.contract.errors import ConfigError
from gateway.config import Config
from gateway.core.key_files import kept, key_bytes
from gateway.core.signing import Signer
from gateway.storage.database import Database

FILE_NAME = "signing.key"
VARIABLE = "LOCKSTEP_SIGNING_KEY"
"""The key of a database that workers share, where no configuration names one."""


def signer_of(config: Config) -> Signer:
    """The installation's key: `signing.key`, or a file in the data directory, made when it is first asked for.

    Raises ConfigError for a key that is of no use.
    """
    embedded = config.database.startswith("sqlite")
    given = config.signing.key or (None if embedded else os.environ.get(VARIABLE))
    return _given(given) if given else _kept(config.data)


def former_of(config: Config) -> tuple[Signer, ...]:
    """Keys before it that are still at hand."""
    return tuple(_given(each) for each in config.signing.former)


def signing(config: Config) -> Callable[[], Signer]:
    """For `Database`: asks only when something is to be signed, so that a command which looks makes no key."""
    return partial(signer_of, config)


def signer_for(database: Database) -> Signer:
    """The key that signs in this database: its own, or, for an embedded store, the one beside its file. ConfigError."""
    if database.signer is not None:
        return database.signer()
    if database.sqlite and database.url.database:
        return _kept(Path(database.url.database).parent)
    if given := os.environ.get(VARIABLE):
        return _given(given)
    problem = "signing: error[signing-key]: a database that workers share needs a key that all of them know"
    raise ConfigError([f"{problem}; try 'signing: {{key: file:signing.key}}'"])


def _given(text: str) -> Signer:
    try:
        return Signer(key_bytes(text))
    except ValueError as error:
        raise ConfigError([f"signing: error[signing-key]: {error}"]) from error


def _kept(directory: Path) -> Signer:
    file = directory / FILE_NAME
    try:
        return Signer(kept(file))
    except (OSError, ValueError) as error:
        raise ConfigError([f"signing: error[signing-key]: {file} is no usable signing key: {error}"]) from error
