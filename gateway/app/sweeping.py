"""Which sweeps a configuration asks for, made of the parts of one worker."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.contract.connector import Connector, ListsIds
from connectors.contract.fields import TellsFields
from gateway.config import Config, values
from gateway.delivery.breaker import Gate
from gateway.reconcile.reconciler import Reconciler
from gateway.streams.port import Stream
from gateway.sweeps.book import Book
from gateway.sweeps.expiry import Expiry
from gateway.sweeps.ids import Guard, IdSweep
from gateway.sweeps.leavers import LeaverSweep
from gateway.sweeps.readback import Readback
from gateway.sweeps.schema import SchemaSweep
from gateway.sweeps.sweeper import Kind, Sweeper
from gateway.sync.decider import Decider

EXPIRY_EVERY_S = 86400.0


def sweepers_of(
    config: Config,
    connectors: Mapping[str, Connector],
    gates: Mapping[str, Gate],
    decider: Decider,
    stream: Stream,
    book: Book,
) -> list[Sweeper]:
    """One for each connection that takes part in a flow, and one for what asks no system."""
    expiry = Expiry(decider, book.database, book.clock, EXPIRY_EVERY_S, config.retention.windows_s)
    made = [Sweeper("", [expiry], book), _reconciling(config, connectors, gates, decider, stream, book)]
    for name, connection in config.connections.items():
        objects = sorted({member.object for _, member in config.members_of(name)})
        if connection.sweeps is None or not objects:
            continue
        kinds = _kinds(name, connection.sweeps, objects, connectors[name], decider, stream, book)
        in_flight = min(1.0, connection.settings.concurrency * connection.sweeps.budget)
        made.append(Sweeper(name, kinds, book, gates[name], in_flight))
    return made


def _reconciling(
    config: Config,
    connectors: Mapping[str, Connector],
    gates: Mapping[str, Gate],
    decider: Decider,
    stream: Stream,
    book: Book,
) -> Sweeper:
    """Compares whole systems when asked to, at the pace of the connection that allows the least."""
    swept = {name: each for name, each in config.connections.items() if each.sweeps is not None}
    guards = {n: Guard(each.sweeps.most_gone, each.sweeps.most_gone_share) for n, each in swept.items() if each.sweeps}
    shares = [each.settings.concurrency * each.sweeps.budget for each in swept.values() if each.sweeps]
    kind = Reconciler(decider, connectors, gates, stream, book.clock, guards)
    return Sweeper("", [kind], book, in_flight=min([1.0, *shares]))


def _kinds(
    name: str,
    wanted: values.Sweeps,
    objects: list[str],
    connector: Connector,
    decider: Decider,
    stream: Stream,
    book: Book,
) -> list[Kind]:
    kinds: list[Kind] = []
    database, clock = book.database, book.clock
    if wanted.ids_every_s is not None and isinstance(connector, ListsIds):
        guard = Guard(wanted.most_gone, wanted.most_gone_share)
        kinds.append(IdSweep(name, objects, connector, stream, database, clock, wanted.ids_every_s, guard))
    if wanted.leavers_every_s is not None:
        every_s, for_s = wanted.leavers_every_s, wanted.leavers_for_s
        kinds.append(LeaverSweep(name, connector, decider.topology, stream, database, clock, every_s, for_s))
    readable = [each for each in objects if connector.specs[each].readable]
    if wanted.readback_share is not None and readable:
        share = wanted.readback_share
        swept = any(isinstance(each, IdSweep) for each in kinds)
        kinds.append(Readback(name, readable, connector, decider, stream, database, clock, share, ids_swept=swept))
    if wanted.schema_every_s is not None and isinstance(connector, TellsFields):
        every_s = wanted.schema_every_s
        kinds.append(SchemaSweep(name, objects, connector, decider.topology, database, clock, every_s))
    return kinds
