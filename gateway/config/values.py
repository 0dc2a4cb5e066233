"""The configuration as the gateway uses it: checked, filled in, mappings compiled. Printing it shows no secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from connectors.contract.connector import ConnectionSettings
from connectors.contract.written.conditions import Condition
from gateway.config.access import Access
from gateway.config.auth import CredentialRules, MasterKeys
from gateway.config.budget import BudgetRules
from gateway.config.cases import Cases
from gateway.config.high_risk import HighRisk
from gateway.config.hours import Maintenance
from gateway.config.leavers import Leavers
from gateway.config.notifications import Notifications
from gateway.config.polling import PollRules
from gateway.config.replay import Replays
from gateway.config.siem import Siem
from mappings.compiler import CompiledMapping
from mappings.model import TypeFile
from mappings.refers import Refers
from mappings.tasks import TaskPlan


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """Of one connection; see `connections.*.breaker`."""

    failures: int
    retry_s: float
    cap_s: float


@dataclass(frozen=True, slots=True)
class Sweeps:
    """Of one connection; see `connections.*.sweeps`. An interval or a share of None: that sweep is off."""

    budget: float
    ids_every_s: float | None
    most_gone: int
    most_gone_share: float
    leavers_every_s: float | None
    leavers_for_s: float
    readback_share: float | None
    schema_every_s: float | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """One configured instance of a system."""

    name: str
    label: str
    settings: ConnectionSettings = field(repr=False)
    """What the connector is made with, secrets filled in; `secret:name` stands for those of the database."""
    credentials: CredentialRules
    poll_every_s: float | None
    """None: only webhooks tell of changes."""
    has_webhook: bool
    rate: float | None
    """Requests per second that each worker may send, evenly; None: no limit of ours."""
    clock_skew_s: float
    read_always: bool
    breaker: BreakerSettings
    sweeps: Sweeps | None
    """None: this connection is not swept."""
    budget: BudgetRules = field(default_factory=BudgetRules)
    """Of all workers together."""
    polling: PollRules | None = None
    """How the pause between polls follows what happens; None with `poll_every_s`."""
    maintenance: tuple[Maintenance, ...] = ()

    @property
    def per_s(self) -> float | None:
        """Requests per second that one worker alone gets for long; None: nothing of ours limits it."""
        return min((each for each in (self.rate, self.budget.rate) if each is not None), default=None)


@dataclass(frozen=True, slots=True)
class MergePolicy:
    """Who wins when two edit at once. `order`: connections, strongest first."""

    kind: Literal["latest", "authority", "union", "append_only", "manual"]
    order: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """One connection's part in a flow."""

    connection: str
    object: str
    mapping: CompiledMapping
    mapping_file: Path
    where: Condition | None
    """Called with the canonical values of a record."""
    text: str = field(default="", repr=False)
    """Of the mapping, as it was read; with `type_text` what its digest is of."""
    type_text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class FanOut:
    """A template that makes tasks of the records of a flow; they belong to the flow `into`."""

    plan: TaskPlan
    into: str


@dataclass(frozen=True, slots=True)
class Flow:
    """One record type kept in step."""

    name: str
    type: TypeFile = field(repr=False)
    natural: str | None
    members: Mapping[str, Member]
    create_in: tuple[str, ...]
    create_when: Condition | None
    """Called with the canonical values of a record."""
    merge: Mapping[str, MergePolicy]
    """By field, for every field of the type."""
    authority: tuple[str, ...]
    latest_only: frozenset[str]
    """Fields of which only the present state is delivered."""
    on_delete: Literal["close", "case", "ignore"]
    max_tries: int
    begins: Literal["draft", "shadow", "live"] = "live"
    """Where it stands until somebody moves it."""
    approve_mappings: bool = False
    """A mapping is published only after another person approved it."""
    fan_out: tuple[FanOut, ...] = ()
    awaits_s: float = 3600.0
    """So long a record waits for one that it names, before a case says so."""
    refers: tuple[Refers, ...] = ()

    @property
    def sets(self) -> frozenset[str]:
        """Fields of kind set."""
        return frozenset(name for name, each in self.type.fields.items() if each.kind == "set")


@dataclass(frozen=True, slots=True)
class KeptApart:
    """Ages of the record types of one class, in seconds; `flows` are those of these types."""

    name: str
    flows: frozenset[str]
    cases_s: float
    lineage_s: float
    archive_s: float


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept, in seconds. `receipts_s` >= `journal_s` (P7)."""

    journal_s: float
    receipts_s: float
    cases_s: float
    audit_s: float
    windows_s: float
    archive_s: float = 7 * 365 * 86_400.0
    apart: tuple[KeptApart, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken in before changes are refused; see `limits`. Sizes in bytes."""

    body: int
    in_flight: int
    disk_reserve: int
    unhandled: int
    requests: int = 6_000
    """Of one caller, per minute and worker; 0: no limit."""


@dataclass(frozen=True, slots=True)
class Config:
    """All of `lockstep.yaml`."""

    file: Path
    name: str
    data: Path
    database: str = field(repr=False)
    stream: str = field(repr=False)
    partitions: int
    host: str
    port: int
    limits: Limits
    connections: Mapping[str, Connection]
    flows: Mapping[str, Flow]
    retention: Retention
    access: Access
    cases: Cases
    replay: Replays
    notifications: Notifications
    siem: Siem = field(default_factory=Siem)
    secrets: MasterKeys = field(default_factory=MasterKeys)
    signing: MasterKeys = field(default_factory=MasterKeys)
    leavers: Leavers = field(default_factory=Leavers)
    metrics_open: bool = False
    """Whether `/metrics` asks for no sign-in."""
    mappings_by: Literal["files", "database"] = "files"
    """Where mappings come from; see `mappings.managed_by`."""
    high_risk: HighRisk = field(default_factory=HighRisk)
    """Which actions matter to security; see `high_risk`."""

    def members_of(self, connection: str) -> tuple[tuple[Flow, Member], ...]:
        """The flows that a connection takes part in."""
        return tuple((flow, flow.members[connection]) for flow in self.flows.values() if connection in flow.members)
