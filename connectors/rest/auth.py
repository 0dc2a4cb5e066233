"""Credentials as prepared headers, and what must never be shown."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple

from connectors.contract.errors import ConfigError


class Credentials(NamedTuple):
    """The header value to send, who we are if the kind says so, and the strings to redact."""

    authorization: str
    user: str
    secrets: tuple[str, ...]


def credentials(connection: str, auth: Mapping[str, Any]) -> Credentials:
    """Reads `{"basic": {"user", "password"}}` or `{"bearer": {"token"}}`. Raises ConfigError for anything else."""
    if set(auth) == {"basic"} and (basic := _texts(auth["basic"], ("user", "password"))):
        user, password = basic
        coded = b64encode(f"{user}:{password}".encode()).decode()
        return Credentials(f"Basic {coded}", user, (password, coded))
    if set(auth) == {"bearer"} and (bearer := _texts(auth["bearer"], ("token",))):
        return Credentials(f"Bearer {bearer[0]}", "", bearer)
    given = ", ".join(sorted(auth)) or "nothing"
    tip = "try `basic: {user, password}` or `bearer: {token}`, each filled"
    raise ConfigError([f"connection {connection}: error[auth]: auth says {given}; {tip}"])


def _texts(given: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    """The values under exactly these names, or () if one is missing, empty or not a text."""
    if not isinstance(given, Mapping) or set(given) != set(names):
        return ()
    values = tuple(given[name] for name in names)
    return values if all(isinstance(value, str) and value for value in values) else ()
