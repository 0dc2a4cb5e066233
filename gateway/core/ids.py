"""Identifiers: time-ordered, unique without coordination, safe in labels, URLs and vendors' correlation fields."""

from __future__ import annotations

import os
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_last: dict[str, int] = {}
"""Prefix -> number of the last id that this process gave. There are a dozen prefixes."""


def new_id(prefix: str, *, at: float | None = None) -> str:
    """`prefix` + 26 lower-case base-32 digits: 48 bits of milliseconds, then 80 random bits (as UUIDv7 orders them).

    Ids sort by time of making to the millisecond, those of one prefix, process and millisecond in the order in which
    they were made; nothing relies on that for correctness, because clocks jump.
    """
    milliseconds = int((time.time() if at is None else at) * 1000) & (1 << 48) - 1
    last = _last.get(prefix, 0)
    if last >> 80 == milliseconds:
        number = last + 1 + int.from_bytes(os.urandom(6))
    else:
        number = milliseconds << 80 | int.from_bytes(os.urandom(10))
    _last[prefix] = number
    digits = []
    for _ in range(26):
        digits.append(_ALPHABET[number & 31])
        number >>= 5
    return prefix + "".join(reversed(digits))
