"""Polled entries that the stream or the tables do not take: the cursor goes on, and nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from connectors.contract.values import Change, ChangeKind, Page
from gateway.app.consume import Consumer
from gateway.intake.poller import Poller
from gateway.streams.port import MAX_ENTRY_BYTES, EntryTooLarge
from tests.scenarios.world_of_two import START, Two, two


class Log:
    """A stream that takes what the real one takes."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    async def append_many(self, entries: Sequence[tuple[str, bytes]]) -> None:
        for _, value in entries:
            if len(value) > MAX_ENTRY_BYTES:
                raise EntryTooLarge(len(value))
        self.kept += [value for _, value in entries]


async def _polled(w: Two, changes: Sequence[Change]) -> list[Change]:
    async def page(cursor: Mapping[str, Any] | None) -> Page:
        return Page(changes=tuple(changes), cursor={"at": 1}, more=False)

    w.a.changes = page
    log = Log()
    poller = Poller("a", w.a, log, w.g.database, w.g.clock, "tester", 1.0)  # type: ignore[arg-type]
    await poller._turn()
    assert await poller._claim() == {"at": 1}, "the cursor went on"
    await Consumer(w.g.decider).handle(log.kept)
    return [msgspec.json.decode(value, type=Change) for value in log.kept]


async def test_a_polled_object_above_the_streams_limit_is_read_later(store_url: str) -> None:
    async with two(store_url, linked=False) as w:
        thing = w.a.create(**START, attachment="x" * MAX_ENTRY_BYTES)
        w.a.take()
        (kept,) = await _polled(w, [w.a.poll(thing)])
        assert kept.kind is ChangeKind.HINT
        await w.g.scout.once()
        await w.g.settle()
        (made,) = w.b.things.values()
        assert made.raw["x"] == START["x"], "it came through all the same"
        w.a.edit(thing, x="9")
        w.a.take()
        await _polled(w, [w.a.poll(thing)])
        await w.g.settle()
        assert made.raw["x"] == "9", "also once it is known"


async def test_a_polled_identity_that_cannot_be_stored_is_a_case(store_url: str) -> None:
    async with two(store_url) as w:
        w.edit_a(x="1")
        good = w.a.poll(w.ai)
        w.a.take()
        shown = msgspec.structs.replace(good.snapshot, id="i\x00" * 200)
        bad = msgspec.structs.replace(good, snapshot=shown, delivery_key="bad\x00" * 200)
        assert await _polled(w, [bad, good]) == [good]
        (case,) = await w.g.cases()
        assert (str(case.cls), case.cause) == ("poison", "change.unfit")
        assert "\x00" not in case.title + case.object_key and len(case.title) < 300
        await w.g.settle()
        assert w.shown(w.b)["x"] == "1"


async def test_a_poll_lease_from_before_a_clock_was_set_back_is_over(store_url: str) -> None:
    async with two(store_url) as w:
        dead = Poller("a", w.a, Log(), w.g.database, w.g.clock, "dead", 1.0)  # type: ignore[arg-type]
        other = Poller("a", w.a, Log(), w.g.database, w.g.clock, "other", 1.0)  # type: ignore[arg-type]
        assert await dead._claim() == {}
        assert await other._claim() is None
        w.g.clock.wall -= 3600
        assert await other._claim() == {}
