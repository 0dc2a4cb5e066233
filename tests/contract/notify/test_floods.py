"""Many causes at once: the most urgent are told one by one, the others together, and a look stays cheap."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event, select

from dead_letter import store
from dead_letter.tables import cases
from dead_letter.values import CaseClass, NewCase
from gateway.notify.tables import delivery
from gateway.notify.threads import CALM_S
from gateway.notify.watcher import MOST_TOLD
from tests.support.telling import BASE, Desk


async def _flood(desk: Desk, count: int, **values: Any) -> list[str]:
    """So many groups of one case each; the keys of the cases."""
    keys = [f"refused:r{n}:jira" for n in range(count)]
    for n, key in enumerate(keys):
        await desk.open(key, fingerprint=f"a cause of its own {n}", **values)
    return keys


async def test_a_flood_of_causes_is_told_one_by_one_up_to_a_bound_and_the_rest_together(desk: Desk) -> None:
    await _flood(desk, 60)
    await desk.open(*(f"big:{n}" for n in range(5)), fingerprint="the largest", connection="snow")
    await desk.turn()
    assert desk.ops.kinds == ["case.opened"] * (MOST_TOLD + 1)
    alone = [told["data"] for told in desk.ops.events if "groups" not in told["data"]]
    (together,) = [told["data"] for told in desk.ops.events if "groups" in told["data"]]
    assert len({told["case"] for told in alone}) == MOST_TOLD
    assert (together["groups"], together["open"]) == (61 - MOST_TOLD, 61 - MOST_TOLD)
    assert together["link"] == f"{BASE}/cases" and "case" not in together
    assert together["text"] == "41 more groups of cases new with 41 cases at jira: too many to tell one by one"
    assert any(told["open"] == 5 for told in alone), "the most urgent are told by themselves"
    await desk.turn()
    assert len(desk.ops.kinds) == MOST_TOLD + 1, "once"


async def test_what_was_told_together_ends_together(desk: Desk) -> None:
    keys = await _flood(desk, MOST_TOLD + 5)
    await desk.turn()
    heard = {told["data"]["case"] for told in desk.ops.events if "case" in told["data"]}
    async with desk.database.read() as tx:
        numbers = {f"FO-{number}": key for number, key in await tx.execute(select(cases.c.number, cases.c.key))}
    silent = sorted(key for number, key in numbers.items() if number not in heard)
    assert len(silent) == 5 and set(silent) < set(keys)
    before = len(desk.ops.kinds)
    await desk.close(*silent[:4])
    await desk.turn()
    await desk.turn(after_s=CALM_S)
    assert len(desk.ops.kinds) == before, "nobody heard of these by themselves, and one of them is open"
    await desk.close(silent[4])
    await desk.turn()
    await desk.turn(after_s=CALM_S)
    assert desk.ops.kinds[before:] == ["case.recovered"]
    assert desk.ops.events[-1]["data"]["text"].startswith("Recovered: of the groups that were told together")
    assert len(desk.ops.messages) == MOST_TOLD + 1, "the flood is one message, updated in place"


async def test_a_flood_that_recovers_is_told_like_one_that_comes(desk: Desk) -> None:
    keys: list[str] = []
    for part in range(2):
        more = [f"part{part}:{n}" for n in range(MOST_TOLD)]
        for key in more:
            await desk.open(key, fingerprint=key)
        keys += more
        await desk.turn()
    assert desk.ops.kinds == ["case.opened"] * 2 * MOST_TOLD
    await desk.close(*keys)
    await desk.turn()
    await desk.turn(after_s=CALM_S)
    assert desk.ops.kinds[2 * MOST_TOLD :] == ["case.recovered"] * (MOST_TOLD + 1)


async def test_ten_thousand_causes_take_few_statements_and_few_notices(desk: Desk) -> None:
    new = [
        NewCase(key=f"k{n}", cls=CaseClass.REFUSED, cause="c", title="t", connection="jira", fingerprint=f"f{n}")
        for n in range(10_000)
    ]
    async with desk.database.begin("opened") as tx:
        await store.open_cases(tx, new, now=desk.clock.now())
    asked: list[str] = []
    event.listen(desk.database.engine.sync_engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    assert await desk.look()
    async with desk.database.read() as tx:
        told = (await tx.execute(select(delivery.c.event))).all()
    assert len(told) == MOST_TOLD + 1
    assert len(asked) < 400, len(asked)
