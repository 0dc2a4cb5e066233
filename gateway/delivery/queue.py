"""The lanes of one connection that wait in memory: which one is next, so that neither old nor new ones starve."""

from __future__ import annotations

from collections import deque
from enum import StrEnum

from connectors.contract.limits import Purpose
from gateway.delivery.breaker import Gate, GateState
from gateway.delivery.due import Due
from gateway.delivery.pace import Pace
from gateway.delivery.runner import Runner
from gateway.sync.state import Lane

BACKLOG = 1_000
"""Lanes of the backlog remembered per connection; all others wait in the table, so memory stays flat in a long outage.
No more than the cache of records holds, so that the next write of a record finds it there.
"""
REFILL = 500
"""With fewer left, the table is asked for more."""
PROMPT = 256
"""Fresh lanes, and lanes that only want a read, remembered beside the backlog."""
FRESH_S = 60.0
"""A change is fresh for so long; then it is the backlog's."""
AWAY = (GateState.OPEN, GateState.CREDENTIALS)
"""Nothing is written meanwhile. A system that asks us to wait a little is there."""

CONCLUDING = 4
"""Times `concurrency`: lanes in work altogether. An outcome that is being recorded keeps no other request waiting."""


class Turn(StrEnum):
    """What a lane waits for. A leaver goes first; each other kind that waits gets every second or third place."""

    LEAVER = "leaver"  # closes what somebody who has left may still do
    FRESH = "fresh"  # became due a moment ago
    LOOK = "look"  # wants to be read and has nothing to write: an echo, as a rule
    OLD = "old"


def turn_of(*, dirty: bool, dirty_since: float, now: float) -> Turn:
    """The turn of a lane that has work."""
    if not dirty:
        return Turn.LOOK
    return Turn.FRESH if abs(now - dirty_since) < FRESH_S else Turn.OLD


class Queue:
    """Lanes of one connection that are due, of each kind first come first served: a record's next write goes to the
    end.
    """

    def __init__(self, runner: Runner, concurrency: int, pace: Pace | None = None) -> None:
        self.runner, self.concurrency = runner, concurrency
        self.pace = pace or Pace(runner.clock)
        self.waiting: dict[str, Turn] = {}
        self.running: dict[str, Turn] = {}
        """Lanes being worked; a lane is worked once at a time."""
        self.placed: set[str] = set()
        """Of these, the ones that ask the system something, or are about to: at most `concurrency`."""
        self.again: set[str] = set()
        self._lines: dict[Turn, deque[str]] = {turn: deque() for turn in Turn}
        self._order = deque(turn for turn in Turn if turn is not Turn.LEAVER)
        self.replayed: set[str] = set()
        """Lanes of records that a replay run has: what they send is the replay's."""
        self._away_until = 0.0
        """Wall time at which the system was last seen to be away; what became due before is backlog."""

    @property
    def settles_s(self) -> float:
        """The longest settling time of the connection's objects."""
        flows = self.runner.decider.topology.flows.values()
        members = [member for flow in flows for member in flow.members.values()]
        return max((each.settles_s for each in members if each.connection == self.runner.connection), default=0.0)

    @property
    def gate(self) -> Gate:
        return self.runner.gate

    @property
    def has_place(self) -> bool:
        """Whether one more lane may begin."""
        return len(self.placed) < self.concurrency and len(self.running) < self.concurrency * CONCLUDING

    @property
    def backlog(self) -> int:
        """Lanes of the backlog in memory."""
        return len(self._lines[Turn.OLD])

    def turn(self, lane: Lane | Due, now: float) -> Turn:
        """While the system is away everything that comes is backlog: later, nothing of it is fresh."""
        if self.gate.state in AWAY:
            self._away_until = now
            return Turn.OLD
        fresh = not lane.dirty or lane.dirty_since > self._away_until or now < self._away_until - FRESH_S
        return turn_of(dirty=lane.dirty, dirty_since=lane.dirty_since, now=now) if fresh else Turn.OLD

    def add(self, record: str, turn: Turn = Turn.OLD) -> None:
        """Remembers a lane, if there is room; one that is being worked is looked at again afterwards."""
        if record in self.running:
            self.again.add(record)
            return
        if turn is Turn.LEAVER and (before := self.waiting.get(record)) not in (None, Turn.LEAVER):
            self._lines[Turn(str(before))].remove(record)
            del self.waiting[record]
        if record not in self.waiting:
            turn = turn if len(self._lines[turn]) < PROMPT else Turn.OLD
            if turn is not Turn.OLD or self.backlog < BACKLOG:
                self.waiting[record] = turn
                self._lines[turn].append(record)

    def next(self) -> str | None:
        """The lane to work now, if there is one, a place for it, and pace and gate admit it."""
        if self.gate.state in AWAY:
            self._age()
        if not self.waiting or not self.has_place:
            return None
        if not (self._lines[Turn.LEAVER] or self.pace.admits(len(self.placed))) or not self.gate.admits():
            return None
        turn = self._whose_turn()
        record = self._lines[turn].popleft()
        del self.waiting[record]
        self._start(record, turn)
        return record

    def wait_s(self) -> float:
        """Seconds until the pace admits what waits; 0 if it is not the pace that holds it up."""
        return self.pace.wait_s(len(self.placed)) if self.waiting and self.has_place else 0.0

    def purpose(self, record: str) -> Purpose:
        """What a lane that is being worked sends its requests for."""
        if self.running.get(record) is Turn.LEAVER:
            return Purpose.LEAVER
        return Purpose.REPLAY if record in self.replayed else Purpose.LIVE

    def take(self, record: str, turn: Turn = Turn.FRESH) -> bool:
        """Takes a place for a lane that is not in the queue, if nobody who waits would be passed over by it."""
        free = not self.waiting and self.has_place and self.gate.state is GateState.CLOSED and not self.gate.paused
        if not free or record in self.running or not self.pace.admits(len(self.placed)):
            return False
        self._start(record, turn)
        return True

    def answered(self, record: str) -> None:
        """The lane asks the system nothing more."""
        if record in self.placed:
            self.placed.discard(record)
            self.pace.ended()

    def leave(self, record: str) -> None:
        """The lane is not worked any more; if somebody asked for it meanwhile, it is looked at again."""
        self.answered(record)
        turn = self.running.pop(record, Turn.OLD)
        self.replayed.discard(record)
        if record in self.again:
            self.again.discard(record)
            self.add(record, turn)

    def _start(self, record: str, turn: Turn) -> None:
        self.running[record] = turn
        self.placed.add(record)
        self.pace.started()

    def _age(self) -> None:
        """What was fresh when the system went away is not when it is back, and must not fill the line by then."""
        self._away_until = self.runner.clock.now()
        fresh = self._lines[Turn.FRESH]
        self.waiting.update(dict.fromkeys(fresh, Turn.OLD))
        self._lines[Turn.OLD].extend(fresh)
        fresh.clear()

    def _whose_turn(self) -> Turn:
        """A leaver's; then round and round, passing over the kinds of which none waits."""
        if self._lines[Turn.LEAVER]:
            return Turn.LEAVER
        while True:
            turn = self._order[0]
            self._order.rotate(-1)
            if self._lines[turn]:
                return turn
