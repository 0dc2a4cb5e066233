"""What a sweep found goes the way of every other change: into the stream, durable before the sweep moves on (P1)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from connectors.contract.values import Change
from gateway.streams.port import Stream

_encode = msgspec.json.Encoder().encode


async def tell(stream: Stream, changes: Sequence[Change]) -> None:
    """Appends; their delivery keys make a repeated step harmless. Raises StorageError with nothing accepted."""
    if changes:
        await stream.append_many([(change.stream_key, _encode(change)) for change in changes])
