"""From a checked configuration to the parts of a gateway. Nothing runs yet."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

import httpx
import msgspec

from connectors import registry
from connectors.contract.clock import Chance, Clock, SystemClock, system_chance
from connectors.contract.connector import Connector
from connectors.contract.errors import ConfigError
from connectors.contract.limits import Admission
from connectors.rest.kinds import kind_of, secrets_of
from dead_letter.evidence import Redactor
from gateway.app.backtesting import Backtester
from gateway.app.checkpointing import Checkpointing
from gateway.app.credentials import keeper_of, parts_of, without_store
from gateway.app.housekeeping import Housekeeping
from gateway.app.leaving import offboarder_of
from gateway.app.notifying import notifiers_of
from gateway.app.planning import Planner, planner_of
from gateway.app.pushes import scim_of
from gateway.app.replaying import Replayer, replayer_of
from gateway.app.siem import sinks_of
from gateway.app.sweeping import sweepers_of
from gateway.audit.keys import signing
from gateway.audit.risk import put_in_force
from gateway.budget.budgets import Budgets
from gateway.config import Config, values
from gateway.config.secrets import STORED
from gateway.config.written import digest, document
from gateway.core.ids import new_id
from gateway.credentials.keeper import Keeper
from gateway.credentials.parts import Part
from gateway.delivery.breaker import Gate, GateSettings
from gateway.delivery.carrying import Source
from gateway.delivery.dispatcher import Dispatcher
from gateway.delivery.gatekeeper import Gatekeeper
from gateway.delivery.meter import Meter
from gateway.delivery.pauses import Pauses
from gateway.delivery.polled import Polled
from gateway.delivery.released import Released
from gateway.delivery.renewed import Renewed
from gateway.delivery.runner import Runner
from gateway.delivery.scout import Scout
from gateway.delivery.tally import Tally
from gateway.delivery.waker import Waker
from gateway.intake.hooks import Hooks
from gateway.intake.poller import Poller
from gateway.intake.pressure import Pressure
from gateway.intake.scim.shelf import DatabaseShelf
from gateway.notify.notifier import Notifier
from gateway.offboarding.executor import Offboarder
from gateway.siem.sinks import Sinks
from gateway.storage.clock import DatabaseClock
from gateway.storage.database import Database
from gateway.streams.port import Stream, StreamOptions, open_stream
from gateway.sweeps.book import Book
from gateway.sweeps.sweeper import Sweeper
from gateway.sync.backoff import Backoff
from gateway.sync.batch import Topology
from gateway.sync.decider import Decider
from gateway.sync.flow import FanOut, Flow, Member, Merge, OnDelete, Policy
from gateway.sync.stage import Stage
from gateway.sync.worker import Worker
from gateway.work.pulse import Pulse
from gateway.work.workplace import Workplace

if TYPE_CHECKING:
    from gateway.intake.scim.door import ScimDoor

LEASE_MARGIN = 4.0
"""Times the request time-out: a lease outlives the request, so a deadline ends before it does (rule 12)."""


Transports = Mapping[str, httpx.AsyncBaseTransport]


class Lasting(Protocol):
    """A part with loops that run until it is stopped."""

    @property
    def tasks(self) -> list[asyncio.Task[None]]: ...


@dataclass(slots=True)
class Gateway:
    """All parts of one worker."""

    config: Config
    clock: DatabaseClock
    name: str
    """Of this worker: unique per process, so that a restarted one never takes an old lease for its own."""
    database: Database
    stream: Stream
    connectors: Mapping[str, Connector]
    keeper: Gatekeeper
    credentials: Keeper
    topology: Topology
    decider: Decider
    dispatcher: Dispatcher
    scout: Scout
    waker: Waker
    pollers: list[Poller]
    hooks: Hooks
    scim: ScimDoor | None
    pressure: Pressure
    meter: Meter
    housekeeping: Housekeeping
    checkpointing: Checkpointing
    sweepers: list[Sweeper]
    notifiers: list[Notifier]
    sinks: Sinks
    offboarder: Offboarder
    replayer: Replayer
    planner: Planner
    backtester: Backtester
    place: Workplace
    pulse: Pulse
    pauses: Pauses
    released: Released
    tally: Tally
    budgets: Budgets
    transports: Transports
    """What stands in for the network, by connection; for tests."""

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Everything that runs until the gateway stops."""
        parts: list[Lasting] = [
            self.clock,
            self.stream,
            self.decider,
            self.dispatcher,
            self.keeper,
            self.credentials,
            self.scout,
            self.waker,
            self.housekeeping,
            self.checkpointing,
            self.pressure,
            self.meter,
            *self.pollers,
            *self.sweepers,
            *self.notifiers,
            self.sinks,
            self.offboarder,
            self.replayer,
            self.planner,
            self.backtester,
            self.pulse,
            self.pauses,
            self.released,
            self.budgets,
        ]
        return [task for part in parts for task in part.tasks]


def topology_of(config: Config, connectors: Mapping[str, Connector]) -> Topology:
    """The flows, with what the connectors declare."""
    flows = [_flow(flow, config, connectors) for flow in config.flows.values()]
    return Topology.of(flows, config.leavers.assignments)


def _flow(flow: values.Flow, config: Config, connectors: Mapping[str, Connector]) -> Flow:
    return Flow(
        name=flow.name,
        type=flow.type.type,
        members={name: _member(member, config, connectors) for name, member in flow.members.items()},
        policies={name: Policy(Merge(rule.kind), rule.order) for name, rule in flow.merge.items()},
        default=Policy(Merge.LATEST, flow.authority),
        create_in=frozenset(flow.create_in),
        create_when=flow.create_when,
        natural=flow.natural,
        on_delete=OnDelete(flow.on_delete),
        latest_only=flow.latest_only,
        sets=frozenset(name for name, field in flow.type.fields.items() if field.kind == "set"),
        max_tries=flow.max_tries,
        awaits_s=flow.awaits_s,
        fan_out=tuple(FanOut(each.plan, each.into) for each in flow.fan_out),
        begins=Stage(flow.begins),
        refers=flow.refers,
        ranks={name: tuple(field.values) for name, field in flow.type.fields.items() if field.kind == "enum"},
    )


def _member(member: values.Member, config: Config, connectors: Mapping[str, Connector]) -> Member:
    connection = config.connections[member.connection]
    spec = connectors[member.connection].specs.get(member.object)
    if spec is None:
        known = ", ".join(connectors[member.connection].specs)
        problem = (
            f"{config.file}: error[unknown-object]: {member.connection} has no object {member.object!r}; try {known}"
        )
        raise ConfigError([problem])
    settles_s = connection.settings.settles_s
    return Member(
        connection=member.connection,
        object=member.object,
        mapping=member.mapping,
        spec=spec,
        settles_s=spec.settles_s if settles_s is None else settles_s,
        label=connection.label,
        where=member.where,
        read_before_write=connection.read_always,
        skew_s=connection.clock_skew_s,
    )


def connectors_of(
    config: Config,
    clock: Clock,
    transports: Transports | None = None,
    parts: Mapping[str, Part] | None = None,
    database: Database | None = None,
    budgets: Mapping[str, Admission] | None = None,
) -> dict[str, Connector]:
    """A connector per connection; opens nothing. Without `parts` what the database keeps for signing in is missing,
    without `database` what was pushed; without `budgets` nothing holds its requests up.
    """
    given, known, admitting = transports or {}, parts or {}, budgets or {}
    made: dict[str, Connector] = {}
    for name, each in config.connections.items():
        settings = known[name].live if name in known else without_store(each, clock)
        settings = msgspec.structs.replace(settings, admission=admitting.get(name))
        if database is not None:
            settings = msgspec.structs.replace(settings, shelf=DatabaseShelf(database, name))
        made[name] = registry.create(settings, clock=clock, transport=given.get(name))
    return made


def compose(
    config: Config,
    *,
    clock: Clock | None = None,
    chance: Chance | None = None,
    transports: Transports | None = None,
    begin_again: Callable[[], None] | None = None,
    begun_with: str = "",
) -> Gateway:
    """Makes all parts. `transports` stand in for the network, by connection; `begin_again` has whoever runs them do it
    anew, with the files in place; `begun_with`: the digest of `config`, where its files say something else by now.
    Raises ConfigError.
    """
    put_in_force(config.high_risk)
    database = Database(config.database, signer=signing(config))
    clock, chance = DatabaseClock(database, clock or SystemClock()), chance or system_chance()
    name = f"{socket.gethostname()}-{os.getpid()}-{new_id('')[-8:]}"
    parts = parts_of(config, database, clock, name)
    budgets = Budgets(
        database,
        clock,
        name,
        {key: each.budget for key, each in config.connections.items()},
        at_once={key: each.settings.concurrency for key, each in config.connections.items()},
    )
    connectors = connectors_of(config, clock, transports, parts, database, budgets.budgets)
    # What the stream can still bring must be known as a repeat: its memory is shorter than the journal's (P7).
    kept = StreamOptions(retention_s=min(StreamOptions.retention_s, config.retention.journal_s / 2))
    name_of_stream = f"{config.name}-changes"
    stream = open_stream(config.stream, name=name_of_stream, partitions=config.partitions, clock=clock, options=kept)
    topology = topology_of(config, connectors)
    decider = Decider(database, topology, clock, redactor=redactor_of(config))
    dispatcher = Dispatcher(database, clock)
    decider.on_work, decider.starter = dispatcher.hint, dispatcher
    keeper = Gatekeeper(database, clock)
    tally = Tally()
    gates = {key: _gate(keeper, each) for key, each in config.connections.items()}
    sources = {key: Source(connectors[key], gate) for key, gate in gates.items()}
    for key, connection in config.connections.items():
        worker = _worker(name, connection, chance)
        runner = Runner(key, connectors[key], gates[key], worker, decider, clock, tally, sources)
        dispatcher.serve(runner, connection.settings.concurrency, connection.rate, budgets.budgets[key])
    pressure = Pressure(stream, database, clock, data=config.data, limits=config.limits, worker=name)
    pauses = Pauses(database, clock, gates, {key: each.maintenance for key, each in config.connections.items()})
    renewed = {key: Renewed(key, gate, database, decider) for key, gate in gates.items()}

    def another_credential(key: str) -> None:
        decider.redactor = redactor_of(config, parts)
        renewed[key].tell()
        for poller in pollers:
            if poller.name == key:
                poller.asked.set()

    credentials = keeper_of(config, database, clock, parts, connectors, another_credential, transports or {})
    pollers = [
        Poller(
            key,
            connectors[key],
            stream,
            database,
            clock,
            name,
            each.poll_every_s,
            partial(_held, pressure, pauses, key),
            Polled(gates[key]).told,
            rules=each.polling,
        )
        for key, each in config.connections.items()
        if each.poll_every_s is not None
    ]
    hooks = Hooks(connectors, stream, clock, pressure, pauses.taking_in)
    scim = scim_of(config, connectors, database, clock, hooks, pauses.taking_in)
    stirred = asyncio.Event()
    place = Workplace(
        database=database,
        config=config,
        topology=topology,
        now=clock.now,
        stir=stirred.set,
        begun_with=begun_with or (digest(document(config), settings=True) if config.file.is_file() else ""),
        begin_again=begin_again,
    )
    scout = Scout(database, decider, connectors, gates, clock)
    return Gateway(
        config=config,
        clock=clock,
        name=name,
        database=database,
        stream=stream,
        connectors=connectors,
        keeper=keeper,
        credentials=credentials,
        topology=topology,
        decider=decider,
        dispatcher=dispatcher,
        scout=scout,
        waker=Waker(database, decider, clock, topology.flows),
        pollers=pollers,
        hooks=hooks,
        scim=scim,
        pressure=pressure,
        meter=Meter(database, clock, gates, {key: queue.pace for key, queue in dispatcher.queues.items()}),
        checkpointing=Checkpointing(database, config.data, clock),
        housekeeping=Housekeeping(database, config.retention, clock, place),
        sweepers=sweepers_of(config, connectors, gates, decider, stream, Book(database, clock, name)),
        notifiers=notifiers_of(config, database, clock, chance, name),
        sinks=sinks_of(config, database, clock, chance, name),
        offboarder=offboarder_of(config, database, clock, name, decider, connectors, gates),
        replayer=replayer_of(place, clock, name),
        planner=planner_of(place, name, stirred),
        backtester=Backtester(place, name),
        place=place,
        pulse=Pulse(database, clock),
        pauses=pauses,
        released=Released(database, decider),
        tally=tally,
        budgets=budgets,
        transports=transports or {},
    )


def redactor_of(config: Config, parts: Mapping[str, Part] | None = None) -> Redactor:
    """Knows every secret of the configuration and those in use now, and the personal fields of its record types."""
    secrets = [
        each
        for one in config.connections.values()
        for each in secrets_of(kind_of(one.name, one.settings.auth))
        if not each.startswith(STORED)
    ]
    secrets += [each for part in (parts or {}).values() for each in part.secrets()]
    secrets += [each.settings.webhook_secret for each in config.connections.values() if each.settings.webhook_secret]
    secrets += [each.secret for each in config.access.tokens.values()]
    secrets += [config.access.oidc.client_secret] if config.access.oidc and config.access.oidc.client_secret else []
    personal = {name for flow in config.flows.values() for name, rule in flow.type.fields.items() if rule.personal}
    return Redactor(secrets=secrets, personal=personal)


def _held(pressure: Pressure, pauses: Pauses, connection: str) -> str:
    """Why nothing is polled from a connection now, if so."""
    return pressure.reason() or pauses.polling(connection)


def _gate(keeper: Gatekeeper, connection: values.Connection) -> Gate:
    rules = connection.breaker
    return keeper.gate(connection.name, GateSettings(rules.failures, rules.retry_s, rules.cap_s))


def _worker(name: str, connection: values.Connection, chance: Chance) -> Worker:
    timeout_s = connection.settings.timeout_s
    backoff = Backoff(chance, base_s=connection.breaker.retry_s / 2, cap_s=connection.breaker.cap_s)
    return Worker(name, timeout_s * LEASE_MARGIN, timeout_s, backoff)
