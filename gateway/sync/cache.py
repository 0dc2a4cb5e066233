"""Records that were decided about lately, kept decoded. The revision in the database says whether one is still true."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.sync import store
from gateway.sync.state import Lane, RecordState

MOST = 2_000
"""Entries; a few kilobytes each. One record is decided about three times within moments (Tb, Ts, Tc)."""


@dataclass(slots=True)
class Entry:
    """A record with its lanes, as of `state.rev`. Every change of a lane moves the record's revision too."""

    state: RecordState
    lanes: dict[str, Lane]
    doc: str


class Cache:
    """Never believed without asking: `load` locks the rows and compares revisions, so another process's change is
    seen.
    """

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self.heads: store.Heads | None = None
        """As the last `load` saw them; None: it locked nothing."""

    async def load(self, tx: AsyncConnection, ids: Collection[str]) -> list[Entry]:
        """The records that exist, locked. What is handed out may be changed: `keep` or `forget` it afterwards."""
        self.heads = None
        if not ids:
            return []
        revisions, self.heads = await store.lock_records(tx, ids)
        found = list(self._present(revisions))
        missing = revisions.keys() - {entry.state.id for entry in found}
        if missing:
            docs = await store.load_docs(tx, missing)
            lanes = await store.load_lanes(tx, missing)
            found += [Entry(state, lanes.get(record, {}), doc) for record, (state, doc) in docs.items()]
        return found

    def _present(self, revisions: dict[str, int]) -> Iterator[Entry]:
        for record, revision in revisions.items():
            entry = self._entries.get(record)
            if entry is not None and entry.state.rev == revision:
                yield entry

    def keep(self, entries: Iterable[Entry]) -> None:
        """These are committed."""
        for entry in entries:
            self._entries[entry.state.id] = entry
            self._entries.move_to_end(entry.state.id)
        while len(self._entries) > self.most:
            self._entries.popitem(last=False)

    def forget(self, ids: Iterable[str]) -> None:
        """These may hold changes that were not committed."""
        for record in ids:
            self._entries.pop(record, None)
