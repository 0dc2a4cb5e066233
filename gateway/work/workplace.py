"""What the verbs of this package work with. Made once per process by whoever knows how; handed in with every call."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.config import Config
from gateway.storage.database import Database
from gateway.sync.batch import Topology


def _nobody() -> None:
    """Nobody waits."""


class Workplace(msgspec.Struct, frozen=True, kw_only=True):
    """The store, the flows as they are configured, and the time."""

    database: Database
    config: Config
    topology: Topology
    now: Callable[[], float]
    """Epoch seconds, by the clock all workers share."""
    stir: Callable[[], None] = _nobody
    """Says that there is work for this process's workers; without it they find it a moment later."""
    begun_with: str = ""
    """Digest of the settings, connections and flows that this process works by; empty: it is no gateway that runs."""
    begin_again: Callable[[], None] | None = None
    """Has this process stop its parts and begin again with the files in place; None: only a start does."""
