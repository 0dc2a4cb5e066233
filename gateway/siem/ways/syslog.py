"""Syslog over TCP and TLS. There is no acknowledgement: what proves an arrival is the end of the connection.

So a connection is ended, and begun anew, after a number of events and whenever there is a pause. What a receiver has
read may still be lost with it: the events of a time before a break are sent again, and receivers know them by id.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import structlog

from connectors.contract.clock import Clock
from gateway.access.outbound import Guard
from gateway.config.siem import Syslog
from gateway.siem.event import Event
from gateway.siem.forms.sender import Rendered, Sender
from gateway.siem.forms.syslog import framed, message
from gateway.siem.ways.port import Away, Line, Proof
from gateway.siem.ways.wire import Wire, connect

PROVE_S = 5.0
"""A pause, so long after the first event that is not proven, has the connection ended; with a shorter window, its."""
PROVE_AFTER = 2_000
"""So many events go over one connection."""

log = structlog.get_logger()


class SyslogWay:
    """To one collector."""

    most = 500

    def __init__(self, name: str, target: Syslog, guard: Guard, sender: Sender, clock: Clock) -> None:
        self.name, self.target, self.guard, self.sender, self.clock = name, target, guard, sender, clock
        self._wire: Wire | None = None
        self._known = Proof(0, 0)
        self._handed: deque[tuple[int, float]] = deque()
        """Last number of a batch and when it was written (monotonic), of all that is not settled."""
        self._unproven = 0
        self._since = 0.0
        self._signs_its_end = False
        self._ends_its_side = False
        """Whether it answered the last time. One that never does is believed for want of anything better."""

    @property
    def full(self) -> bool:
        return self._unproven >= PROVE_AFTER

    def begin(self, known: Proof, memory: str) -> int:
        """Nobody knows what broke meanwhile: all that is not settled goes again."""
        self._known = Proof(known.settled, known.settled)
        return known.settled

    def memory(self) -> str:
        return ""

    async def hand(self, lines: Sequence[Line]) -> None:
        if self._wire is None:
            self._wire = await connect(self.target, self.guard)
        await self._wire.write(b"".join(framed(self._message(each)) for each in lines))
        if not self._unproven:
            self._since = self.clock.monotonic()
        self._unproven += len(lines)
        self._handed.append((lines[-1].number, self.clock.monotonic()))

    def _message(self, line: Line) -> bytes:
        event = Event(
            sink=self.name,
            number=line.number,
            previous=line.previous,
            id=line.id,
            position=0,
            link="",
            at=line.at,
            kind=line.kind,
            severity=line.severity,
            actor="",
            text="",
        )
        return message(event, Rendered(body=line.body.encode(), digest=line.digest), self.sender)

    async def proven(self, *, idle: bool) -> Proof:
        if self._wire is not None:
            self._wire.check()
        waited = self.clock.monotonic() - self._since
        if self._unproven and (self.full or (idle and waited >= min(PROVE_S, self.target.window_s))):
            await self._prove()
        self._settle()
        return self._known

    async def _prove(self) -> None:
        assert self._wire is not None, "what is not proven went over it"
        wire, self._wire = self._wire, None
        answered = await wire.finish()
        ended_before, self._ends_its_side = self._ends_its_side, answered
        if ended_before and not answered:
            raise Away("the receiver did not end its side, as it did before; it may have died over what it had")
        if not answered:
            log.warning("the receiver does not end its side; what it has cannot be proved", sink=self.name)
            # It may have died over it: the time in which a break has all of this sent again begins only now.
            now, sent = self.clock.monotonic(), self._known.sent
            self._handed = deque((number, now if number > sent else at) for number, at in self._handed)
        if answered and self._signs_its_end and not wire.ended_well:
            raise Away("the receiver ended the connection without saying so")
        self._signs_its_end = self._signs_its_end or (self.target.tls is not None and wire.ended_well)
        self._unproven = 0
        self._known = Proof(self._handed[-1][0], self._known.settled)

    def _settle(self) -> None:
        """What was proven longer ago than a receiver may hold it in memory is not sent again."""
        before, settled = self.clock.monotonic() - self.target.window_s, self._known.settled
        while self._handed and self._handed[0][0] <= self._known.sent and self._handed[0][1] <= before:
            settled = self._handed.popleft()[0]
        self._known = Proof(self._known.sent, settled)

    async def drop(self) -> int:
        """What was settled before the break stays so."""
        self._settle()
        await self.close()
        self._handed.clear()
        self._unproven = 0
        self._known = Proof(self._known.settled, self._known.settled)
        return self._known.settled

    async def close(self) -> None:
        if self._wire is not None:
            self._wire.abort()
            self._wire = None
