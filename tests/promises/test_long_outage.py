"""A target away for a week (P3, P10): the queue is on disk, memory holds a bounded part of it, nothing is spent on the
outage, and afterwards all of it arrives in order beside what is fresh, when it was said to, and within the budget. What
people changed in the target meanwhile is found.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from benchmarks.outage_drain import busiest
from benchmarks.outage_report import LONG_S, MOMENTS, RIGHT, Budget, Check, Eta, Facts, Pace, Wait, problems
from benchmarks.outage_run import play
from benchmarks.outage_world import EARLIER, PER_RECORD, Settings
from gateway.delivery.queue import BACKLOG, CONCLUDING, PROMPT, REFILL
from gateway.sync.cache import MOST

CHANGES = 6_000
CONCURRENCY = 16
WEEK_TRIES = 7 * 86_400 / 60
"""A gate that is tried once a minute."""
ANSWER_S = 0.05
"""Of simulated time: how long the drain takes does not depend on the machine."""


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """One outage for all tests; the store is real, and larger than what memory may hold of it."""
    settings = Settings(changes=CHANGES, look_s=0.2, answer_s=ANSWER_S)
    return asyncio.run(play(settings, tmp_path_factory.mktemp("outage")))


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
    """Each waits for a round or two of the lines, never for a part of the backlog. Counted in writes, which no slow
    machine changes.
    """
    assert facts.fresh
    waited = sorted(wait.writes for wait in facts.fresh)
    assert waited[len(waited) * 95 // 100] <= 4 * CONCURRENCY * CONCLUDING < PROMPT + BACKLOG


@pytest.mark.slow
def test_the_end_is_told_right(facts: Facts) -> None:
    """Asked after a tenth, a quarter, a half and three quarters of the backlog."""
    assert facts.drain_s >= LONG_S
    errors = facts.eta_errors()
    assert list(errors) == list(MOMENTS)
    assert max(abs(error) for error in errors.values()) <= RIGHT, errors


@pytest.mark.slow
def test_what_people_changed_in_the_target_is_found_and_repaired(facts: Facts) -> None:
    """By the drain where it writes, by a drift check of that window elsewhere; what was edited before it is left."""
    check = facts.check
    assert check is not None
    assert check.edited > Settings(changes=CHANGES).remarks / 2
    assert (check.found, check.results, check.astray) == (check.edited, {"applied": check.edited}, [])
    assert (check.known_before, check.backlog_behind) == (0, 0)
    assert check.requests <= check.edited + EARLIER + CHANGES / PER_RECORD / 100, "only what the window holds is read"


@pytest.mark.slow
async def test_the_drain_keeps_within_the_budget(tmp_path_factory: pytest.TempPathFactory) -> None:
    facts = await play(Settings(changes=1_500, rate="200/s", look_s=0.2), tmp_path_factory.mktemp("paced"))
    assert problems(facts) == []
    assert facts.budget is not None
    assert 0 < facts.budget.most <= facts.budget.allowed


def test_the_busiest_stretch_is_found() -> None:
    assert busiest({}) == 0
    assert busiest({100: 5, 109: 5, 110: 7}) == 12


def test_what_breaks_a_promise_is_told() -> None:
    """The judge of these runs can say no."""
    bad = Facts(tries=2, cases=1, disorder=["4: turn 3 came after 1"], missing=["5: note is 0"])
    assert len(problems(bad)) == 4
    assert problems(Facts(drain=Pace(1, 1.0, 1.0), fresh=[Wait(1, 0.1)])) == []
    assert len(problems(Facts(budget=Budget(1.0, 12.0, 13)))) == 1
    assert problems(Facts(budget=Budget(1.0, 12.0, 12))) == []


def test_a_wrong_estimate_of_a_long_drain_is_told() -> None:
    right = [Eta(at, int(at), 100 - int(at), 100.0 - at) for at in (10.0, 25.0, 50.0, 75.0)]
    facts = Facts(queued_writes=100, drained_at=100.0, etas=right)
    assert problems(facts) == []
    wrong = [replace(each, done_s=each.done_s * 1.3) for each in right]
    assert len(problems(replace(facts, etas=wrong))) == len(MOMENTS)
    assert facts.eta_errors((0.5,)) == {0.5: 0.0}
    assert replace(facts, etas=wrong).eta_errors((0.5,)) == {0.5: pytest.approx(0.3)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"found": 8},
        {"results": {"applied": 8, "unchanged": 1}},
        {"astray": ["absorb dst dst00000003 remark"]},
        {"known_before": 1},
        {"backlog_behind": 1},
    ],
)
def test_a_drift_check_that_misses_something_is_told(wrong: dict[str, object]) -> None:
    good = Check(edited=9, found=9, results={"applied": 9})
    assert problems(Facts(check=good)) == []
    assert len(problems(Facts(check=replace(good, **wrong)))) == 1  # type: ignore[arg-type]
