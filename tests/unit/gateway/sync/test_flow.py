"""An object of a connection belongs to one flow, for who makes flows without a file, too (ADR 0210)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.sync.batch import Topology
from tests.support.fanning import flows_of, plan_of
from tests.support.world import FakeClock, System


def test_two_flows_over_one_object_are_refused_and_not_the_last_one_taken() -> None:
    clock = FakeClock()
    jobs, chores = flows_of(System("a", clock), System("b", clock), plan_of())
    assert set(Topology.of([jobs, chores]).by_object) == {("a", "thing"), ("b", "thing")}
    with pytest.raises(ValueError, match="thing of a is in jobs and in others"):
        Topology.of([jobs, chores, replace(jobs, name="others")])
