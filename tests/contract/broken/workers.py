"""What keeps several workers from harming each other, taken out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from sqlalchemy import bindparam, update

from gateway.delivery.runner import Runner
from gateway.storage.clock import DatabaseClock
from gateway.storage.prepared import Many
from gateway.sync import saving
from gateway.sync import tables as t
from gateway.sync.cache import Cache
from tests.contract.broken.rules import put


def believes_its_memory(stack: ExitStack) -> None:
    """H22: a worker decides from the record as it remembers it, and writes that over what others decided since."""

    def present(self: Cache, revisions: dict[str, int]) -> Iterator[Any]:
        yield from (self._entries[record] for record in revisions if record in self._entries)

    anyway = (
        update(t.record)
        .where(t.record.c.id == bindparam("b_id"), t.record.c.rev >= bindparam("b_rev"))
        .values(rev=bindparam("b_new_rev"), updated_at=bindparam("b_updated_at"), doc=bindparam("b_doc"))
    )
    put(stack, Cache, "_present", present)
    put(stack, saving, "_update_records", Many(lambda insert: anyway))


def goes_by_its_own_clock(stack: ExitStack) -> None:
    """Rules 12 and 17: a worker judges leases that others wrote, and how long it waited, by its own machine's clock."""
    put(stack, DatabaseClock, "now", lambda self: self._own.now())
    put(stack, Runner, "_waited_s", lambda self, attempt, seen: seen.at - attempt.started_at)


def sends_late(stack: ExitStack) -> None:
    """H22: a worker that was stopped sends what it was about to send, however long ago that was."""
    put(stack, Runner, "_is_late", lambda self, attempt: False)
