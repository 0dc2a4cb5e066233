"""Gives events their numbers, digests and bodies, and closes segments. Pure, but for ids and signatures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gateway.config.siem import Sink
from gateway.core.ids import new_id
from gateway.core.signing import Signer
from gateway.siem import proof
from gateway.siem.event import Event
from gateway.siem.forms.rendering import ROOM, rendered
from gateway.siem.forms.sender import Form, Sender
from gateway.siem.forms.syslog import overhead
from gateway.siem.store import Standing

Make = Callable[[int, str], Event]
"""The event that gets this number, after the one with this digest."""


class Numbering:
    """Of one feed, from where it stands. What it made counts when the caller has stored `rows` with `moved`."""

    def __init__(
        self, sink: Sink, sender: Sender, signer: Callable[[], Signer], before: Standing, digests: Iterable[str]
    ) -> None:
        """`digests`: of all events since the last summary, that one included."""
        self.sink, self.sender, self.signer = sink, sender, signer
        self.number, self.previous, self.put, self.segment = before.number, before.previous, before.put, before.segment
        self.digests = list(digests)
        self.rows: list[dict[str, Any]] = []

    def add(self, make: Make, now: float) -> None:
        """The next event, and a summary after it when the segment is full."""
        self._add(make, now)
        if len(self.digests) >= self.sink.segment:
            digests, self.segment = self.digests, self.number + 1
            self.digests = []
            self._add(lambda number, previous: self._summary(number, previous, digests, now), now)

    def beat(self, now: float, position: int, link: str, waiting: int) -> None:
        """A sign of life: the feed has all that the chain has up to `position`."""

        def make(number: int, previous: str) -> Event:
            return proof.heartbeat(
                sink=self.sink.name,
                number=number,
                previous=previous,
                id=new_id("sh", at=now),
                at=now,
                position=position,
                link=link,
                waiting=waiting,
                signer=self.signer(),
            )

        self.add(make, now)

    def moved(self, position: int, now: float) -> dict[str, Any]:
        """Columns of the sink after all this."""
        found = {"position": position, "number": self.number, "previous": self.previous, "put": self.put}
        return {**found, "segment": self.segment, "told_at": now}

    def _summary(self, number: int, previous: str, digests: list[str], now: float) -> Event:
        id, signer = new_id("ss", at=now), self.signer()
        return proof.summary(
            sink=self.sink.name, number=number, previous=previous, id=id, at=now, digests=digests, signer=signer
        )

    def _add(self, make: Make, now: float) -> None:
        event = make(self.number + 1, self.previous)
        made = rendered(event, Form(self.sink.form), self.sender, room=self._room(event))
        self.number, self.previous, self.put = event.number, made.digest, self.put + len(made.body)
        self.digests.append(made.digest)
        row = {
            "sink": self.sink.name,
            "number": event.number,
            "id": event.id,
            "position": event.position,
            "at": event.at,
            "kind": event.kind,
            "severity": event.severity,
            "previous": event.previous,
            "digest": made.digest,
            "body": made.body.decode(),
            "through": self.put,
            "put_at": now,
        }
        self.rows.append(row)

    def _room(self, event: Event) -> int:
        room = self.sink.largest or ROOM[self.sink.kind]
        return room - overhead(event, self.sender) if self.sink.kind == "syslog" else room
