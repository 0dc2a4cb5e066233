"""From the name in the configuration to a connector. Nothing is imported before it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings, Connector
from connectors.contract.errors import ConfigError

if TYPE_CHECKING:
    import httpx

ENTRY_POINTS = "lockstep.connectors"
"""Group under which other distributions announce connectors, each as `name = "package.module:factory"`."""
BUILT_IN: Mapping[str, str] = {
    "bamboohr": str(Path(__file__).parent / "bamboohr" / "connector.yaml"),
    "github": str(Path(__file__).parent / "github" / "connector.yaml"),
    "gitlab": str(Path(__file__).parent / "gitlab" / "connector.yaml"),
    "hubspot": str(Path(__file__).parent / "hubspot" / "connector.yaml"),
    "jenkins": str(Path(__file__).parent / "jenkins" / "connector.yaml"),
    "jira": "connectors.jira.connector:create",
    "salesforce": str(Path(__file__).parent / "salesforce" / "connector.yaml"),
    "scim": "connectors.scim.connector:create",
    "scim_push": "connectors.scim_push.connector:create",
    "servicenow": "connectors.servicenow.connector:create",
}


class Factory(Protocol):
    """What a connector module offers."""

    def __call__(
        self, settings: ConnectionSettings, *, clock: Clock, transport: httpx.AsyncBaseTransport | None = None
    ) -> Connector: ...


def create(
    settings: ConnectionSettings, *, clock: Clock, transport: httpx.AsyncBaseTransport | None = None
) -> Connector:
    """The connector of a connection; opens nothing. Raises ConfigError for an unknown one or unusable settings."""
    return factory(settings.connector, settings.name)(settings, clock=clock, transport=transport)


def names() -> list[str]:
    """What `connector:` may say, installed third parties included."""
    return sorted({*BUILT_IN, *(each.name for each in entry_points(group=ENTRY_POINTS))})


def factory(connector: str, connection: str) -> Factory:
    """Finds a factory by name, dotted path `package.module:factory`, or the path of a connector file; built-in names
    cannot be taken over.
    """
    path = path_of(connector)
    if is_file(path):
        return _declared(path)
    if not path:
        raise _unknown(connector, connection)
    return _loaded(path, connection)


def path_of(connector: str) -> str:
    """The dotted path, or the file, behind a name; "" for one that nobody has announced. Imports nothing."""
    if connector in BUILT_IN or ":" in connector or is_file(connector):
        return BUILT_IN.get(connector, connector)
    return next((each.value for each in entry_points(group=ENTRY_POINTS, name=connector)), "")


def is_file(connector: str) -> bool:
    """Whether `connector:` means a file, not a name."""
    return connector.endswith((".yaml", ".yml"))


def _declared(path: str) -> Factory:
    from connectors.declared import loader

    return loader.factory(Path(path))


def _loaded(path: str, connection: str) -> Factory:
    module, _, name = path.partition(":")
    try:
        found: Factory = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        problem = (
            f"connection {connection}: error[connector]: {path} cannot be loaded ({error}); try package.module:factory"
        )
        raise ConfigError([problem]) from error
    return found


def _unknown(connector: str, connection: str) -> ConfigError:
    known = names()
    close = get_close_matches(connector, known, 1)
    tip = f"did you mean {close[0]!r}?" if close else "try one of " + ", ".join(known)
    return ConfigError([f"connection {connection}: error[connector]: {connector!r} is no known connector; {tip}"])
