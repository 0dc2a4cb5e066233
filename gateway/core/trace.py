"""W3C Trace Context: what belongs to one request has one trace id, whoever began it."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

import msgspec

_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_CURRENT = ContextVar[str]("lockstep_trace", default="")


class Trace(msgspec.Struct, frozen=True):
    """Where a request stands: the story it belongs to, and our part in it."""

    id: str
    """32 hexadecimal digits."""
    span: str
    """16 hexadecimal digits: ours, new for every request."""
    flags: str = "00"

    @property
    def header(self) -> str:
        """As `traceparent` goes on."""
        return f"00-{self.id}-{self.span}-{self.flags}"


def trace_of(traceparent: str) -> Trace:
    """Continues the caller's trace; a header that is missing or unreadable is ignored, and a new trace begins."""
    found = _FORM.fullmatch(traceparent.strip())
    if found is None or found[1] == "ff" or (found[1] == "00" and found[5]) or not _is_id(found[2], found[3]):
        return Trace(secrets.token_hex(16), secrets.token_hex(8))
    return Trace(found[2], secrets.token_hex(8), found[4])


def _is_id(trace: str, span: str) -> bool:
    """All zeros mean that there is none."""
    return bool(trace.strip("0") and span.strip("0"))


def current() -> str:
    """Id of the trace that the running task works for; empty: none."""
    return _CURRENT.get()


def enter(trace: Trace) -> None:
    """The running task, and what it starts from now on, works for this trace."""
    _CURRENT.set(trace.id)
