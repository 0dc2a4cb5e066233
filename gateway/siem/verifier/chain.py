"""What an event's digest is taken over, and what a signature is of. The one definition, for the gateway and receivers.

Numbers of a feed begin at 1; the `previous` of the first is ZERO. Digests are lower-case hex of SHA-256.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

ZERO = "0" * 64
HEARTBEAT = "siem_heartbeat"
SEGMENT = "siem_segment"
CEF_CHAIN = " cn1Label=feedNumber cn1="
LEEF_CHAIN = "^feedNumber="
"""Where the chain begins in a line of text. What stands before, from `CEF:` or `LEEF:` on, is its content."""


def canonical(value: Any) -> bytes:
    """JSON as RFC 8785 writes it, for what the forms hold: texts, whole numbers within 2^53, lists, objects with keys
    of the basic plane. So the order of names, blanks and escapes do not count, and what was stored parsed still proves.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def digest_of(sink: str, number: int, previous: str, content: bytes) -> str:
    """Of one event as it was sent: its content without the chain, bound to its place in the feed."""
    head = f"lockstep-siem 1\n{sink}\n{number}\n{previous}\n"
    return sha256(head.encode("utf-8", "surrogatepass") + content).hexdigest()


def digest_of_range(digests: Iterable[str]) -> str:
    """Of a segment: over the digests of its events in order, each followed by a line end."""
    return sha256("".join(f"{each}\n" for each in digests).encode()).hexdigest()


def signed_text(kind: str, sink: str, number: int, previous: str, at_ms: int, detail: Any) -> bytes:
    """What the signature of a heartbeat or summary is of: all its detail but the signature, and its place. `previous`
    binds every event before it.
    """
    told = {name: value for name, value in detail.items() if name != "signature"}
    head = f"{kind} 1\n{sink}\n{number}\n{previous}\n{at_ms}\n"
    return head.encode("utf-8", "surrogatepass") + canonical(told)
