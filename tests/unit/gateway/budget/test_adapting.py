"""Simulated systems: how many requests at once they take well is found, shared evenly, and found anew."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import pytest

from gateway.budget.adapting import Adaptive
from tests.support.world import FakeClock

USUAL_S, SLOW_S = 0.2, 0.8


class System:
    """Answers in its usual time up to `capacity` requests at once; above that it refuses, or becomes slow."""

    def __init__(self, capacity: int, *, slow: bool) -> None:
        self.clock, self.capacity, self.slow = FakeClock(), capacity, slow
        self.under_way: list[tuple[float, int, float, int | None, Adaptive]] = []
        self.in_flight: dict[int, int] = {}
        self.served = self.refused = self.count = 0

    def send(self, client: Adaptive) -> None:
        load = len(self.under_way) + 1
        took_s, status = SLOW_S if self.slow else USUAL_S, 200
        if load > self.capacity:
            if self.slow:
                took_s = SLOW_S * load / self.capacity  # the rest stands in a queue
            else:
                took_s, status = 0.01, 429
        self.count += 1
        self.in_flight[id(client)] = self.in_flight.get(id(client), 0) + 1
        heapq.heappush(self.under_way, (self.clock.monotonic() + took_s, self.count, took_s, status, client))

    def run(self, seconds: float, clients: list[Adaptive], seen: Callable[[], None] = lambda: None) -> None:
        """Everybody has more to send than is let through."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            for client in clients:
                while self.in_flight.get(id(client), 0) < client.limit:
                    self.send(client)
            at, _, took_s, status, client = heapq.heappop(self.under_way)
            self.clock.advance(max(0.0, at - self.clock.monotonic()))
            client.answered(took_s, status, self.in_flight[id(client)])
            self.in_flight[id(client)] -= 1
            self.served += status == 200
            self.refused += status != 200
            seen()


@pytest.mark.parametrize("slow", [False, True], ids=["refuses", "becomes slow"])
def test_what_a_system_takes_is_found_and_used(slow: bool) -> None:
    system = System(10, slow=slow)
    client = Adaptive(system.clock, 64)
    system.run(200, [client])
    limits: list[int] = []
    system.served = system.refused = 0
    began = system.clock.monotonic()
    system.run(200, [client], lambda: limits.append(client.limit))
    spent_s = system.clock.monotonic() - began
    assert 6 <= sum(limits) / len(limits) <= (3.2 * system.capacity if slow else 14)
    assert system.served >= 0.7 * spent_s * system.capacity / (SLOW_S if slow else USUAL_S), "most of what it can do"
    assert system.refused <= system.served * 0.1


def test_two_workers_come_to_even_parts_wherever_they_began() -> None:
    system = System(20, slow=False)
    one, two = Adaptive(system.clock, 64), Adaptive(system.clock, 64)
    system.run(60, [one])
    assert one.limit > 12, "one has all of it first"
    system.run(60, [one, two])
    sums = [0, 0]

    def seen() -> None:
        sums[0] += one.limit
        sums[1] += two.limit

    system.run(240, [one, two], seen)
    assert 0.5 < sums[0] / sums[1] < 2.0


def test_a_system_that_recovers_is_found_out() -> None:
    system = System(4, slow=False)
    client = Adaptive(system.clock, 16)
    system.run(30, [client])
    assert client.limit <= 6
    system.capacity = 100
    system.run(60, [client])
    assert client.limit == 16


def test_a_mix_of_slow_and_quick_calls_is_no_sign_of_overload() -> None:
    """Searches take ten times as long as reads here, and come in bouts."""
    clock = FakeClock()
    client = Adaptive(clock, 16)
    for _ in range(20):
        client.answered(0.3, 200, 16)
    for bout in range(50):
        for _ in range(10):
            clock.advance(0.1)
            client.answered(0.9 if bout % 2 else 0.09, 200, 16)
    assert client.limit == 16


def grown(clock: FakeClock, most: int) -> Adaptive:
    client = Adaptive(clock, most)
    for _ in range(most):
        client.answered(0.1, 200, most)
    assert client.limit == most, "doubled with every round until something hinders it"
    return client


def test_requests_that_were_under_way_together_count_once() -> None:
    clock = FakeClock()
    client = grown(clock, 10)
    for _ in range(10):
        client.answered(0.5, 503, 10)
    assert client.limit == 7
    clock.advance(0.6)
    client.answered(0.5, None, 7)
    assert client.limit == 4


def test_a_limit_that_is_not_used_does_not_grow() -> None:
    clock = FakeClock()
    client = grown(clock, 10)
    client.answered(0.1, 503, 10)
    for _ in range(1000):
        clock.advance(0.2)
        client.answered(0.1, 200, 2)
    assert client.limit == 7
