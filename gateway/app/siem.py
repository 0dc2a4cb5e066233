"""The feeds to SIEM receivers of this worker, made of the configuration."""

from __future__ import annotations

from connectors.contract.clock import Chance, Clock
from gateway.access.outbound import Guard
from gateway.audit.keys import signing
from gateway.config import Config
from gateway.core.release import release
from gateway.siem.forms.sender import Sender
from gateway.siem.place import Place
from gateway.siem.sinks import Sinks
from gateway.storage.database import Database


def sinks_of(config: Config, database: Database, clock: Clock, chance: Chance, worker: str) -> Sinks:
    """Those of the configuration; without any it sees only that none is left over."""
    personal = {name for flow in config.flows.values() for name, rule in flow.type.fields.items() if rule.personal}
    return Sinks(
        Place(
            database=database,
            clock=clock,
            chance=chance,
            worker=worker,
            siem=config.siem,
            sender=Sender(host=config.siem.host, version=release()),
            signer=signing(config),
            guard=Guard(config.access.internal),
            personal=frozenset(personal),
        )
    )
