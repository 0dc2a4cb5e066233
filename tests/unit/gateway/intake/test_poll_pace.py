"""What an overlap tells of again is nothing new: only changes make a poller faster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.contract.values import Change, ChangeKind, Page, Snapshot
from gateway.config.polling import PollRules
from gateway.intake.poller import Poller
from tests.support.world import FakeClock


class Pages:
    """Tells of the same hint again and again, under a new key each time, as an overlap does."""

    updated_at, turns = 1.0, 0

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        self.turns += 1
        snapshot = Snapshot(object="issue", id="1", partial=True, updated_at=self.updated_at)
        key = f"hint:{self.turns}"
        told = Change(connection="jira", delivery_key=key, kind=ChangeKind.HINT, snapshot=snapshot, received_at=0.0)
        return Page(changes=(told,), cursor={"at": self.turns}, more=False)


class Taking:
    async def append_many(self, entries: Any) -> None:
        assert entries


class Claimed(Poller):
    """Without a database: the cursor is always this worker's."""

    async def _claim(self) -> dict[str, Any]:
        return {"at": 0}

    async def _move(self, *_: Any) -> bool:
        return True


async def test_only_what_is_new_makes_the_next_pause_shorter() -> None:
    pages, nothing = Pages(), None
    made: Any = Claimed("jira", pages, Taking(), nothing, FakeClock(), "one", 60.0)  # type: ignore[arg-type]
    made.rules = PollRules(60.0, 15.0, 120.0)
    assert await made.once() == 30.0, "the first is new"
    assert [await made.once() for _ in range(2)] == [45.0, 67.5], "told of again by the overlap"
    pages.updated_at = 2.0
    assert await made.once() == 33.75
