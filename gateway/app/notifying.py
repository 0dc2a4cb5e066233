"""Whether and how this worker tells people, made of its parts and the configuration."""

from __future__ import annotations

from connectors.contract.clock import Chance, Clock
from gateway.access.outbound import Guard, Outbound
from gateway.config import Config
from gateway.notify.courier import Courier
from gateway.notify.notifier import Notifier
from gateway.notify.sending import sender_of
from gateway.notify.watcher import Watcher
from gateway.storage.database import Database


def notifiers_of(config: Config, database: Database, clock: Clock, chance: Chance, worker: str) -> list[Notifier]:
    """One, or none where the configuration has no rules."""
    wanted = config.notifications
    if not wanted.rules:
        return []
    outbound = Outbound(Guard(config.access.internal))
    senders = {name: sender_of(channel, outbound, clock) for name, channel in wanted.channels.items()}
    watcher = Watcher(database, clock, worker, wanted)
    return [Notifier(watcher, Courier(database, clock, chance, worker, wanted, senders))]
