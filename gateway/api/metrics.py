"""`/metrics` in Prometheus' text format: what this worker counted since its start, and what the database says now.

What comes from the database is the same at every worker; take the maximum over workers, not the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from dead_letter import store
from gateway.access.asking import principal_of
from gateway.access.rights import Principal, Right, Role
from gateway.api import replay_metrics, siem_metrics, work_metrics
from gateway.api.failures import told
from gateway.core.problems import problem
from gateway.delivery.tally import Tally
from gateway.offboarding import store as leaver_store
from gateway.sync.attempts import PEOPLE_SEE, Outcome
from gateway.work import case_tally
from gateway.work.connections import ConnectionView, list_connections
from gateway.work.replay_figures import figures
from gateway.work.siem import sinks_now
from gateway.work.tokens import nearest_expiry
from gateway.work.workplace import Workplace

_ALL = Principal(id="lockstep:metrics", name="metrics", roles=frozenset({Role.VIEWER}))
"""Figures over everything: no name of a record, person or case is among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the parts of this worker counted since its start."""

    received: Mapping[str, int]
    """Connection -> changes that were handled."""
    refused: Mapping[tuple[str, str], int]
    """(connection, reason) -> webhooks."""
    ignored: Mapping[str, int]
    tally: Tally
    replayed: Mapping[str, int]
    """Outcome -> items of replays that ended."""
    budgets: Callable[[], Mapping[str, float]]
    """Connection -> share of its budget that is used up now."""
    replays: Mapping[str, int]
    """How runs of replays ended -> how many."""
    unwoken: Callable[[], Mapping[str, int]]
    """Kind of error -> how often a record could not be looked at when it was due."""


class Metrics:
    """Answers scrapes. `open`: also those that show no token."""

    def __init__(self, place: Workplace, counted: Counted, *, release: str, open: bool) -> None:
        self.place, self.counted, self.release, self.open = place, counted, release, open

    async def scrape(self, request: web.Request) -> web.Response:
        """All figures; a problem if the caller may not see them, or the database is away."""
        try:
            if not self.open:
                who = principal_of(request)
                who.require(Right.SEE)
                if who.connections is not None or who.types is not None:
                    return problem(403, "not-allowed", "figures are over everything; your token is narrowed to a part")
            text = generate_latest(_Found(await self._families()))
        except Exception as error:  # noqa: BLE001 - whatever it is, the scraper gets a problem document
            return told(error, None, "")
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"})

    async def _families(self) -> list[Metric]:
        connections = await list_connections(self.place, _ALL)
        async with self.place.database.read() as tx:
            cases = await store.open_counts(tx)
            worked = await case_tally.figures(tx)
            expiring = await nearest_expiry(tx, self.place)
            replays = await figures(tx, self.place.now())
            sinks = await sinks_now(tx, self.place)
            leavers = await leaver_store.tally(tx, self.place.now())
        work = [*work_metrics.counted(worked, self._mapping), *work_metrics.present(cases, self.place.now())]
        work.append(work_metrics.expiring(expiring))
        told = [*self._ours(), *_state(connections, self.place.now()), _cases(cases), *_leavers(leavers)]
        return [*told, *work, *replay_metrics.present(replays), *siem_metrics.present(sinks)]

    def _mapping(self, flow: str, connection: str) -> str:
        """The mapping's name; of a flow that is not configured any more the flow's."""
        known = self.place.config.flows.get(flow)
        member = known.members.get(connection) if known else None
        return member.mapping.name if member else flow

    def _ours(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("lockstep_build_info", "The release that runs", labels=["version"])
        build.add_metric([self.release], 1)
        yield build
        counted = self.counted
        received = CounterMetricFamily(
            "lockstep_changes_received", "Changes handled, repeats included", labels=["connection", "direction"]
        )
        for connection, count in sorted(counted.received.items()):
            received.add_metric([connection, "in"], count)
        yield received
        refused = CounterMetricFamily(
            "lockstep_webhook_refused", "Webhooks that were not accepted", labels=["connection", "reason"]
        )
        for (connection, reason), count in sorted(counted.refused.items()):
            refused.add_metric([connection, reason], count)
        yield refused
        unwoken = CounterMetricFamily(
            "lockstep_wakes_failed", "Records that could not be looked at when they were due", labels=["error"]
        )
        for error, count in sorted(counted.unwoken().items()):
            unwoken.add_metric([error], count)
        yield unwoken
        yield from _attempts(counted.tally)
        yield work_metrics.budgets(counted.budgets())
        yield from replay_metrics.counted(counted.replayed, counted.replays)


def _attempts(tally: Tally) -> Iterator[Metric]:
    operations = CounterMetricFamily(
        "lockstep_operations", "Writes that were answered or given up", labels=["connection", "action", "outcome"]
    )
    by_word: dict[tuple[str, str, str], int] = {}
    for (connection, kind, outcome), count in tally.ended.items():
        word = (connection, str(kind), PEOPLE_SEE[Outcome(outcome)])
        by_word[word] = by_word.get(word, 0) + count
    for labels, count in sorted(by_word.items()):
        operations.add_metric(list(labels), count)
    yield operations
    took = HistogramMetricFamily(
        "lockstep_attempt_duration_seconds", "From the start of a write to its answer", labels=["connection"]
    )
    for connection, durations in sorted(tally.took.items()):
        took.add_metric([connection], durations.cumulative(), durations.sum_s)
    yield took


def _state(connections: list[ConnectionView], now: float) -> Iterator[Metric]:
    figures: tuple[tuple[str, str, Any], ...] = (
        ("lockstep_unknown_outcomes", "Writes whose outcome is being proved", lambda each: each.unknown),
        ("lockstep_lanes_working", "Records with something to write", lambda each: each.working),
        ("lockstep_lanes_parked", "Records that wait for a decision", lambda each: each.parked),
        ("lockstep_queue_writes", "Writes that wait", lambda each: each.queue.writes),
        ("lockstep_gate_closed", "1: work passes; 0: the connection is held off", lambda each: each.state == "closed"),
    )
    for name, text, value in figures:
        family = GaugeMetricFamily(name, text, labels=["connection"])
        for each in connections:
            family.add_metric([each.name], float(value(each)))
        yield family
    ends = GaugeMetricFamily(
        "lockstep_credential_ends_seconds",
        "Until somebody must have replaced what it signs in with; below 0: it has ended",
        labels=["connection"],
    )
    for each in connections:
        if each.credential is not None and each.credential.ends_at is not None:
            ends.add_metric([each.name], each.credential.ends_at - now)
    yield ends
    oldest = GaugeMetricFamily(
        "lockstep_oldest_unfinished_age_seconds",
        "Age of the oldest change not written to it (out), or not decided that came from it (in); 0: none",
        labels=["connection", "direction"],
    )
    for each in connections:
        oldest.add_metric([each.name, "out"], each.oldest_s)
        oldest.add_metric([each.name, "in"], each.in_s)
    yield oldest


def _cases(counts: Any) -> Metric:
    family = GaugeMetricFamily("lockstep_cases_open", "Cases that are not closed", labels=["cause"])
    by_cause: dict[str, int] = {}
    for each in counts:
        by_cause[each.cause] = by_cause.get(each.cause, 0) + each.count
    for cause, count in sorted(by_cause.items()):
        family.add_metric([cause], count)
    return family


def _leavers(counts: Mapping[str, Any]) -> Iterator[Metric]:
    """The deadline is a moment: how long it is ahead is for whoever reads it to say."""
    for name, key, text in (
        ("lockstep_leavers_open", "open", "People who leave, move or are away, not all of it proved"),
        ("lockstep_leavers_past_due", "past_due", "Of these, with a deadline that has passed"),
        ("lockstep_leavers_past_due_privileged", "privileged", "Of these, with privileged access"),
    ):
        family = GaugeMetricFamily(name, text)
        family.add_metric([], float(counts[key] or 0))
        yield family
    if counts["next_due_at"] is not None:
        family = GaugeMetricFamily("lockstep_leavers_next_due_timestamp_seconds", "The nearest deadline ahead")
        family.add_metric([], float(counts["next_due_at"]))
        yield family


class _Found:
    """A registry of what was found just now."""

    def __init__(self, families: list[Metric]) -> None:
        self.families = families

    def collect(self) -> list[Metric]:
        """As prometheus_client's registries."""
        return self.families
