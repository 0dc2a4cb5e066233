"""A mapping that names a field which the system does not have, or does not show us: the others stay in step."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.scenarios.world_of_two import COUNTER, COUNTER_HISTORY, STAMP, STAMP_HISTORY, two

SETTINGS: dict[str, dict[str, Any]] = {
    "counter": COUNTER,
    "counted": COUNTER_HISTORY,
    "stamp": STAMP,
    "told": STAMP_HISTORY,
}


@pytest.mark.parametrize("kind", SETTINGS)
async def test_a_field_the_system_ignores_disturbs_no_other(store_url: str, kind: str) -> None:
    async with two(store_url, linked=False, b=SETTINGS[kind]) as w:
        plain = w.b._snapshot

        def without(thing: Any, **options: Any) -> Any:
            snapshot = plain(thing, **options)
            raw = {name: value for name, value in snapshot.raw.items() if name != "y"}
            return msgspec.structs.replace(snapshot, raw=raw)

        w.b._snapshot = without
        thing = w.a.create(x="0", y="0", status="new", tags=["p"], active=True)
        await w.g.settle()
        for turn in range(6):
            w.g.clock.advance(5)
            w.a.edit(thing, y=f"y{turn}", x=f"x{turn}")
            await w.g.settle()
        (other,) = w.b.things.values()
        assert other.raw["x"] == "x5", "what it has stays in step"
        assert w.a.things[thing].raw["y"] == "y5", "and nothing comes back empty"
        assert len(w.b.writes) == 7, "one create and one write an edit: it is not sent again and again"
