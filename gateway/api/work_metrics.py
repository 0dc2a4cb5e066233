"""Figures of people's work and of what protects us, for `/metrics`: from the database, the same at every worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from dead_letter.classify import Cause
from dead_letter.values import OpenCount
from gateway.work import case_tally as tally
from gateway.work.case_tally import BUCKETS, Figure

MOST_REASONS = 30
"""Labels are bounded: reasons beyond the most frequent ones are told of together."""
OTHERS = "other"
GUARDS: Mapping[str, str] = {
    Cause.CONFLICT_FLAPPING: "loop",
    Cause.SWEEP_MANY_GONE: "mass_deletion",
}
"""Cause of the case that a guard opens when it trips -> its name."""
_BOTH = ["connection", "cause"]


def counted(figures: Sequence[Figure], mapping_of: Callable[[str, str], str]) -> Iterator[Metric]:
    """Everything that the tally knows. `mapping_of`: (flow, connection) -> name of the mapping."""
    yield _plain("lockstep_cases_created", "Cases opened", figures, tally.CREATED)
    yield _plain("lockstep_cases_came_back", "Of these, those closed before", figures, tally.CAME_BACK)
    yield _plain("lockstep_case_sla_breaches", "Due times that passed with the case open", figures, tally.BREACHED)
    yield _plain("lockstep_case_reassignments", "Cases handed to somebody else", figures, tally.REASSIGNED)
    yield _plain("lockstep_case_escalations", "Cases escalated, by people or by time", figures, tally.ESCALATED)
    decided = _summed(figures, tally.DECIDED, lambda each: (each.connection, each.detail))
    yield _counter("lockstep_case_decisions", "Decisions by people", ["connection", "action"], decided)
    ended = _summed(
        figures, tally.CLOSED, lambda each: (each.connection, each.cause, *each.detail.rpartition(" ")[::2])
    )
    yield _counter("lockstep_cases_closed", "Cases ended, and by whom", [*_BOTH, "ending", "by"], ended)
    yield _resolution(figures)
    yield _obsolete(figures)
    yield _unmapped(figures, mapping_of)
    trips = _summed(
        [each for each in figures if each.cause in GUARDS],
        tally.CREATED,
        lambda each: (each.connection, GUARDS[each.cause]),
    )
    yield _counter("lockstep_guard_trips", "Times that a guard stopped something", ["connection", "guard"], trips)


def present(open_now: Iterable[OpenCount], now: float) -> Iterator[Metric]:
    """Of the cases that are open."""
    oldest = GaugeMetricFamily("lockstep_case_oldest_age_seconds", "Age of the oldest open case", labels=_BOTH)
    found: dict[tuple[str, str], float] = {}
    for each in open_now:
        key = (each.connection, each.cause)
        found[key] = max(found.get(key, 0.0), now - each.oldest)
    for labels, age in sorted(found.items()):
        oldest.add_metric(list(labels), age)
    yield oldest


def expiring(nearest: Mapping[str, float]) -> Metric:
    """`nearest`: kind of token -> when the first of those in force ends."""
    told = "When the first API token in force ends, by where it stands"
    family = GaugeMetricFamily("lockstep_token_expiry_timestamp_seconds", told, labels=["kind"])
    for kind, at in sorted(nearest.items()):
        family.add_metric([kind], at)
    return family


def budgets(used: Mapping[str, float]) -> Metric:
    """Of this worker."""
    family = GaugeMetricFamily(
        "lockstep_budget_used_ratio", "Share of a connection's budget that is used up now", labels=["connection"]
    )
    for connection, share in sorted(used.items()):
        family.add_metric([connection], share)
    return family


def _plain(name: str, text: str, figures: Sequence[Figure], kind: str) -> Metric:
    return _counter(name, text, _BOTH, _summed(figures, kind, lambda each: (each.connection, each.cause)))


def _summed(
    figures: Iterable[Figure], kind: str, labels: Callable[[Figure], tuple[str, ...]]
) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    for each in figures:
        if each.name == kind:
            found[labels(each)] = found.get(labels(each), 0) + each.count
    return found


def _counter(name: str, text: str, labels: list[str], found: Mapping[tuple[str, ...], int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, count in sorted(found.items()):
        family.add_metric(list(values), count)
    return family


def _resolution(figures: Sequence[Figure]) -> Metric:
    family = HistogramMetricFamily(
        "lockstep_case_resolution_seconds", "From a case's first sight to its end", labels=_BOTH
    )
    found: dict[tuple[str, str], tuple[list[int], float]] = {}
    for each in figures:
        if each.name == tally.RESOLVED:
            counts, total = found.setdefault((each.connection, each.cause), ([0] * (len(BUCKETS) + 1), 0.0))
            counts[int(each.detail)] += each.count
            found[each.connection, each.cause] = (counts, total + each.seconds)
    for labels, (counts, total) in sorted(found.items()):
        below = [sum(counts[: place + 1]) for place in range(len(counts))]
        told = [(bound, float(count)) for bound, count in zip((*map(str, BUCKETS), "+Inf"), below, strict=True)]
        family.add_metric(list(labels), told, total)
    return family


def _obsolete(figures: Sequence[Figure]) -> Metric:
    found = _summed(figures, tally.OBSOLETE, lambda each: (each.detail,))
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    told = dict(ranked[:MOST_REASONS])
    if rest := sum(times for _, times in ranked[MOST_REASONS:]):
        told[OTHERS,] = told.get((OTHERS,), 0) + rest
    return _counter("lockstep_cases_obsolete", "Cases that a newer change made moot", ["reason"], told)


def _unmapped(figures: Sequence[Figure], mapping_of: Callable[[str, str], str]) -> Metric:
    def labels(each: Figure) -> tuple[str, ...]:
        flow, _, field = each.detail.partition(" ")
        return mapping_of(flow, each.connection), field

    found = _summed(figures, tally.UNMAPPED, labels)
    return _counter("lockstep_unmapped_values", "Cases of a value that a mapping lacks", ["mapping", "field"], found)
