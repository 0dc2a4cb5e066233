"""Heartbeats and summaries of segments: signed events in the numbering of their feed. When to make one is the feeder's.

Either signature is over the event's `previous`, too, and so over every event before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.core.signing import Signer
from gateway.siem.event import Event
from gateway.siem.forms.times import milliseconds
from gateway.siem.verifier.chain import HEARTBEAT, SEGMENT, digest_of_range, signed_text

INFORMATIONAL = 1
GATEWAY = "lockstep"


def heartbeat(
    *, sink: str, number: int, previous: str, id: str, at: float, position: int, link: str, waiting: int, signer: Signer
) -> Event:
    """The feed lives, holds everything of the audit chain up to `position` (its entry's `link`), and `waiting` of its
    events are in the spool, sent to nobody yet.
    """
    told = {"position": position, "link": link, "waiting": waiting}
    text = f"The feed {sink} lives: it holds what the audit trail has up to entry {position}."
    return _signed(HEARTBEAT, sink, number, previous, id, at, text, told, signer)


def summary(
    *, sink: str, number: int, previous: str, id: str, at: float, digests: Sequence[str], signer: Signer
) -> Event:
    """Of the `digests` of all events since the last summary (that one included), in order; the newest is `previous`.

    Raises ValueError if the digests are not those right before `number`.
    """
    if not digests or len(digests) >= number or digests[-1] != previous:
        raise ValueError(f"a segment ends right before its summary ({number}) and is not empty")
    first, last = number - len(digests), number - 1
    told = {"first": first, "last": last, "count": len(digests), "digest": digest_of_range(digests)}
    text = f"The feed {sink} has {len(digests)} events from {first} to {last}."
    return _signed(SEGMENT, sink, number, previous, id, at, text, told, signer)


def _signed(
    kind: str,
    sink: str,
    number: int,
    previous: str,
    id: str,
    at: float,
    text: str,
    told: Mapping[str, Any],
    signer: Signer,
) -> Event:
    detail = {**told, "key": signer.fingerprint}
    signature = signer.sign(signed_text(kind, sink, number, previous, milliseconds(at), detail))
    return Event(
        sink=sink,
        number=number,
        previous=previous,
        id=id,
        position=0,
        link="",
        at=at,
        kind=kind,
        severity=INFORMATIONAL,
        actor=GATEWAY,
        text=text,
        detail={**detail, "signature": signature},
    )
