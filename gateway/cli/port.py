"""What people ask of a gateway from the command line: one port, the verbs of `gateway.work` by their own names.

Here the verbs themselves answer (`local`), elsewhere the API does (`remote_*`); both give the same values and raise
errors of the same codes. A test compares every signature with the verb's own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from gateway.cli.port_leavers import LeaverActs, LeaverGuard, LeaverPlans, LeaverProof, Leavers, LeaverTelling

if TYPE_CHECKING:
    from dead_letter.values import Case, CaseFilter, CaseGroup, CasePage
    from gateway.access.rights import Role
    from gateway.access.tokens import Token
    from gateway.keeping.holds import Hold
    from gateway.work.applying import ConfigVersion
    from gateway.work.audit_chain import ChainView
    from gateway.work.audit_trail import TrailEnd
    from gateway.work.case_metrics import Metrics
    from gateway.work.case_views import Approval, AttachmentView, CaseView, Correction, Done, ManyDone, MergedGroups
    from gateway.work.connections import ConnectionView
    from gateway.work.flow_preview import FlowPreview
    from gateway.work.flows import FlowMove, FlowView
    from gateway.work.keeping import ArchivedWhole, ArchivePage, ArchiveState, Erased, Target
    from gateway.work.mapping_views import MappingView
    from gateway.work.notifications import Again, ChannelView, DeliveryView
    from gateway.work.now import Summary
    from gateway.work.pages_audit import AuditFilter, AuditPage, Entry
    from gateway.work.records import Timeline, Why
    from gateway.work.registering import Handed, Placed, Plan, Standing
    from gateway.work.reports import Listed, Report
    from gateway.work.siem import Resend, SinkView
    from gateway.work.tokens import Made
    from replay.making import Heard
    from replay.values import Limits, Wish

Facts = dict[str, Any]


class Now(Protocol):
    """`gateway.work.now`."""

    async def summary(self, *, at: float | None = None) -> Summary: ...


class Cases(Protocol):
    """`gateway.work.cases`."""

    async def list_cases(self, wanted: CaseFilter = ..., *, cursor: str | None = None) -> CasePage: ...

    async def group_cases(self, wanted: CaseFilter = ..., *, by: str = "cause") -> list[CaseGroup]: ...

    async def get_case(self, number: str) -> CaseView: ...

    async def act(
        self,
        number: str,
        action: str,
        body: Mapping[str, Any] | None = None,
        *,
        expected_version: int | None = None,
        expected_work: int | None = None,
        alone: bool = True,
    ) -> Done: ...

    async def act_on_many(
        self, numbers: Sequence[tuple[str, int | None]], action: str, body: Mapping[str, Any] | None = None
    ) -> list[ManyDone]: ...

    async def list_approvals(self, *, state: str = "pending") -> list[Approval]: ...

    async def approve(self, approval: str, *, note: str = "") -> Done: ...

    async def reject(self, approval: str, *, note: str) -> Done: ...

    async def withdraw(self, approval: str, *, note: str = "") -> Done: ...

    async def split_group(self, numbers: Sequence[str], *, title: str, reason: str, part: str = "") -> str: ...

    async def merge_groups(self, groups: Sequence[str], *, into: str, title: str = "", reason: str) -> MergedGroups: ...

    async def read_attachment(self, number: str, attachment: str) -> tuple[AttachmentView, bytes]: ...

    def export_cases(self, wanted: CaseFilter = ...) -> AsyncGenerator[Case, None]: ...


class Typed(Protocol):
    """`gateway.work.typed_values`."""

    async def preview_correction(self, number: str, field: str, text: str) -> Correction: ...

    async def preview_resolution(self, number: str, *, keep: str = "", text: str | None = None) -> Facts: ...


class Figures(Protocol):
    """`gateway.work.case_metrics`."""

    async def metrics(self, *, since: float) -> Metrics: ...


class Looks(Protocol):
    """`gateway.work.looks`: what the systems show at this moment."""

    async def look_at_case(self, number: str) -> Facts: ...

    async def look_at_record(self, system: str, object: str, key: str) -> Facts | None: ...


class Records(Protocol):
    """`gateway.work.records`."""

    async def show(self, system: str, object: str, key: str) -> Facts | None: ...

    async def why(self, system: str, object: str, key: str) -> Why | None: ...

    async def timeline(self, system: str, object: str, key: str, *, limit: int) -> Timeline | None: ...


class Replays(Protocol):
    """`gateway.work.replays`."""

    async def select(self, wish: Wish) -> Facts: ...

    async def leftovers(self, run_id: str) -> Facts:
        """`gateway.work.replay_planning.leftovers`."""
        ...

    async def plan_within(self, selection: str, count: int, asked: Mapping[str, Any], *, heard: Heard = ...) -> Facts:
        """`plan` with the configuration's limits, but for those asked for by name."""
        ...

    async def plan_again(self, plan_id: str, *, drop: Sequence[str] = (), heard: Heard = ...) -> Facts: ...

    async def show(self, plan_id: str) -> Facts | None: ...

    async def items(
        self, plan_id: str, *, action: str = "", alike: str = "", after: int = 0, limit: int = 50
    ) -> Facts | None: ...

    async def diff(self, plan_id: str) -> Facts | None: ...

    async def approve(self, plan_id: str, digest: str, *, reason: str = "") -> Facts: ...

    async def run(self, plan_id: str, digest: str, *, limits: Limits | None = None, reason: str = "") -> Facts: ...

    async def run_show(self, run_id: str) -> Facts | None: ...

    async def run_items(self, run_id: str, *, outcome: str = "", after: int = 0, limit: int = 50) -> Facts | None: ...

    async def pause(self, run_id: str, *, reason: str = "") -> Facts: ...

    async def resume(self, run_id: str, *, reason: str = "") -> Facts: ...

    async def stop(self, run_id: str, *, reason: str = "") -> Facts: ...

    async def plans(self, *, after: str = "", limit: int = 50) -> Facts: ...

    async def runs(self, *, after: str = "", limit: int = 50, open: bool = False) -> Facts: ...


class Connections(Protocol):
    """`gateway.work.connections`."""

    async def list_connections(self) -> list[ConnectionView]: ...

    async def get_connection(self, name: str) -> ConnectionView | None: ...


class Pausing(Protocol):
    """`gateway.work.pausing`."""

    async def pause(self, name: str, directions: Sequence[str], *, until: float, reason: str) -> bool: ...

    async def resume(self, name: str, directions: Sequence[str], *, reason: str) -> bool: ...


class Switching(Protocol):
    """`gateway.work.switching`."""

    async def disable(self, name: str, *, reason: str) -> bool: ...

    async def enable(self, name: str, *, reason: str) -> bool: ...


class Flows(Protocol):
    """`gateway.work.flows`."""

    async def list_flows(self) -> list[FlowView]: ...

    async def get_flow(self, name: str) -> FlowView | None: ...

    async def flow_moves(self, name: str) -> list[FlowMove] | None: ...

    async def move_flow(self, name: str, stage: str, *, expected: int, reason: str = "") -> FlowView | None: ...


class FlowPreviews(Protocol):
    """`gateway.work.flow_preview`."""

    async def preview_flow(self, name: str, *, connection: str = "", samples: int = ...) -> FlowPreview | None: ...


class Configuring(Protocol):
    """`gateway.work.registering`."""

    async def plan_files(self, handed: Handed) -> Plan: ...

    async def apply_files(self, handed: Handed, *, expected: str, reason: str = "") -> Placed: ...

    async def config_versions(self, *, limit: int = 50) -> list[ConfigVersion]:
        """`gateway.work.applying.config_versions`."""
        ...

    async def configuration(self) -> Standing: ...

    async def take_up(self) -> Standing: ...


class Mappings(Protocol):
    """`gateway.work.mapping_views`."""

    async def list_mappings(self) -> list[MappingView]: ...


class Audit(Protocol):
    """`gateway.work.audit_trail`."""

    async def read_trail(
        self, wanted: AuditFilter, *, below: str = "", limit: int = 50, goes_on: bool = False
    ) -> AuditPage: ...

    async def show_entry(self, which: str) -> list[Entry] | None: ...

    async def follow_trail(
        self, wanted: AuditFilter, *, after: int, limit: int = 200, goes_on: bool = False
    ) -> list[Entry]: ...

    def export_trail(self, wanted: AuditFilter) -> AsyncGenerator[Entry | TrailEnd, None]: ...

    async def chain_state(self) -> ChainView: ...


class Reports(Protocol):
    """`gateway.work.reports`."""

    async def list_reports(self) -> list[Listed]: ...

    async def read_report(self, name: str, *, since: float, until: float | None = None) -> Report: ...


class Keeping(Protocol):
    """`gateway.work.keeping`."""

    async def list_holds(self, *, released: bool = False) -> list[Hold]: ...

    async def add_hold(self, kind: Target, target: str = "", *, reason: str, ends: float | None = None) -> Hold: ...

    async def release_hold(self, number: str, *, reason: str) -> Hold: ...

    async def search_archive(
        self,
        *,
        text: str = "",
        kind: str = "",
        since: float | None = None,
        until: float | None = None,
        below: int = 0,
        limit: int = 50,
    ) -> ArchivePage: ...

    async def read_archived(self, seq: int) -> ArchivedWhole: ...

    async def verify_archive(self, *, most: int = 100) -> ArchiveState: ...

    async def erase_record(self, target: str, *, reason: str) -> Erased: ...


class Notifications(Protocol):
    """`gateway.work.notifications`."""

    async def list_channels(self) -> list[ChannelView]: ...

    async def list_deliveries(
        self, *, channel: str = "", event_id: str = "", state: str = "", limit: int = 50
    ) -> list[DeliveryView]: ...

    async def try_channel(self, channel: str) -> str: ...

    async def replay_deliveries(
        self,
        channel: str,
        *,
        events: Sequence[str] = (),
        since: float | None = None,
        until: float | None = None,
        delivered: bool = False,
        plan: bool = False,
    ) -> Again: ...


class Siem(Protocol):
    """`gateway.work.siem`."""

    async def list_sinks(self) -> list[SinkView]: ...

    async def try_sink(self, sink: str) -> int: ...

    async def resend(self, sink: str, first: int, *, plan: bool = False) -> Resend: ...


class Tokens(Protocol):
    """`gateway.work.tokens`."""

    async def create_token(
        self,
        name: str,
        *,
        roles: Iterable[Role],
        connections: Iterable[str] | None = None,
        types: Iterable[str] | None = None,
        lasts_s: float = ...,
    ) -> Made: ...

    async def list_tokens(self, *, everybodys: bool = False) -> Sequence[Token]: ...

    async def revoke_token(self, id: str) -> Token: ...


class Gateway(Protocol):
    """A gateway, here or elsewhere, as one person may use it."""

    now: Now
    cases: Cases
    typed: Typed
    figures: Figures
    looks: Looks
    records: Records
    replays: Replays
    connections: Connections
    pausing: Pausing
    switching: Switching
    leaver_guard: LeaverGuard
    flows: Flows
    reports: Reports
    keeping: Keeping
    flow_previews: FlowPreviews
    configuring: Configuring
    leavers: Leavers
    leaver_acts: LeaverActs
    leaver_telling: LeaverTelling
    leaver_plans: LeaverPlans
    leaver_proof: LeaverProof
    mappings: Mappings
    audit: Audit
    notifications: Notifications
    siem: Siem
    tokens: Tokens

    async def me(self) -> Facts:
        """Who acts there: id, name, roles, rights, connections, types, gateway (its name), at."""
        ...

    async def answers(self) -> bool:
        """Whether a gateway runs that carries out what is decided."""
        ...

    async def carried_out(self) -> str:
        """Who carries out what is decided, in words."""
        ...
