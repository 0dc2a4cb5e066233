"""A feed as a sink's spool makes it: numbered, chained, with heartbeats and summaries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.core.signing import Signer
from gateway.siem.event import Event
from gateway.siem.forms.rendering import rendered
from gateway.siem.forms.sender import Form, Rendered, Sender
from gateway.siem.proof import heartbeat, summary
from gateway.siem.verifier.chain import ZERO

SENDER = Sender(host="gw1.example", version="0.1.0")
SIGNER = Signer(bytes(range(32)))
START = 1_795_000_000.25


def event(kind: str = "token_created", **more: object) -> Event:
    """One event, with a place in no feed yet."""
    plain = Event(
        sink="soc",
        number=1,
        previous=ZERO,
        id="au01",
        position=7,
        link="ab" * 32,
        at=START,
        kind=kind,
        severity=4,
        actor="ines",
        text="ines made a token for olaf.",
        detail={"owner": "olaf", "roles": ["viewer"]},
    )
    return msgspec.structs.replace(plain, **more)


@dataclass
class Feed:
    """Events and what went out for them."""

    form: Form = Form.JSON
    sink: str = "soc"
    signer: Signer = SIGNER
    sent: list[Rendered] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    _summed: int = 0

    @property
    def number(self) -> int:
        return len(self.sent) + 1

    @property
    def previous(self) -> str:
        return self.sent[-1].digest if self.sent else ZERO

    def add(self, *events: Event) -> None:
        for each in events:
            place = {"sink": self.sink, "number": self.number, "previous": self.previous}
            self._send(msgspec.structs.replace(each, **place, id=f"au{self.number:06}", at=START + self.number))

    def beat(self) -> None:
        made = heartbeat(**self._place("hb"), position=self.number, link="cd" * 32, waiting=0, signer=self.signer)
        self._send(made)

    def sum_up(self) -> None:
        digests = [each.digest for each in self.sent[self._summed :]]
        self._send(summary(**self._place("sg"), digests=digests, signer=self.signer))
        self._summed = len(self.sent) - 1

    def _place(self, prefix: str) -> dict[str, Any]:
        number = self.number
        return {
            "sink": self.sink,
            "number": number,
            "previous": self.previous,
            "id": f"{prefix}{number:06}",
            "at": START + number,
        }

    def _send(self, event: Event) -> None:
        self.events.append(event)
        self.sent.append(rendered(event, self.form, SENDER, room=8192))

    @property
    def lines(self) -> list[bytes]:
        return [each.body for each in self.sent]


def feed_of(count: int, form: Form = Form.JSON, *, every: int = 10, sink: str = "soc") -> Feed:
    """`count` events, after every few of them a heartbeat or a summary by turns, a heartbeat last."""
    made = Feed(form, sink)
    while made.number < count:
        if made.number % every:
            made.add(event(text=f"Event {made.number} of = many | \\ ^ \u00e9\n\U0001f600"))
        elif made.number // every % 2:
            made.sum_up()
        else:
            made.beat()
    made.beat()
    return made


def stored(lines: Iterable[bytes]) -> bytes:
    """As a file of lines."""
    return b"".join(each + b"\n" for each in lines)


def ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Numbers as ranges."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found
