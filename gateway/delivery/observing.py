"""Reads that a lane makes under its mutex: before a write, after one, and to settle an unknown outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from connectors.contract.clock import Clock
from connectors.contract.connector import Connector
from connectors.contract.values import HistoryEntry, ObjectSpec, Receipt, Ref, WriteKind
from gateway.sync.attempts import Attempt, Seen
from gateway.sync.bounds import addressable, readable
from gateway.sync.steps import Look, Read

Owners = Callable[[Sequence[Ref]], Awaitable[dict[str, str]]]
"""Object id -> record, of those that belong to another record than the one that is worked."""


async def observe(connector: Connector, job: Read, clock: Clock, owners: Owners) -> Seen:
    """What a Read job asks for: the object, or the look-up before a create and the first object it found that no other
    record owns.
    """
    spec, seen = connector.specs[job.object], Seen(rev=job.rev, at=clock.now(), began=clock.monotonic())
    ref = job.ref
    if job.find:
        seen.hits = addressable(await connector.find(job.object, job.correlation)) if spec.marker else []
        seen.natural_hits = addressable(await connector.find_by(job.object, job.natural)) if job.natural else []
        found = [*seen.hits, *seen.natural_hits]
        seen.owners = await owners(found)
        ref = _free(found, seen.owners)
    if ref is None:
        return seen
    seen.snapshot = readable(await connector.read(ref, items=spec.items and job.items))
    since = 0.0 if job.find else job.history_since
    if since is not None and spec.history and seen.snapshot.exists:
        seen.history = list(await connector.history(ref, since))
    if job.steps:
        seen.steps = list(await connector.steps(ref)) if seen.snapshot.exists else []
    return seen


async def read_back(connector: Connector, spec: ObjectSpec, attempt: Attempt, receipt: Receipt, clock: Clock) -> Seen:
    """History since the attempt's base and the object as it is now (rules 14 and 15)."""
    seen = Seen(rev=attempt.base_rev, at=clock.now())
    seen.history = await _history(connector, spec, receipt.ref, attempt)
    seen.snapshot = readable(await connector.read(receipt.ref))
    return seen


async def look(
    connector: Connector, spec: ObjectSpec, attempt: Attempt, job: Look, clock: Clock, owners: Owners
) -> Seen:
    """One look at an unknown outcome: by correlation key, by marker, or at the object and its history."""
    seen = Seen(rev=job.rev, at=clock.now(), began=clock.monotonic())
    ref = attempt.ref
    if attempt.kind is WriteKind.CREATE:
        seen.hits = addressable(await connector.find(spec.name, attempt.correlation))
        seen.owners = await owners(seen.hits)
        ref = _free(seen.hits, seen.owners)
    if ref is None:
        return seen
    if attempt.kind is not WriteKind.ITEM:
        seen.history = await _history(connector, spec, ref, attempt)
    seen.snapshot = readable(await connector.read(ref, items=attempt.kind is WriteKind.ITEM))
    seen.items = list(seen.snapshot.items) if seen.snapshot.items is not None else None
    return seen


def _free(found: Sequence[Ref], owners: Mapping[str, str]) -> Ref | None:
    return next((ref for ref in found if ref.id not in owners), None)


async def _history(connector: Connector, spec: ObjectSpec, ref: Ref, attempt: Attempt) -> list[HistoryEntry] | None:
    if not spec.history:
        return None
    return list(await connector.history(ref, attempt.base_at if attempt.kind is not WriteKind.CREATE else 0.0))
