"""What moved since a plan was made, item by item, and how two plans differ."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.picking import open_versions
from replay import store
from replay.planning import foresee
from replay.ports import Books, Foresight
from replay.values import RANK, SENDS, Action, Diff, Foreseen, Moved, Plan, Source

MOST = 200
"""So many things are named; a plan with more is stale all the same."""


async def moved_since(books: Books, foresight: Foresight, plan: Plan, source: Source, *, now: float) -> list[Moved]:
    """Everything that is not as the plan says, first its pins. Empty: it can be run.

    An item moved if it would do something else now; who has a case, or what was said about it, moves nothing.
    """
    found = list(_pins(plan, foresight, now))
    after = 0
    while len(found) < MOST:
        async with books.read() as tx:
            page = await store.load_pinned(tx, plan.id, after=after, actions=SENDS)
            suspects = await _suspects(tx, foresight, source, page)
            found += await _items(tx, foresight, source, plan.id, suspects) if suspects else []
        if len(page) < store.BATCH:
            break
        after = page[-1].seq
        await asyncio.sleep(0)
    return found[:MOST]


def _pins(plan: Plan, foresight: Foresight, now: float) -> Iterator[Moved]:
    if now > plan.pins.good_until:
        yield Moved(item=plan.id, what="time", was=plan.pins.good_until, now=now)
    mappings, connectors = foresight.pins()
    for what, pinned, present in (
        ("mapping", plan.pins.mappings, mappings),
        ("connector", plan.pins.connectors, connectors),
    ):
        for name in sorted({*pinned, *present}):
            if pinned.get(name) != present.get(name):
                yield Moved(item=name, what=what, was=pinned.get(name), now=present.get(name))


async def _items(
    tx: AsyncConnection, foresight: Foresight, source: Source, plan: str, suspects: Sequence[int]
) -> list[Moved]:
    planned = await store.items_at(tx, plan, suspects)
    present = await foresee(tx, foresight, source, [item.subject for item in planned])
    return [moved for was, now in zip(planned, present, strict=True) for moved in differences(was, now)]


async def _suspects(
    tx: AsyncConnection, foresight: Foresight, source: Source, planned: Sequence[store.Pinned]
) -> list[int]:
    """Places of items of which the case, the record or who has it moved in any way: only these are foreseen anew."""
    if source is Source.JOURNAL:
        return [item.seq for item in planned]
    revisions = await foresight.revisions(tx, {item.record for item in planned if item.record})
    held = await store.held_records(tx, {store.held_key(item) for item in planned})
    versions = await open_versions(tx, [item.subject for item in planned])
    return [
        item.seq
        for item in planned
        if versions.get(item.subject) != item.version
        or (item.record and revisions.get(item.record) != item.revision)
        or store.held_key(item) in held
    ]


def differences(was: Foreseen, now: Foreseen) -> Iterator[Moved]:
    """How an item would do something else now than it was planned to."""
    name = was.object_key or was.subject
    if now.action is not was.action:
        yield Moved(item=name, what="case", was=str(was.action), now=_told(now))
        return
    before, after = {diff.field: diff for diff in was.diffs}, {diff.field: diff for diff in now.diffs}
    for field in sorted({*before, *after}):
        yield from _field(name, field, before.get(field), after.get(field))


def _told(now: Foreseen) -> str:
    return f"{now.action}: {now.reason}" if now.reason else str(now.action)


def _field(name: str, field: str, was: Diff | None, now: Diff | None) -> Iterator[Moved]:
    pinned, present = (was.wanted if was else None), (now.wanted if now else None)
    if pinned != present or (was is None) != (now is None):
        yield Moved(item=name, what=field, was=pinned, now=present, by=now.by if now else "", at=now.at if now else 0.0)
    elif was is not None and now is not None and was.got != now.got:
        yield Moved(item=name, what=f"{field} there", was=was.got, now=now.got)


def bolder(was: Foreseen, now: Foreseen) -> bool:
    """Whether an item would do something now that people should have looked at before, and did not."""
    if now.action is was.action:
        return False
    return now.action not in (Action.UPDATE, Action.PROVE) or RANK[now.action] < RANK[was.action]


def compared(before: Mapping[str, Foreseen], after: Mapping[str, Foreseen]) -> dict[str, list[str]]:
    """Subjects that came in, went out, or would do something else; `same` for the rest."""
    found: dict[str, list[str]] = {"added": [], "dropped": [], "changed": [], "same": []}
    for subject in [*after, *(each for each in before if each not in after)]:
        was, now = before.get(subject), after.get(subject)
        if was is None or now is None:
            found["added" if was is None else "dropped"].append(subject)
        else:
            found["changed" if any(differences(was, now)) else "same"].append(subject)
    return found
