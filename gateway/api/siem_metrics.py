"""Figures of the feeds to SIEM receivers for `/metrics`, from the database: the same at every worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from gateway.siem.store import State
from gateway.work.siem import SinkView

_FIGURES: tuple[tuple[str, str, Callable[[SinkView], float]], ...] = (
    ("lockstep_siem_up", "1 while the receiver takes events", lambda each: each.state == State.WORKING),
    ("lockstep_siem_waiting_events", "Events of the feed that the receiver lacks", lambda each: each.waiting),
    ("lockstep_siem_waiting_bytes", "Their size", lambda each: each.octets),
    ("lockstep_siem_spool_share", "Share of the spool that they take", lambda each: each.octets / each.spool),
    ("lockstep_siem_lag_seconds", "Age of the oldest event that the receiver lacks; 0: none", lambda each: each.lag_s),
    (
        "lockstep_siem_behind_entries",
        "Entries of the trail for the feed that have no place in it yet",
        lambda each: each.behind,
    ),
    ("lockstep_siem_spool_full", "1 while the spool takes no more", lambda each: each.full_at is not None),
)


def present(sinks: Sequence[SinkView]) -> Iterator[Metric]:
    """By sink."""
    for name, text, value in _FIGURES:
        family = GaugeMetricFamily(name, text, labels=["sink"])
        for each in sinks:
            family.add_metric([each.sink], float(value(each)))
        yield family
    sent = CounterMetricFamily(
        "lockstep_siem_events_sent", "Events that the receiver is known to have", labels=["sink"]
    )
    refused = CounterMetricFamily("lockstep_siem_refusals", "How often the receiver said no", labels=["sink"])
    for each in sinks:
        sent.add_metric([each.sink], each.sent)
        refused.add_metric([each.sink], each.refused)
    yield sent
    yield refused
