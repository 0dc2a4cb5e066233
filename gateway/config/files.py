"""Connectors that are files: `connector: ./desk.yaml`, or a name for a file of the folder `connectors/` beside the
configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors import registry
from connectors.contract.errors import ConfigError
from connectors.contract.written.problems import Problem

if TYPE_CHECKING:
    from connectors.declared.model.file import ConnectorFile

FOLDER = "connectors"


def names(config: Path) -> list[str]:
    """Names of the files in the folder beside the configuration, without what stands beside them, such as
    `desk.quality.yaml`. A built-in name cannot be taken over.
    """
    found = {file.stem for file in (config.parent / FOLDER).glob("*.yaml") if "." not in file.stem}
    return sorted(found - set(registry.names()))


def named(config: Path, data: Any) -> Any:
    """The document with the absolute path of the file wherever a connection's connector is one."""
    connections = data.get("connections") if isinstance(data, dict) else None
    if not isinstance(connections, dict):
        return data
    known = names(config)
    return {**data, "connections": {name: _resolved(config, known, each) for name, each in connections.items()}}


def _resolved(config: Path, known: list[str], connection: Any) -> Any:
    said = connection.get("connector") if isinstance(connection, dict) else None
    if not isinstance(said, str):
        return connection
    if registry.is_file(said):
        return {**connection, "connector": str((config.parent / said).resolve())}
    if said in known:
        return {**connection, "connector": str((config.parent / FOLDER / f"{said}.yaml").resolve())}
    return connection


def problems(connector: str) -> list[Problem]:
    """Everything that is wrong with a connector file, at its places there."""
    from connectors.declared.loader import read

    return read(Path(connector)).problems


def budget(connector: str) -> tuple[list[tuple[int, float]], int | None]:
    """What the connector's file says that the vendor allows: requests and seconds of each window, and requests in
    flight. Empty, None: it does not say.
    """
    file = _file(connector)
    if file is None:
        return [], None
    return [(window.requests, window.per) for window in file.budget.windows], file.budget.concurrent


def with_ways(connector: str, connection: str, auth: Mapping[str, Any]) -> dict[str, Any]:
    """What a connection signs in with, and what the connector's file says of it. Unchanged where the file has no such
    kind, or cannot be read: that is told elsewhere.
    """
    file = _file(connector)
    if file is None:
        return dict(auth)
    from connectors.declared.settings import merge

    try:
        return merge(file, connection, auth)
    except ConfigError:
        return dict(auth)


def _file(connector: str) -> ConnectorFile | None:
    """The file behind a name or path; None where there is none, or none that can be used: that is told elsewhere."""
    path = registry.path_of(connector)
    if not registry.is_file(path):
        return None
    from connectors.declared.loader import read

    return read(Path(path)).file
