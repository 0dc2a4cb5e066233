"""Personal values on their way out: masked for who may not see them, and every look in clear audited."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from gateway.access.masking import holds_personal, mask
from gateway.access.rights import Principal, Right
from gateway.audit.tables import audit
from gateway.work.trail import note
from gateway.work.workplace import Workplace

KIND = "personal_seen"
SAME_LOOK_S = 300.0
"""A page that loads itself again is one look."""


def personal_fields(place: Workplace) -> frozenset[str]:
    """The fields that the record types call personal."""
    return frozenset(
        name for flow in place.config.flows.values() for name, field in flow.type.fields.items() if field.personal
    )


async def seen(
    place: Workplace, who: Principal, values: Any, *, record: str, show: bool = True, cause: str | None = None
) -> Any:
    """`values` as `who` may see them (`gateway.access.masking.mask`); a look in clear is written to the audit trail.

    `record`: id of the record, case or export that is looked at. `show=False` masks for everybody: a panel that has not
    been opened yet.
    """
    fields = personal_fields(place)
    if not show or not who.may(Right.SEE_PERSONAL) or not holds_personal(values, fields):
        return mask(values, fields, who, show=show)
    now = place.now()
    lately = select(audit.c.id).where(
        audit.c.record == record, audit.c.at > now - SAME_LOOK_S, audit.c.kind == KIND, audit.c.cause == _by(who, cause)
    )
    async with place.database.read() as tx:
        known = (await tx.execute(lately.limit(1))).first()
    if known is None:
        async with place.database.begin("access") as tx:
            detail = {"by": who.id, "for": cause}
            await note(tx, at=now, kind=KIND, actor=who.name, record=record[:40], cause=_by(who, cause), detail=detail)
    return values


def _by(who: Principal, cause: str | None) -> str:
    return f"{who.id} {cause or ''}".strip()[:100]
