"""Frames: many values in one stream message, because the engine costs per message and not per byte (ADR 0012).

Layout: `LF`, version, count (4 bytes), count lengths (4 bytes each), the values. Big-endian, nothing after them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

MAX_FRAME_BYTES = 512 * 1024
"""A frame is closed before its values pass this. One larger value is a frame of its own."""

MAX_FRAME_ENTRIES = 500

_MAGIC = b"LF"
_VERSION = 1
_HEAD = struct.Struct(">2sBI")


def encode(values: Sequence[bytes]) -> bytes:
    """One frame with these values in this order."""
    lengths = struct.pack(f">{len(values)}I", *map(len, values))
    return b"".join((_HEAD.pack(_MAGIC, _VERSION, len(values)), lengths, *values))


def decode(message: bytes) -> list[bytes]:
    """The values of a frame, in order.

    A message that is no frame of ours (somebody else wrote into the topic) comes back whole as one value: the handler
    then has it in hand and can make a case of it, where dropping it or failing for ever would hide or block.
    """
    if len(message) < _HEAD.size:
        return [message]
    magic, version, count = _HEAD.unpack_from(message)
    start = _HEAD.size + 4 * count
    if magic != _MAGIC or version != _VERSION or start > len(message):
        return [message]
    lengths = struct.unpack_from(f">{count}I", message, _HEAD.size)
    if start + sum(lengths) != len(message):
        return [message]
    values = []
    for length in lengths:
        values.append(message[start : start + length])
        start += length
    return values
