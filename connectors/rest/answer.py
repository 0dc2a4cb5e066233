"""What was asked of a system and what came back, as plain values. No judgement here; see `classify`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from connectors.contract.connector import Sink

TypeCheck = Callable[[Any], str]
"""Looks at parsed JSON and returns a complaint, or "" when the shape is what the vendor documents."""


class Failure(StrEnum):
    """How far a request got when there is no whole answer."""

    NOT_SENT = "not_sent"  # no byte of the request left us: refused, DNS, TLS, no free connection in time
    UNSENDABLE = "unsendable"  # the request itself cannot be made (bad URL): again would not help
    NO_ANSWER = "no_answer"  # sent at least in part, then time-out, reset or an answer that is not HTTP
    CUT = "cut"  # the answer began and ended too early
    TOO_LARGE = "too_large"  # the answer is longer than the cap


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request as far as its judgement needs it."""

    method: str
    url: str
    write: bool
    """Whether the request may change something. A POST that searches is not a write."""
    empty_ok: bool = False
    """The vendor documents success without a body (204). Otherwise, and for any body, JSON is due."""
    sound: TypeCheck | None = None
    """Checks the shape of a successful body; a complaint counts like a truncated answer."""
    sink: Sink | None = None
    """Takes the body of a success, which may be anything; then there is none in the answer."""
    tolerate: frozenset[int] = frozenset()
    """Error statuses the caller reads itself (404 of a read means: it does not exist)."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A system's answer. `data` is the parsed body, None where there was no JSON."""

    status: int
    headers: Mapping[str, str] = {}
    """Lower-case names; of repeated headers the values are joined by a comma."""
    body: bytes = b""
    data: Any = None
    is_json: bool = False
    whole: bool = True
    """False: the connection ended or the cap was reached before the body did."""
