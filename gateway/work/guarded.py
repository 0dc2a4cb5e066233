"""What of a new configuration only an admin may put in place: what would give somebody secrets or rights that they were
not given. Pure.

Somebody with the right to configure may bring connectors, mappings, flows and connections whose secrets are kept in the
database. A reference to the environment or to a file is another matter: a connection could send any secret of the
machine to any address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from connectors import registry
from gateway.config.secrets import STORED
from gateway.config.values import Config
from gateway.config.written import Change, Facts

_REFERENCE = re.compile(r"(?<!\$)\$\{|^file:")
_ADDRESS = ("url", "connector", "token_url", "login_url")
"""Where what a connection signs in with is sent."""
Others = Mapping[str, Mapping[str, str]]
"""Connection -> name of a secret of the database that somebody else handed in -> who."""


def only_for_admins(
    before: Facts, after: Facts, changes: Sequence[Change], config: Config, others: Others | None = None
) -> list[str]:
    """Why the right to manage is needed, in words; empty: it is not. `config`: what is in place now."""
    found = []
    for change in changes:
        if change.kind == "setting":
            found.append(f"the setting {change.name} is not a matter of connections and flows")
        elif change.kind == "connection" and change.change != "removed":
            old = before.get("connections", {}).get(change.name)
            found += _connection(change, old, after["connections"][change.name])
            found += _handed_in(change, after["connections"][change.name], (others or {}).get(change.name, {}))
        elif change.kind == "flow":
            found += _references(change)
        elif change.kind == "file" and change.change == "changed":
            named = change.name in before.get("files", {})
            found += _file(change.name, config) if named else [f"{change.name} is there, and nothing here names it"]
    return found


def _connection(change: Change, before: Any, after: Any) -> Iterator[str]:
    touched = {each.field for each in change.fields}
    addressed = {field.rpartition(".")[2] for field in touched if field in _ADDRESS or field.startswith("auth.")}
    connector = str(after.get("connector", ""))
    if "connector" in touched and ":" in connector:
        yield f"connection {change.name} names code: {connector}"
    if before is not None and before.get("auth") and (moved := [each for each in _ADDRESS if each in addressed]):
        yield f"connection {change.name} signs in with what it has, at another {' and '.join(moved)}"
    yield from _references(change)


def _handed_in(change: Change, after: Any, others: Mapping[str, str]) -> Iterator[str]:
    """A new connection of a name that has secrets already: they would go wherever it says."""
    used = {text.removeprefix(STORED) for text in _texts(after.get("auth")) if text.startswith(STORED)}
    if change.change == "added" and (known := used & others.keys()):
        name = min(known)
        yield f"connection {change.name} signs in with {STORED}{name}, which {others[name]} handed in"


def _references(change: Change) -> Iterator[str]:
    for each in change.fields:
        if text := next((one for one in _texts(each.after) if _REFERENCE.search(one)), ""):
            yield f"{change.kind} {change.name}: {each.field} is taken from this machine ({text})"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _file(name: str, config: Config) -> Iterator[str]:
    path = (config.file.parent / name).resolve()
    if path == config.high_risk.file:
        yield f"{name} says which actions are high-risk"
    for connection in config.connections.values():
        said = registry.path_of(connection.settings.connector)
        if registry.is_file(said) and Path(said) == path and connection.settings.auth:
            yield f"connection {connection.name} signs in by the connector file {name}, which is another one"
