"""A target away for a week (P3, P10): the queue is on disk, memory holds a bounded part of it, nothing is spent on the
outage, and afterwards all of it arrives in order beside what is fresh.
"""

from __future__ import annotations

import pytest

from benchmarks.outage_report import Facts, Pace, Wait, problems
from benchmarks.outage_run import Settings, play
from gateway.delivery.queue import BACKLOG, CONCLUDING, PROMPT, REFILL
from gateway.sync.cache import MOST

CHANGES = 6_000
CONCURRENCY = 16
WEEK_TRIES = 7 * 86_400 / 60
"""A gate that is tried once a minute."""


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """One outage for all tests; the store is real, and larger than what memory may hold of it."""
    import asyncio

    return asyncio.run(play(Settings(changes=CHANGES, look_s=0.2), tmp_path_factory.mktemp("outage")))


@pytest.mark.slow
def test_nothing_is_lost_doubled_or_out_of_order_and_nothing_is_spent(facts: Facts) -> None:
    assert problems(facts) == []
    assert sum(facts.kinds.values()) == CHANGES
    assert 0 < facts.calls_while_down <= 2 * WEEK_TRIES, "a system that is away was asked too often"


@pytest.mark.slow
def test_only_what_may_be_coalesced_is(facts: Facts) -> None:
    """Every turn and every comment is a write; of the notes only the last of a record, often with one of its turns."""
    kept = facts.kinds["turn"] + facts.kinds["comment"]
    assert kept <= facts.queued_writes < CHANGES
    assert facts.drain.writes <= facts.queued_writes + len(facts.fresh) + CONCURRENCY * CONCLUDING
    assert facts.drain.writes >= kept


@pytest.mark.slow
def test_memory_holds_a_bounded_part(facts: Facts) -> None:
    assert facts.queued_lanes > REFILL + PROMPT, "or the queue would not have to leave memory"
    assert facts.most["lanes in memory"] <= BACKLOG + 2 * PROMPT
    assert facts.most["lanes in work"] <= CONCURRENCY * CONCLUDING
    assert facts.most["timers"] <= BACKLOG
    assert facts.most["records in the cache"] <= MOST


@pytest.mark.slow
def test_fresh_changes_pass_the_backlog(facts: Facts) -> None:
    """Served in turn they would wait for all of it. Counted in writes, which no slow machine changes."""
    assert facts.fresh
    waited = sorted(wait.writes for wait in facts.fresh)
    assert waited[len(waited) // 2] < facts.queued_writes / 5


def test_what_breaks_a_promise_is_told() -> None:
    """The judge of these runs can say no."""
    bad = Facts(tries=2, cases=1, disorder=["4: turn 3 came after 1"], missing=["5: note is 0"])
    assert len(problems(bad)) == 4
    assert problems(Facts(drain=Pace(1, 1.0, 1.0), fresh=[Wait(1, 0.1)])) == []
