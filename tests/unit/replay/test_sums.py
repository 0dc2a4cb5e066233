"""The sums of a run: they add up, its word comes from the worst, and the limits stop it when they say."""

from __future__ import annotations

import pytest

from replay.sums import Row, sums_of, tripped, word, worst
from replay.values import Limits, Outcome, Person, Run, RunState

LIMITS = Limits(rate=60.0)
ANN = Person(name="ann", human="user:ann")


def run(**changes: object) -> Run:
    base: dict[str, object] = {
        "id": "rr_2",
        "plan": "rp_2",
        "digest": "",
        "state": RunState.RUNNING,
        "limits": LIMITS,
        "step": 1,
        "count": 258,
        "at": 0.0,
        "by": ANN,
    }
    return Run(**{**base, **changes})  # type: ignore[arg-type]


def rows(*counts: tuple[int, str, str, int]) -> list[Row]:
    return [(step, state, outcome, "", count) for step, state, outcome, count in counts]


def test_outcomes_add_up_by_step_and_in_all() -> None:
    found = [
        (1, "done", "applied", "read_back", 1),
        (2, "done", "applied", "answer", 3),
        (2, "handed", "unknown", "", 1),
        (2, "waiting", "waiting", "", 1),
    ]
    whole, second = sums_of(found), sums_of(found, 2)
    assert whole.total == 6 and whole.counts == {"applied": 4, "unknown": 1, "waiting": 1}
    assert whole.applied_by == {"read_back": 1, "answer": 3}
    assert (second.total, second.ended, second.handed, second.waits) == (5, 3, 1, 1)


@pytest.mark.parametrize(
    ("count", "ramp", "steps"),
    [(258, (1, 5, 20), (1, 5, 20, 232)), (6, (1, 5, 20), (1, 5)), (4, (1, 5), (1, 3)), (3, (), (3,)), (0, (1,), ())],
)
def test_steps_of_a_ramp_hold_every_item(count: int, ramp: tuple[int, ...], steps: tuple[int, ...]) -> None:
    made = run(count=count, limits=Limits(rate=1.0, ramp=ramp))
    assert made.steps == steps and sum(made.steps) == count


@pytest.mark.parametrize(
    ("in_a_row", "counts", "stopped"),
    [
        (3, rows((4, "done", "applied", 500), (4, "waiting", "waiting", 9)), True),
        (2, rows((4, "done", "applied", 500), (4, "waiting", "waiting", 9)), False),
        (0, rows((1, "done", "failed", 1), (2, "waiting", "waiting", 9)), True),
        (0, rows((4, "done", "failed", 1), (4, "done", "applied", 18), (4, "waiting", "waiting", 9)), False),
        (0, rows((4, "done", "failed", 2), (4, "done", "applied", 18), (4, "waiting", "waiting", 9)), True),
        (0, rows((4, "done", "unknown", 9), (4, "done", "conflict", 9), (4, "waiting", "waiting", 9)), False),
    ],
)
def test_failures_stop_it(in_a_row: int, counts: list[Row], stopped: bool) -> None:
    step = counts[0][0]
    assert bool(tripped(LIMITS, in_a_row, sums_of(counts), sums_of(counts, step))) is stopped


@pytest.mark.parametrize(
    ("counts", "state", "by", "told"),
    [
        ({"applied": 3}, RunState.DONE, "", "ended well"),
        ({"applied": 3, "unchanged": 1}, RunState.DONE, "", "ended well"),
        ({"applied": 3, "failed": 1}, RunState.DONE, "", "ended with failures"),
        ({"applied": 3, "failed": 1, "unknown": 1}, RunState.DONE, "", "ended with open ends"),
        ({"applied": 3, "unknown": 1}, RunState.STOPPED, "guard", "ended with open ends"),
        ({"failed": 1, "skipped": 4}, RunState.STOPPED, "guard", "was stopped by its guard"),
        ({"applied": 1, "skipped": 4}, RunState.STOPPED, "ann", "was stopped"),
        ({"applied": 1, "conflict": 4}, RunState.DONE, "", "ended, and people have to decide"),
        ({"applied": 3, "skipped": 1}, RunState.DONE, "", "ended, and some were left out"),
        ({"applied": 1, "waiting": 4}, RunState.PAUSED, "", "is paused"),
        ({"waiting": 4}, RunState.WAITING, "", "waits for you"),
    ],
)
def test_the_word_comes_from_the_worst(counts: dict[str, int], state: RunState, by: str, told: str) -> None:
    assert word(run(state=state, stopped_by=by, ended_at=1.0), counts) == told


def test_unknown_is_worse_than_failed() -> None:
    assert worst({"applied": 9, "failed": 2, "unknown": 1}) == Outcome.UNKNOWN
    assert worst({"applied": 9, "failed": 0}) == Outcome.APPLIED
    assert worst({}) == ""


@pytest.mark.parametrize(
    ("asked", "fine"),
    [
        (LIMITS, True),
        (Limits(rate=30.0, in_a_row=1, share_failed=0.01, wait_after=1, ramp=(1, 1, 1, 1)), True),
        (Limits(rate=61.0), False),
        (Limits(rate=60.0, in_a_row=4), False),
        (Limits(rate=60.0, share_failed=0.5), False),
        (Limits(rate=60.0, ramp=(1, 5)), False),
        (Limits(rate=60.0, ramp=(2, 5, 20)), False),
    ],
)
def test_limits_may_only_fall(asked: Limits, fine: bool) -> None:
    assert asked.no_bolder(LIMITS) is fine


def test_waiting_for_a_person_cannot_be_given_up() -> None:
    assert not Limits(rate=60.0).no_bolder(Limits(rate=60.0, wait_after=2))


@pytest.mark.parametrize("wrong", [{"rate": 0.0}, {"ramp": (1, 0)}, {"in_a_row": 0}, {"share_failed": 0.0}])
def test_limits_under_which_no_run_could_end_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"rate|ramp|in_a_row"):
        Limits(**{"rate": 1.0, **wrong})  # type: ignore[arg-type]
