"""Polls that fail: the connection's trouble shows although nothing has to be written, and a defect becomes a case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.contract.errors import CredentialsError
from connectors.contract.values import Page
from gateway.delivery.polled import Polled
from gateway.intake.poller import STUCK_AFTER, Poller
from tests.scenarios.world_of_two import Two, two


class Nothing:
    """A stream that nothing is put into."""

    async def append_many(self, entries: Any) -> None:
        assert not list(entries)


def poller(w: Two, page: Any) -> Poller:
    w.a.changes = page
    told = Polled(w.g.runners["a"].gate).told
    return Poller("a", w.a, Nothing(), w.g.database, w.g.clock, "tester", 1.0, told=told)  # type: ignore[arg-type]


async def empty(cursor: Mapping[str, Any] | None) -> Page:
    return Page(changes=(), cursor={"at": 1}, more=False)


async def test_a_defect_that_stays_is_a_case_until_it_is_gone(store_url: str) -> None:
    async with two(store_url) as w:

        async def trips(cursor: Mapping[str, Any] | None) -> Page:
            raise KeyError("a row nobody expected")

        polling = poller(w, trips)
        for _ in range(STUCK_AFTER - 1):
            await polling.once()
        assert await w.g.cases() == []
        await polling.once()
        (case,) = await w.g.cases()
        assert (case.cause, case.connection, str(case.cls)) == ("poll.stuck", "a", "poison")
        assert case.evidence["error"] == "KeyError: 'a row nobody expected'"
        assert case.evidence["where"][-1].endswith(" trips")
        for _ in range(STUCK_AFTER):
            await polling.once()
        assert [each.number for each in await w.g.cases()] == [case.number]
        w.a.changes = empty
        await polling.once()
        assert await w.g.cases() == []


async def test_a_restart_does_not_leave_the_case_behind(store_url: str) -> None:
    async with two(store_url) as w:

        async def trips(cursor: Mapping[str, Any] | None) -> Page:
            raise ZeroDivisionError

        before = poller(w, trips)
        for _ in range(STUCK_AFTER):
            await before.once()
        assert len(await w.g.cases()) == 1
        await poller(w, empty).once()
        assert await w.g.cases() == []


async def test_dead_credentials_show_without_anything_to_write(store_url: str) -> None:
    async with two(store_url) as w:

        async def shut(cursor: Mapping[str, Any] | None) -> Page:
            raise CredentialsError("401 Unauthorized", status=401)

        polling = poller(w, shut)
        await polling.once()
        assert str(w.g.runners["a"].gate.state) == "credentials"
        w.a.changes = empty
        await polling.once()
        assert str(w.g.runners["a"].gate.state) == "closed"
