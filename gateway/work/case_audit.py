"""Audit entries of what people do with cases, in the transaction that does it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.actions import Decided
from dead_letter.approvals import Wish
from dead_letter.store import get_case
from dead_letter.values import Case, CaseState, CaseSummary, Ending
from gateway.access.rights import Principal
from gateway.audit.effects import close
from gateway.config.written import digest, document
from gateway.core.kinds import APPLIED, FAILED, OPEN, SUPERSEDED
from gateway.sync import tables as t
from gateway.work.trail import note
from gateway.work.workplace import Workplace

SHORT = 12
"""Of digests, as people compare them."""


async def audited(
    tx: AsyncConnection,
    who: Principal,
    kind: str,
    case: CaseSummary | None,
    *,
    now: float,
    outcome: str = "",
    **detail: Any,
) -> None:
    """One entry; `cause` is the case. Beside the name stands the id: names may change hands, ids do not."""
    await note(
        tx,
        at=now,
        kind=kind,
        actor=who.name,
        record=(case.record or None) if case else None,
        connection=(case.connection or None) if case else None,
        cause=case.number if case else None,
        detail={"by": who.id, **{name: each for name, each in detail.items() if each not in ("", None)}},
        outcome=outcome,
    )


async def audit_wish(
    tx: AsyncConnection,
    place: Workplace,
    who: Principal,
    kind: str,
    case: Case,
    wish: Wish,
    *,
    outcome: str = "",
    **more: str,
) -> None:
    """What was decided or asked for, about what, as it was called and on which versions of everything it depends on."""
    moved: dict[str, Any] = {"before": wish.old, "after": wish.new} if wish.action == "correct" else {}
    await audited(
        tx,
        who,
        kind,
        case,
        now=place.now(),
        outcome=outcome,
        action=wish.action,
        field=(wish.field or case.field) if wish.chosen else "",  # beside a choice, so that readers can be kept from it
        choice=wish.chosen,
        **moved,
        reason=wish.reason,
        code=wish.code,
        proof=wish.proof,
        version=case.version,
        about={"object": case.object, "id": case.object_id, "called": case.object_key, "cause": case.cause},
        versions=await versions_of(tx, place, case),
        **more,
    )


async def versions_of(tx: AsyncConnection, place: Workplace, case: CaseSummary) -> dict[str, Any]:
    """Of the case, its record, its mapping and the configuration: as of now."""
    flow = place.topology.flows.get(case.flow)
    member = flow.members.get(case.connection) if flow else None
    revision = None
    if case.record:
        revision = (await tx.execute(select(t.record.c.rev).where(t.record.c.id == case.record))).scalar()
    found = {
        "case": case.version,
        "record": revision,
        "mapping": member.mapping.label if member else None,
        "configuration": configuration_of(place) or None,
    }
    return {name: each for name, each in found.items() if each is not None}


def configuration_of(place: Workplace) -> str:
    """What the configuration is known by: what this worker began with, else what the files of a command say."""
    if place.begun_with or not place.config.file.is_file():
        return place.begun_with[:SHORT]
    return digest(document(place.config), settings=True)[:SHORT]


async def outcome_of(tx: AsyncConnection, done: Decided, now: float) -> str:
    """What a decision came to, as far as it is known when it is written: `open` while it is on its way. One that gives
    up what somebody asked for before ends that, too.
    """
    if done.approval or done.repeated:
        return ""
    if done.state is not CaseState.IN_RUN:
        if done.state is CaseState.CLOSED:
            await close(tx, [done.number], kind="case_ended", outcome=SUPERSEDED, at=now, detail={"by": "a decision"})
        return ""
    after = await get_case(tx, done.number)
    if after is None or after.state is CaseState.IN_RUN:
        return OPEN
    if after.state is not CaseState.CLOSED:
        return FAILED
    return APPLIED if after.ending in (Ending.APPLIED, Ending.AGREED) else SUPERSEDED
