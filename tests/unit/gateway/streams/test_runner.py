"""Pauses grow and are capped; batches are bounded and hold whole frames."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from connectors.contract.clock import SystemClock
from gateway.streams.frames import encode
from gateway.streams.runner import Runner, pause_s


@dataclass
class Fixed:
    value: float

    def random(self) -> float:
        return self.value


def test_pauses_double_up_to_a_cap_and_half_of_them_is_chance() -> None:
    highest = [pause_s(attempt, Fixed(1.0)) for attempt in range(1, 60)]
    lowest = [pause_s(attempt, Fixed(0.0)) for attempt in range(1, 60)]
    assert highest[:3] == [0.05, 0.1, 0.2]
    assert max(highest) == highest[-1] == 5.0
    assert lowest == [pause / 2 for pause in highest]


def message(*values: bytes) -> Any:
    return SimpleNamespace(value=encode(values))


async def test_a_batch_holds_whole_frames_up_to_its_bound_and_finishes_them_in_order() -> None:
    batches: list[list[bytes]] = []
    finished: list[Any] = []
    all_done = asyncio.Event()

    async def handler(values: Sequence[bytes]) -> None:
        batches.append(list(values))

    def note(done: Any) -> None:
        finished.append(done)
        if len(finished) == len(messages):
            all_done.set()

    messages = [message(b"1", b"2"), message(b"3"), message(b"4", b"5", b"6", b"7"), message(b"8")]
    runner = Runner(handler, note, batch_entries=3, clock=SystemClock(), chance=Fixed(0.0))
    for each in messages[:2]:
        await runner.offer(each)
    running = asyncio.create_task(runner.run())
    for each in messages[2:]:
        await runner.offer(each)
    await asyncio.wait_for(all_done.wait(), 30)
    running.cancel()
    # The third frame alone is above the bound: it is a batch of its own, because a frame is acknowledged whole.
    assert batches == [[b"1", b"2", b"3"], [b"4", b"5", b"6", b"7"], [b"8"]]
    assert finished == messages


async def test_settling_drops_what_is_read_ahead_and_an_offer_that_still_waits() -> None:
    handled: list[bytes] = []
    arrived = asyncio.Event()

    async def handler(values: Sequence[bytes]) -> None:
        handled.extend(values)
        arrived.set()

    runner = Runner(handler, lambda _message: None, batch_entries=1, clock=SystemClock(), chance=Fixed(0.0))
    await runner.offer(message(b"old"))
    await runner.offer(message(b"old"))
    waiting = asyncio.create_task(runner.offer(message(b"old")))
    await asyncio.sleep(0)
    await runner.settle(1.0)
    await waiting
    running, seen = asyncio.create_task(runner.run()), asyncio.create_task(runner.offer(message(b"new")))
    await seen
    await asyncio.wait_for(arrived.wait(), 30)
    running.cancel()
    assert handled == [b"new"]
