"""A small memory for look-ups (people, groups): bounded, and never believed for long."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from connectors.contract.clock import Clock

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """Keeps at most `size` values, each for `ttl_s` seconds of elapsed time; the longest unused goes first."""

    def __init__(self, clock: Clock, *, ttl_s: float = 300.0, size: int = 10_000) -> None:
        self._clock, self._ttl_s, self._size = clock, ttl_s, size
        self._kept: OrderedDict[Key, tuple[float, Value]] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """The value, or None if it is not known (any more)."""
        kept = self._kept.get(key)
        if kept is None or kept[0] <= self._clock.monotonic():
            return None
        self._kept.move_to_end(key)
        return kept[1]

    def put(self, key: Key, value: Value) -> None:
        """Remembers; replaces what was known."""
        self._kept[key] = (self._clock.monotonic() + self._ttl_s, value)
        self._kept.move_to_end(key)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
