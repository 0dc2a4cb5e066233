"""Objects that are not known yet are read in turn: one that cannot be read holds up no other (SYNC.md rule 6, P3)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from connectors.contract.errors import Retryable
from connectors.contract.values import Change, ChangeKind, Ref, Snapshot, VersionKind
from gateway.delivery import scout as scouting_module
from gateway.delivery.scout import FIRST_WAIT_S, forget_tries
from gateway.delivery.tables import scouting
from tests.scenarios.world_of_two import START, Two, two

STAMP: dict[str, Any] = {"kind": VersionKind.TIMESTAMP, "granularity_s": 0.001}


def hint(w: Two, thing_id: str) -> Change:
    snapshot = Snapshot(object="thing", id=thing_id, partial=True)
    return Change(
        connection="a",
        delivery_key=f"hint:{thing_id}:{w.g.clock.now()}",
        kind=ChangeKind.HINT,
        snapshot=snapshot,
        received_at=w.g.clock.now(),
    )


class Broken:
    """Reads of some objects fail for ever, each by itself; `asked` lists every read."""

    def __init__(self, w: Two, ids: list[str], error: Exception | None = None) -> None:
        self.asked: list[str] = []
        original, broken, raised = w.a.read, set(ids), error or Retryable("this one breaks", status=500)

        async def read(ref: Ref, *, items: bool = False) -> Snapshot:
            self.asked.append(ref.id)
            if ref.id in broken:
                raise raised
            return await original(ref, items=items)

        w.a.read = read


async def tries(w: Two) -> dict[str, int]:
    async with w.g.database.read() as tx:
        return {row[0]: row[1] for row in await tx.execute(select(scouting.c.object_id, scouting.c.tries))}


async def unknown(w: Two, count: int) -> list[str]:
    """Things in A that only hints tell of, one told of after the other."""
    made = []
    for n in range(count):
        made.append(w.a.create(**{**START, "x": f"thing {n}"}))
        w.a.take()
        await w.g.decider.accept([hint(w, made[-1])])
        w.g.clock.advance(1)
    return made


async def test_unreadable_objects_starve_no_other(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scouting_module, "MOST", 2)
    async with two(store_url, a=STAMP, linked=False) as w:
        made = await unknown(w, 5)
        broken = Broken(w, made[:3])
        rounds = [await w.g.scout.once() for _ in range(3)]
        assert broken.asked == made, "the oldest first, each once"
        assert rounds == [0, 1, 1]
        assert set(await tries(w)) == set(made[:3])


async def test_an_unreadable_object_waits_longer_each_time(store_url: str) -> None:
    async with two(store_url, a=STAMP, linked=False) as w:
        (one,) = await unknown(w, 1)
        broken = Broken(w, [one])
        for n in range(1, 5):
            await w.g.scout.once()
            await w.g.scout.once()
            assert broken.asked == [one] * n
            assert await tries(w) == {one: n}
            w.g.clock.advance(FIRST_WAIT_S * 2 ** (n - 1) + 0.01)


async def test_what_was_read_at_last_is_forgotten(store_url: str) -> None:
    async with two(store_url, a=STAMP, linked=False) as w:
        (one,) = await unknown(w, 1)
        original = w.a.read
        Broken(w, [one])
        assert await w.g.scout.once() == 0
        w.a.read = original
        w.g.clock.advance(FIRST_WAIT_S + 1)
        assert await w.g.scout.once() == 1
        await w.g.settle()
        assert await tries(w) == {}
        assert [each.raw["x"] for each in w.b.things.values()] == ["thing 0"]


async def test_an_outage_counts_against_no_object(store_url: str) -> None:
    """P10: all wait while the system is down, and are read at once when it is back."""
    async with two(store_url, a=STAMP, linked=False) as w:
        made = await unknown(w, 3)
        original = w.a.read
        Broken(w, made, Retryable("down", status=503, down=True))
        for _ in range(6):
            await w.g.scout.once()
            w.g.clock.advance(61)
        assert set((await tries(w)).values()) == {0}
        w.a.read = original
        assert await w.g.scout.once() == 1, "the one that the gate lets through"
        assert await w.g.scout.once() == 2


async def test_a_system_that_is_down_holds_up_no_other(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scouting_module, "MOST", 2)
    async with two(store_url, a=STAMP, b=STAMP, linked=False) as w:
        await unknown(w, 4)
        w.g.runners["a"].gate.throttled(60.0)
        bi = w.b.create(**{**START, "x": "in B"})
        await w.g.decider.accept(w.b.take())
        assert await w.g.scout.once() == 1
        assert (await w.g.record()).members["b"].id == bi


async def test_a_defect_of_a_connector_does_not_end_the_scout(store_url: str) -> None:
    async with two(store_url, a=STAMP, linked=False) as w:
        made = await unknown(w, 2)
        Broken(w, made[:1], KeyError("fields"))
        assert await w.g.scout.once() == 1
        assert await tries(w) == {made[0]: 1}


async def test_tries_of_what_became_known_otherwise_are_forgotten(store_url: str) -> None:
    async with two(store_url, a=STAMP, linked=False) as w:
        Broken(w, await unknown(w, 1))
        await w.g.scout.once()
        await forget_tries(w.g.database, now=w.g.clock.now())
        assert len(await tries(w)) == 1
        await forget_tries(w.g.database, now=w.g.clock.now() + 86400.0)
        assert await tries(w) == {}
