"""The SCIM endpoint of a worker. Where nobody pushes its protocol is not loaded: that takes a second of every start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from connectors.contract.pushed import TakesPushes
from gateway.config import Config
from gateway.intake.hooks import Hooks
from gateway.storage.database import Database

if TYPE_CHECKING:
    from gateway.intake.scim.door import ScimDoor


def scim_of(
    config: Config,
    connectors: Mapping[str, Connector],
    database: Database,
    clock: Clock,
    hooks: Hooks,
    paused: Callable[[str], str],
) -> ScimDoor | None:
    """The endpoint, with the stream, the room and the counts of the webhooks; None: no connection is pushed to."""
    if not any(isinstance(each, TakesPushes) for each in connectors.values()):
        return None
    from gateway.intake.scim.door import ScimDoor

    return ScimDoor(
        connectors=connectors,
        database=database,
        stream=hooks.stream,
        clock=clock,
        pressure=hooks.pressure,
        address=config.access.url,
        paused=paused,
        refused=hooks.refused,
        accepted=hooks.accepted,
    )
