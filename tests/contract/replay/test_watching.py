"""What people see beside the writes: the log of a run, live traffic before and now, who is told, what is left over."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from connectors.contract.errors import Refused
from connectors.contract.values import Write
from gateway.access.rights import NotAllowed, Role
from gateway.work import replay_planning as planning
from gateway.work import replays
from gateway.work.replay_figures import figures
from replay.errors import NotFound, NothingSelected
from replay.running import IN_HAND
from replay.runs import LEASE_S
from tests.support.replaying import NADIA, Stage, principal, refuse, staged


def lines(run: dict[str, Any]) -> list[tuple[str, str]]:
    return [(line["kind"], line["value"]) for line in reversed(run["log"])]


async def test_each_tenth_is_told_once_and_people_by_name(store_url: str) -> None:
    async with staged(store_url, settings={"ramp": (1, 5), "wait_after": 1}) as stage:
        await stage.trouble(10)
        stage.mend()
        run, runner = (await stage.started())["run"], stage.runner()
        await stage.carried(run, runner, until=lambda found: found["state"] == "waiting")
        await replays.resume(stage.place, NADIA, run, reason="looked at it")
        await replays.resume(stage.place, NADIA, run, reason="said again")
        ended = await stage.carried(run, runner)
        told = lines(ended)
        tenths = [int(value) for kind, value in told if kind == "percent"]
        assert tenths == sorted(set(tenths)) and tenths[0] == 10 and tenths[-1] == 100
        others = [line for line in told if line[0] != "percent"]
        assert others == [
            ("started", "10"),
            ("waiting", "1"),
            ("resumed", "looked at it"),
            ("ramp", "3"),
            ("done", ""),
        ]
        assert [line["by"] for line in reversed(ended["log"]) if line["by"]] == ["nadia", "nadia"]
        assert ended["log"][0]["text"] == "over" and "goes on: looked at it" in [line["text"] for line in ended["log"]]
        assert all(before["at"] >= after["at"] for before, after in zip(ended["log"], ended["log"][1:], strict=False))


async def test_a_guard_and_a_worker_that_took_it_up_are_told(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(4)
        stage.mend(refuse)
        run = (await stage.started())["run"]
        first, second = stage.runner(), stage.runner()
        assert await first.take(stage.g.clock.now()) == run
        stage.g.clock.advance(LEASE_S + 1)
        ended = await stage.carried(run, second)
        assert ended["stopped_by"] == "guard"
        told = lines(ended)
        assert ("taken_up", second.worker) in told
        assert told[-2][0] == "stopping" and "failed" in told[-2][1] and told[-1][0] == "stopped"
        assert second.ended == {"failed": 1, "skipped": 3} and second.over == {"stopped": 1}
        assert first.ended == {} and first.over == {}


async def test_live_traffic_is_told_as_it_was_before_and_as_it_is(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(3)
        late = stage.a.create(x="0", y="0", status="new", tags=["p"], active=True)
        await stage.g.bring(stage.a.take())
        stage.g.clock.advance(40)
        stage.mend()
        plan = await stage.planned()
        (live,) = plan["live"]
        assert (live["connection"], live["waiting"] >= 1, live["keeps_per_min"], live["adds_s"]) == (
            "b",
            True,
            None,
            None,
        )
        assert live["lag_s"] >= 40
        run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        assert run["lag_before_s"]["b"] >= 40
        ended = await stage.carried(run["run"])
        assert ended["lag_before_s"] == run["lag_before_s"] and ended["lag_s"] == {"b": 0.0}
        assert late and ended["counts"] == {"applied": 3}


async def test_what_a_run_carries_is_no_live_traffic(store_url: str) -> None:
    """Its changes are old when they are handed over; the figure is how long a fresh one waits."""
    async with staged(store_url) as stage:
        await stage.trouble(3)
        stage.g.clock.advance(3600)
        stage.mend()
        run = (await stage.started())["run"]
        runner = stage.runner()
        await runner.take(stage.g.clock.now())
        await runner.step(run, stage.g.clock.now())
        handed = await stage.shown(run)
        assert handed["in_hand"] == 1 and handed["lag_s"] == {"b": 0.0} == handed["lag_before_s"]
        stage.a.create(x="0", y="0", status="new", tags=["p"], active=True)
        await stage.g.bring(stage.a.take())
        stage.g.clock.advance(20)
        assert (await stage.shown(run))["lag_s"]["b"] == pytest.approx(20, abs=1)


async def test_how_much_longer_a_fresh_change_waits_is_bounded_by_what_lanes_have_at_once(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(4)
        connections = cast(Any, stage.place.config.connections)
        connections["b"].per_s = 2.0  # requests a second
        plan = await stage.planned()
        (live,) = plan["live"]
        calls = plan["cost"]["calls"] / plan["sends"]
        assert live["adds_s"] == pytest.approx(4 * calls / 2.0)
        assert live["takes_per_min"] <= 4 * calls
        assert live["keeps_per_min"] == pytest.approx(120.0 - live["takes_per_min"])
        assert IN_HAND < 100, "a bound, however large the plan"


async def test_a_plan_says_who_would_be_told_by_the_systems_and_by_us(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(2)
        unsaid = (await stage.planned())["told"]
        assert unsaid["systems"] == [{"connection": "b", "action": "update", "count": 2, "who": ""}]
        assert unsaid["ours"] == [{"event": "run_finished", "to": []}, {"event": "recovered", "to": []}]
        rule = SimpleNamespace(
            to="ops", events={"run_finished"}, connections=frozenset({"b"}), least="low", quiet=None, causes=frozenset()
        )
        other = SimpleNamespace(
            to="hr", events={"run_finished"}, connections=frozenset({"a"}), least="low", quiet=None, causes=frozenset()
        )
        cast(Any, stage.place.config).notifications.rules = (rule, other)
        told = (await stage.planned())["told"]
        assert told["ours"][0] == {"event": "run_finished", "to": ["ops"]}


async def left(stage: Stage) -> dict[str, Any]:
    """A run of six of which two are refused."""
    await stage.trouble(6)
    bad = {case.object_id for case in (await stage.g.cases())[-2:]}

    def some(write: Write) -> str | None:
        if write.ref is not None and write.ref.id in bad:
            raise Refused("still not", status=400)
        return None

    stage.mend(some)
    ended = await stage.carried((await stage.started())["run"])
    assert ended["counts"] == {"applied": 4, "failed": 2}, ended
    return ended


async def test_failures_are_taken_into_a_new_plan_all_of_them(store_url: str) -> None:
    async with staged(store_url, settings={"failed_share": 1.0}) as stage:
        ended = await left(stage)
        selected = await planning.leftovers(stage.place, NADIA, ended["run"])
        assert selected["count"] == 2
        plan = await replays.plan(stage.place, NADIA, selected["selection"])
        assert (plan["count"], plan["sends"]) == (2, 2)
        stage.mend()
        run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
        assert (await stage.carried(run["run"]))["counts"] == {"applied": 2}
        with pytest.raises(NothingSelected):
            await planning.leftovers(stage.place, NADIA, ended["run"])
        with pytest.raises(NothingSelected):
            await planning.leftovers(stage.place, NADIA, run["run"])
        with pytest.raises(NotFound):
            await planning.leftovers(stage.place, NADIA, "rr_NOSUCH22")
        narrow = principal("ann", Role.OPERATOR, connections=frozenset({"a"}))
        with pytest.raises(NotFound):
            await planning.leftovers(stage.place, narrow, ended["run"])
        with pytest.raises(NotAllowed):
            await planning.leftovers(stage.place, principal("val", Role.VIEWER), ended["run"])


async def test_figures_are_of_what_is_open(store_url: str) -> None:
    async with staged(store_url) as stage:
        await stage.trouble(3)
        stage.mend()
        await stage.planned()
        run = (await stage.started())["run"]
        stage.g.clock.advance(5)
        async with stage.g.database.read() as tx:
            found = await figures(tx, stage.g.clock.now())
        assert (found.runs, found.items, found.plans) == ({"running": 1}, {"waiting": 3}, {"making": 0})
        assert found.oldest_s >= 5
        runner = stage.runner()
        await stage.carried(run, runner)
        async with stage.g.database.read() as tx:
            found = await figures(tx, stage.g.clock.now())
        assert (found.runs, found.items, found.oldest_s) == ({}, {}, 0.0)
        assert runner.ended == {"applied": 3} and runner.over == {"done": 1}
