"""Splunk's HTTP event collector, with acknowledgements: an event is sent when the indexer says that it has it.

An id of an acknowledgement counts within one channel, and Splunk forgets both when it is started again; a new channel
after every failure, and whenever ids do not grow, keeps an old id from being taken for a new one [facts.md 7.3].
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from uuid import uuid4

import msgspec
import orjson

from connectors.contract.clock import Clock
from connectors.rest.limits import retry_after
from gateway.access.outbound import AddressRefused, Answer, NotReached, Outbound
from gateway.config.siem import Hec
from gateway.siem.ways.port import AGAIN, Away, Line, Proof, SaidNo

MOST_PENDING = 16
"""Batches that wait for an acknowledgement."""
ASK_S = 0.5
TIMEOUT_S = 30.0
LARGEST_ANSWER = 64 << 10
_CODES = {
    1: "the token is disabled",
    2: "it wants a token",
    3: "it does not understand our token",
    4: "it does not know the token",
    5: "it found no data",
    6: "it cannot read an event",
    7: "the index does not fit the token",
    8: "it has an error of its own",
    9: "it is busy",
    10: "it wants a channel",
    11: "the channel is none",
    12: "an event is missing",
    13: "an event is blank",
    14: "the token has no acknowledgements: switch them on there, or say acknowledge: false",
    18: "it is not healthy",
}
_BUSY = frozenset({8, 9, 18})


class _Pending(msgspec.Struct):
    """A batch that Splunk took and has not acknowledged."""

    ack: int
    last: int
    """Number of its last event."""
    at: float
    """When it was taken (wall clock: another worker may go on)."""
    held: bool = False
    """It is acknowledged, and an earlier one is not yet."""


class _Memory(msgspec.Struct):
    channel: str = ""
    pending: list[_Pending] = []


class HecWay:
    """To one collector."""

    most = 500

    def __init__(self, target: Hec, outbound: Outbound, host: str, clock: Clock, *, json: bool) -> None:
        """`json`: the form is an object of JSON, which goes in as such; otherwise it is a text."""
        self.target, self.outbound, self.host, self.clock, self.json = target, outbound, host, clock, json
        self._sent = 0
        self._channel = ""
        self._pending: deque[_Pending] = deque()
        self._highest = -1
        self._asked = float("-inf")

    @property
    def full(self) -> bool:
        return len(self._pending) >= MOST_PENDING

    def begin(self, known: Proof, memory: str) -> int:
        """What the last holder waited for is waited for."""
        kept = msgspec.json.decode(memory, type=_Memory) if memory not in ("", AGAIN) else _Memory()
        self._sent = known.sent
        self._channel, self._pending = kept.channel or str(uuid4()), deque(kept.pending)
        self._highest = max((each.ack for each in kept.pending), default=-1)
        return self._pending[-1].last if self._pending else known.sent

    def memory(self) -> str:
        return msgspec.json.encode(_Memory(self._channel, list(self._pending))).decode()

    async def hand(self, lines: Sequence[Line]) -> None:
        body = b"".join(map(self._event, lines))
        answer = await self._ask("/services/collector/event", body)
        if not self.target.acknowledge:
            self._sent = lines[-1].number
            return
        ack = _of(answer).get("ackId")
        if not isinstance(ack, int):
            raise SaidNo("it took events and gave no id to ask for: the token has no acknowledgements")
        if ack <= self._highest:
            raise Away("its ids begin anew: it was started again, and what it has not acknowledged may be lost")
        self._highest = ack
        self._pending.append(_Pending(ack, lines[-1].number, self.clock.now()))

    def _event(self, line: Line) -> bytes:
        """As it is, to the octet: the digest is over it."""
        told = {"time": round(line.at, 3), "host": self.host, "source": self.target.source}
        told |= {"sourcetype": self.target.sourcetype} | ({"index": self.target.index} if self.target.index else {})
        fields = {"event_id": line.id, "feed_number": str(line.number), "feed_digest": line.digest}
        event = line.body.encode() if self.json else orjson.dumps(line.body)
        return orjson.dumps(told)[:-1] + b',"fields":' + orjson.dumps(fields) + b',"event":' + event + b"}"

    async def proven(self, *, idle: bool) -> Proof:
        now = self.clock.monotonic()
        if self._pending and now - self._asked >= ASK_S:
            self._asked = now
            await self._acknowledged()
        return Proof(self._sent, self._sent)

    async def _acknowledged(self) -> None:
        """A true is told once: the caller stores the proof before anything else is asked."""
        asked = [each.ack for each in self._pending if not each.held]
        answer = await self._ask("/services/collector/ack", orjson.dumps({"acks": asked}))
        told = _of(answer).get("acks")
        told = told if isinstance(told, dict) else {}
        for each in self._pending:
            each.held = each.held or told.get(str(each.ack)) is True
        while self._pending and self._pending[0].held:
            self._sent = self._pending.popleft().last
        if self._pending and self.clock.now() - self._pending[0].at > self.target.within_s:
            raise Away(f"what it took was not acknowledged in {self.target.within_s:g} s")

    async def _ask(self, path: str, body: bytes) -> Answer:
        headers = {"Authorization": f"Splunk {self.target.token}", "Content-Type": "application/json"}
        where = self.target.url + path
        if self.target.acknowledge:
            headers["X-Splunk-Request-Channel"] = self._channel
            where += f"?channel={self._channel}" if path.endswith("ack") else ""
        try:
            answer = await self.outbound.send(
                "POST", where, headers=headers, body=body, timeout_s=TIMEOUT_S, largest=LARGEST_ANSWER
            )
        except AddressRefused as error:
            raise SaidNo(str(error)) from error
        except NotReached as error:
            raise Away(str(error)) from error
        return self._judged(answer)

    def _judged(self, answer: Answer) -> Answer:
        if answer.status == 200:
            return answer
        code = _of(answer).get("code")
        why = f"it said {answer.status}" + (f": {_CODES[code]}" if isinstance(code, int) and code in _CODES else "")
        if answer.status >= 500 or answer.status == 429 or code in _BUSY:
            raise Away(why, retry_after_s=retry_after(answer.headers, self.clock.now()) or 0.0)
        raise SaidNo(why)

    async def drop(self) -> int:
        """What is not acknowledged goes again, on a channel on which no old id means anything."""
        self._channel, self._highest = str(uuid4()), -1
        self._pending.clear()
        return self._sent

    async def close(self) -> None:
        return


def _of(answer: Answer) -> dict[str, object]:
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}
