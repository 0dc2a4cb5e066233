"""What may be committed: the offset below which everything fetched has been handled, per partition.

Faust's own bookkeeping commits past a message in flight when its neighbours finish first (upstream issue 606), counts a
gap in the offsets as handled, and forgets what was acknowledged while partitions are revoked. This one starts from what
was fetched: an offset that was fetched and not handled stops the commit in front of it, whatever happened to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from faust.types import TP


@dataclass
class _Partition:
    safe: int
    """Everything below is handled."""
    following: int
    """The offset that should be fetched next."""
    committed: int
    pending: deque[int] = field(default_factory=deque)
    handled: set[int] = field(default_factory=set)


class Ledger:
    """Fetched and handled offsets of the partitions this consumer holds. Not thread-safe: one event loop."""

    def __init__(self) -> None:
        self._partitions: dict[TP, _Partition] = {}

    def begin(self, tp: TP, start: int) -> None:
        """Reading of `tp` starts (again) at this offset: what is committed, or the first there is."""
        self._partitions[tp] = _Partition(safe=start, following=start, committed=start)

    def fetched(self, tp: TP, offset: int) -> int | None:
        """Note a fetched offset. Returns the first missing offset when some were passed over, else None."""
        mine = self._partitions.get(tp)
        if mine is None:
            return None
        missing = mine.following if offset > mine.following else None
        if offset >= mine.following:
            mine.pending.append(offset)
            mine.following = offset + 1
        return missing

    def finished(self, tp: TP, offset: int) -> None:
        """Note a handled offset. Ignored for partitions that were given up meanwhile: their new owner starts over."""
        mine = self._partitions.get(tp)
        if mine is None or not mine.pending or not mine.pending[0] <= offset <= mine.pending[-1]:
            return
        mine.handled.add(offset)
        while mine.pending and mine.pending[0] in mine.handled:
            mine.handled.discard(mine.pending[0])
            mine.safe = mine.pending.popleft() + 1

    def committable(self) -> dict[TP, int]:
        """Per partition the offset to commit, where that is news."""
        return {tp: mine.safe for tp, mine in self._partitions.items() if mine.safe > mine.committed}

    def confirm(self, offsets: Mapping[TP, int]) -> None:
        """These offsets are committed; only now are they not offered again."""
        for tp, offset in offsets.items():
            if tp in self._partitions:
                self._partitions[tp].committed = offset

    def forget(self, tps: Iterable[TP]) -> None:
        """These partitions were given up."""
        for tp in tps:
            self._partitions.pop(tp, None)

    def committed(self) -> dict[TP, int]:
        """Per partition the offset that is committed, or that reading began at."""
        return {tp: mine.committed for tp, mine in self._partitions.items()}

    def positions(self) -> dict[TP, int]:
        """Per partition the lowest offset not yet handled."""
        return {tp: mine.safe for tp, mine in self._partitions.items()}
