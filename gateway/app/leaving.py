"""The parts of departures, made of the parts of one worker."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from gateway.config import Config
from gateway.delivery.breaker import Gate
from gateway.offboarding.beginning import Beginning
from gateway.offboarding.deciding import Book
from gateway.offboarding.executor import Offboarder, System
from gateway.offboarding.gone import Departing
from gateway.offboarding.trigger import Trigger
from gateway.storage.database import Database
from gateway.sync.decider import Decider
from gateway.work.trail import note

SETTLES_S = 60.0
"""Where a connection says nothing: so long a request without an answer may still take effect."""


def offboarder_of(
    config: Config,
    database: Database,
    clock: Clock,
    worker: str,
    decider: Decider,
    connectors: Mapping[str, Connector],
    gates: Mapping[str, Gate],
) -> Offboarder:
    """Also has the decider look at the records that tell of departures."""
    rules, gone = config.leavers, Departing(decider, config.leavers)
    if rules.sources:
        decider.onlooker = Trigger(rules, tuple(config.connections), note)
    systems = {
        name: System(
            connectors[name],
            gates[name],
            SETTLES_S if each.settings.settles_s is None else each.settings.settles_s,
            each.settings.timeout_s,
        )
        for name, each in config.connections.items()
    }
    book = Book(database, clock, worker, rules, note, gone)
    beginning = Beginning(database, clock, rules, note, gone)
    return Offboarder(database, clock, book, beginning, systems, frozenset(rules.systems))
