"""Figures of replays for `/metrics`: what this worker ended since its start, and what is open in the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from gateway.work.replay_figures import Figures
from replay.values import ENDED, WORKED, Outcome, PlanState


def counted(items: Mapping[str, int], runs: Mapping[str, int]) -> Iterator[Metric]:
    """Of this worker: items by outcome, and runs by how they ended. Words that are known are there from the start."""
    ended = CounterMetricFamily("lockstep_replay_items", "Items of replays that ended", labels=["outcome"])
    for outcome in Outcome:
        if outcome is not Outcome.WAITING:
            ended.add_metric([str(outcome)], items.get(str(outcome), 0))
    yield ended
    over = CounterMetricFamily("lockstep_replay_runs", "Runs of replays that ended", labels=["state"])
    for state in ENDED:
        over.add_metric([str(state)], runs.get(str(state), 0))
    yield over


def present(found: Figures) -> Iterator[Metric]:
    """What is open, the same at every worker."""
    runs = GaugeMetricFamily("lockstep_replay_runs_open", "Runs of replays that have not ended", labels=["state"])
    for state in WORKED:
        runs.add_metric([str(state)], found.runs.get(str(state), 0))
    yield runs
    left = GaugeMetricFamily("lockstep_replay_items_open", "Items of open runs that have not ended", labels=["state"])
    for where in ("waiting", "handed"):
        left.add_metric([where], found.items.get(where, 0))
    yield left
    making = GaugeMetricFamily("lockstep_replay_plans_making", "Plans that are being made, or wait for a worker")
    making.add_metric([], found.plans.get(str(PlanState.MAKING), 0))
    yield making
    oldest = GaugeMetricFamily("lockstep_replay_oldest_run_age_seconds", "Since the oldest open run began; 0: none")
    oldest.add_metric([], found.oldest_s)
    yield oldest
