"""A budget lets each request through before it is sent, hears the answer, and never makes a write doubtful."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from connectors.contract.errors import BudgetSpent, OutcomeUnknown, Throttled
from connectors.contract.limits import Told
from connectors.rest.limits import Budget
from tests.unit.connectors.rest.test_client import URL, Setup


@dataclass
class Door:
    """An admission."""

    clock: object = None
    shut: bool = False
    inside: int = 0
    most: int = 0
    heard: list[tuple[int | None, Sequence[Told], float | None]] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)

    async def enter(self, within_s: float) -> None:
        self.asked.append(within_s)
        if self.shut:
            raise BudgetSpent("not sent", retry_after_s=7.0)
        self.inside += 1
        self.most = max(self.most, self.inside)

    def answered(self, took_s: float, status: int | None, told: Sequence[Told], retry_after_s: float | None) -> None:
        self.heard.append((status, told, retry_after_s))

    def leave(self) -> None:
        self.inside -= 1


async def test_every_request_is_let_in_and_out_and_its_answer_heard() -> None:
    door = Door()
    at = Setup(admission=door)
    headers = {"x-ratelimit-limit": "10", "x-ratelimit-remaining": "3"}
    at.router.get(f"{URL}/").respond(json={}, headers=headers)
    await at.client.read("/")
    (heard,) = door.heard
    assert heard == (200, [Told(name="x-ratelimit", limit=10, remaining=3)], None)
    at.router.get(f"{URL}/busy").respond(429, headers={"retry-after": "3"})
    with pytest.raises(Throttled):
        await at.client.read("/busy")
    assert (door.heard[-1][0], door.heard[-1][2], door.inside) == (429, 3.0, 0)


async def test_a_request_that_nobody_answered_is_let_out_too() -> None:
    door = Door()
    at = Setup(admission=door)
    at.router.post(f"{URL}/").mock(side_effect=TimeoutError)
    with pytest.raises(OutcomeUnknown):
        await at.client.write("POST", "/", {})
    assert (door.inside, door.heard[-1][0]) == (0, None)


async def test_a_write_that_the_budget_does_not_let_through_was_not_sent() -> None:
    """Counted as unknown, it would be looked for until it is proved that nothing happened."""
    at = Setup(admission=Door(shut=True))
    route = at.router.post(f"{URL}/").respond(json={})
    with pytest.raises(BudgetSpent) as got:
        await at.client.write("POST", "/", {})
    assert (got.value.retry_after_s, route.called) == (7.0, False)


async def test_waiting_to_be_let_through_takes_a_small_part_of_the_time_out_only() -> None:
    door = Door()
    at = Setup(admission=door, timeout_s=8.0)
    at.router.get(f"{URL}/").respond(json={})
    await at.client.read("/")
    assert door.asked == [pytest.approx(2.0, abs=0.1)]


async def test_what_a_connector_reads_from_headers_of_its_own_is_heard_too() -> None:
    """`budget.told` of a connector file, for example."""
    door = Door()
    at = Setup(admission=door)
    at.client._read_budget = lambda headers, before: Budget(limit=5000, remaining=int(headers["left"]))
    at.router.get(f"{URL}/").respond(json={}, headers={"left": "4982"})
    await at.client.read("/")
    assert door.heard[-1][1] == [Told(name="declared", limit=5000, remaining=4982)]
