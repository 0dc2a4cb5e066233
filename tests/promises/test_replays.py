"""P1, P2, P4 and P8 hold through replays: nothing twice, nothing lost, no edit undone, nobody who left brought back."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gateway.work import replays
from replay.runs import LEASE_S
from replay.values import Source, Wish
from tests.scenarios.world_of_two import START
from tests.support.replaying import NADIA, Stage, refuse, staged


def url(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder}/store.db"


async def test_p2_whatever_is_replayed_twice_takes_effect_once(tmp_path: Path) -> None:
    async with staged(url(tmp_path)) as stage:
        await stage.trouble(4)
        stage.mend()
        plan = await stage.planned()
        for _ in range(2):
            run = await replays.run(stage.place, NADIA, plan["plan"], plan["digest"])
            await stage.carried(run["run"])
        again = await replays.plan(stage.place, NADIA, plan["selection"])
        journal = await stage.planned(wish=Wish(source=Source.JOURNAL))
        assert again["sends"] == journal["sends"] == 0
        assert sorted(stage.effects().values()) == [["1"]] * 4


async def test_p2_an_answer_that_is_lost_in_a_run_is_proved_and_not_sent_again(tmp_path: Path) -> None:
    async with staged(url(tmp_path)) as stage:
        await stage.trouble(3)
        stage.mend(lambda write: "lost")
        run = await stage.started()
        ended = await stage.carried(run["run"])
        assert ended["counts"] == {"applied": 3}
        assert ended["applied_by"] == {"read_back": 3, "answer": 0}, "what nobody answered is known by looking"
        assert len(stage.b.writes) == 3


async def test_p4_an_edit_made_during_the_run_survives_it(tmp_path: Path) -> None:
    async with staged(url(tmp_path), settings={"ramp": (1,), "wait_after": 1}) as stage:
        await stage.trouble(3)
        stage.mend()
        run = (await stage.started())["run"]
        await stage.carried(run, until=lambda found: found["state"] == "waiting")
        for each in stage.ids:
            stage.g.clock.advance(1)
            stage.a.edit(each, x="newest")
        await replays.resume(stage.place, NADIA, run)
        ended = await stage.carried(run)
        await stage.g.settle()
        assert sum(ended["counts"].values()) == 3
        assert {thing.raw["x"] for thing in stage.b.things.values()} == {"newest"}


async def test_p8_no_replay_brings_back_who_has_left(tmp_path: Path) -> None:
    async with staged(url(tmp_path)) as stage:
        stage.ids = [stage.a.create(**START) for _ in range(2)]
        await stage.g.settle()
        stage.b.answer = refuse
        for each in stage.ids:
            stage.a.edit(each, active=False)
        await stage.g.settle()
        plan = await stage.planned(wish=Wish())
        assert plan["totals"]["delete"] == plan["sends"] == 2, "the one thing that may be sent is that it is closed"
        journal = await stage.planned(wish=Wish(source=Source.JOURNAL))
        assert journal["sends"] == 0


@pytest.mark.parametrize("seed", range(6))
async def test_p1_whatever_happens_meanwhile_the_outcomes_add_up(tmp_path: Path, seed: int) -> None:
    """Answers of every kind, edits, and workers that stop at any step."""
    chance = random.Random(seed)
    settings = {"failures": 1000, "failed_share": 1.0, "ramp": (2, 3)}
    async with staged(url(tmp_path), settings=settings) as stage:
        await stage.trouble(12)
        stage.mend(lambda write: refuse(write) if chance.random() < 0.2 else chance.choice([None, None, "lost"]))
        run = (await stage.started())["run"]
        await _stumbling(stage, run, chance)
        stage.g.clock.advance(LEASE_S + 1)
        ended = await stage.carried(run)
        assert sum(ended["counts"].values()) == ended["count"] == 12, f"seed {seed}"
        assert all(item["state"] == "done" for item in await stage.outcomes(run)), f"seed {seed}"
        still = {case.number for case in await stage.g.cases()}
        for item in await stage.outcomes(run):
            if item["outcome"] in ("failed", "unknown", "conflict"):
                assert item["case"], f"seed {seed}: {item}"
            if item["outcome"] == "applied":
                assert item["subject"] not in still, f"seed {seed}: {item}"
        sent = [values for _, values in stage.b.writes if "x" in values]
        assert len(sent) == len({str(each) for each in stage.b.writes}), f"seed {seed}: something was written twice"


async def _stumbling(stage: Stage, run: str, chance: random.Random) -> None:
    """Workers take over from each other, and people go on editing."""
    for _ in range(10):
        runner = stage.runner()
        stage.g.clock.advance(LEASE_S + 1)
        await runner.take(stage.g.clock.now())
        for _ in range(chance.randrange(1, 4)):
            stage.g.clock.advance(0.3)
            await runner.step(run, stage.g.clock.now())
            if chance.random() < 0.5:
                await stage.g.drain()
        if chance.random() < 0.3:
            stage.a.edit(chance.choice(stage.ids), x=f"edit {stage.workers}")
            await stage.g.bring(stage.a.take())
