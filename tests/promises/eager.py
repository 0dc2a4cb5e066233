"""Lanes that begin in the transaction which made them due, as the dispatcher has it when a place is free."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.sync.state import Lane
from gateway.sync.steps import Job
from gateway.sync.worker import Worker

if TYPE_CHECKING:
    from tests.promises.story import Story


@dataclass
class Eager:
    """Worker "one" of every system always has a free hand, except for a lane that it is still working."""

    told: Story
    begun: list[tuple[Lane, Job]] = field(default_factory=list)
    """Durable, and not at work yet."""
    times: int = 0
    reserved: set[tuple[str, str]] = field(default_factory=set)

    def reserve(self, lane: Lane, now: float) -> Worker | None:
        key = (lane.record, lane.connection)
        if lane.next_try_at > now or key in self.reserved or key in self.told.at_work():
            return None
        self.reserved.add(key)
        return self.told.runners[(lane.connection, "one")].worker

    def began(self, lane: Lane, job: Job) -> None:
        self.reserved.discard((lane.record, lane.connection))
        self.begun.append((lane, job))
        self.times += 1

    def dropped(self, lane: Lane) -> None:
        self.reserved.discard((lane.record, lane.connection))

    async def go_to_work(self) -> None:
        """Starts the lanes that were begun; each runs until it waits for its system."""
        begun, self.begun = self.begun, []
        for lane, job in begun:
            await self.told.work(lane.record, lane.connection, "one", job)
