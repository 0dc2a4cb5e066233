"""What a plan says: what the product's planner foresees of each item, who has to look, and the digest that binds it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.picking import Picked, picked
from replay import store
from replay.ports import Foresight
from replay.values import SENDS, Action, Foreseen, Limits, Plan, Source

_canonical = msgspec.json.Encoder(order="deterministic").encode


async def foresee(
    tx: AsyncConnection, foresight: Foresight, source: Source, subjects: Sequence[str], *, mine: str = ""
) -> list[Foreseen]:
    """What would come of each item now. `mine`: the run whose own hold of a record hinders nothing."""
    if source is Source.JOURNAL:
        found = {each.subject: each for each in await foresight.notices(tx, subjects)}
    else:
        found = {each.subject: each for each in await _of_cases(tx, foresight, subjects)}
    gone = {subject: _forgotten(subject) for subject in subjects if subject not in found}
    foreseen = [found.get(subject) or gone[subject] for subject in subjects]
    held = await store.held_records(tx, {store.held_key(each) for each in foreseen if each.action in SENDS})
    return [_blocked(each, held.get(store.held_key(each), ""), mine) for each in foreseen]


async def _of_cases(tx: AsyncConnection, foresight: Foresight, numbers: Sequence[str]) -> list[Foreseen]:
    cases = await picked(tx, numbers)
    return await foresight.cases(tx, [each for each in cases if each.closed_at is None]) + [
        _closed(each) for each in cases if each.closed_at is not None
    ]


def _closed(case: Picked) -> Foreseen:
    return Foreseen(
        subject=case.number,
        action=Action.GONE,
        reason=f"the case is closed ({case.ending.replace('_', ' ')})",
        record=case.record,
        flow=case.flow,
        connection=case.connection,
        object=case.object,
        object_key=case.object_key,
        cause=case.cause,
        version=case.version,
    )


def _forgotten(subject: str) -> Foreseen:
    return Foreseen(subject=subject, action=Action.GONE, reason="it is not kept any more")


def _blocked(each: Foreseen, run: str, mine: str) -> Foreseen:
    if each.action not in SENDS or run in ("", mine):
        return each
    return msgspec.structs.replace(
        each, action=Action.BLOCKED, decision="", reason=f"its record is in run {run}", diffs=(), calls=0
    )


def approval_needed(limits: Limits, totals: dict[str, int], *, bolder: bool = False) -> str:
    """Why a second person has to look at a plan; empty: nobody has to."""
    sends = sum(n for action, n in totals.items() if action in SENDS)
    creates, deletes = totals[Action.CREATE], totals[Action.DELETE]
    if deletes > limits.most_deletes:
        return f"it closes {deletes} objects of {limits.most_deletes} that one person may"
    if creates > limits.most_creates:
        return f"it creates {creates} objects of {limits.most_creates} that one person may"
    if sends > limits.approve_above:
        return f"it sends {sends} items, one person may send {limits.approve_above}"
    if bolder and sends:
        return "its limits are bolder than the configuration's"
    return ""


def digest_of(plan: Plan, foreseen: Iterable[Foreseen]) -> str:
    """`sha-256:` over what the plan holds on and all that it would do, item by item, in its order."""
    digest = Digest(plan)
    digest.add(foreseen)
    return digest.told


class Digest:
    """As `digest_of`, of items that come a few at a time."""

    def __init__(self, plan: Plan) -> None:
        self._hash = hashlib.sha256(_canonical((plan.id, plan.selection, plan.pins, plan.limits)))

    def add(self, foreseen: Iterable[Foreseen]) -> None:
        """The next items."""
        for each in foreseen:
            told = (each.subject, each.action, each.decision, each.change, each.version, each.revision)
            self._hash.update(_canonical(told) + b"\n")

    @property
    def told(self) -> str:
        """Over everything up to here."""
        return f"sha-256:{self._hash.hexdigest()}"
