"""The few kills that every run of the tests makes; `make crash` makes all of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.crash.catalogue import POINTS, Point, points
from tests.crash.process import Killer, done, give
from tests.crash.provoking import PROVOCATIONS
from tests.crash.running import Found, Setting, kills, run

FEW = (
    *("append.after_send", "decision.after_commit", "write.after_answer", "migrate.revision"),
    "replay.items.before_commit",
)
"""One in each of the walk's durable steps, one within a migration, and one in the making of a replay's plan."""


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_kill_at_a_durable_step_breaks_nothing(tmp_path: Path) -> None:
    planned = [kill for kill in kills(points(kafka=False, wanted=FEW)) if kill.passing == kill.point.passings[-1]]
    told: list[Found] = []
    found = await run(planned, Setting(tmp_path, lanes=1), told.append)
    assert [one.point for one in found] == [kill.point.name for kill in planned]
    assert all(one.ok and one.records for one in found), [one.as_json() for one in found]
    assert told == found


def test_every_point_has_somebody_who_brings_the_program_there() -> None:
    assert {point.by for point in POINTS} == set(PROVOCATIONS)
    assert len({point.name for point in POINTS}) == len(POINTS)


def test_a_point_is_asked_for_by_its_name_or_its_steps() -> None:
    assert [one.name for one in points(kafka=False, wanted=["migrate"])] == [
        "migrate.before_commit",
        "migrate.after_commit",
        "migrate.revision",
    ]
    assert [one.name for one in points(kafka=True, wanted=["topic.trim.after_commit"])] == ["topic.trim.after_commit"]
    assert not points(kafka=False, wanted=["topic", "decis"])


@pytest.mark.parametrize(("killed", "quiet", "violations"), [(False, True, 0), (True, False, 0), (True, True, 1)])
def test_a_kill_that_never_was_is_no_success(killed: bool, quiet: bool, violations: int) -> None:
    one = Found("x", 1, killed, quiet, records=1, cases=0, seconds=1.0, violations=["lost"] * violations)
    assert not one.ok and one.as_json()["ok"] is False


def test_a_process_dies_at_the_passing_it_was_told_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaths: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _: deaths.append(pid))
    order, killer = tmp_path / "order", Killer(tmp_path / "order")
    killer("decision.before_commit")
    give(order, "decision.before_commit", 2, serial=1)
    killer("decision.after_commit")
    killer("decision.before_commit")
    assert not deaths and order.exists()
    give(order, "decision.before_commit", 2, serial=2)
    killer("decision.before_commit")
    assert not deaths, "a new order begins to count anew"
    killer("decision.before_commit")
    assert deaths == [os.getpid()] and done(order).exists() and not order.exists()
    killer("decision.before_commit")
    assert len(deaths) == 1, "an order is carried out once"


def test_each_passing_is_a_kill_of_its_own() -> None:
    point = Point("x", POINTS[0].by, (1, 4))
    assert [(kill.point, kill.passing) for kill in kills([point])] == [(point, 1), (point, 4)]
