"""The audit trail as auditors ask for it: who reads it is in it."""

from __future__ import annotations

import msgspec

from gateway.access.masking import mask
from gateway.access.rights import Principal, Right
from gateway.work import pages_audit, trail
from gateway.work.pages_audit import AuditFilter, AuditPage
from gateway.work.personal import personal_fields
from gateway.work.workplace import Workplace


async def read_trail(
    place: Workplace, who: Principal, wanted: AuditFilter, *, below: str = "", limit: int = 50, goes_on: bool = False
) -> AuditPage:
    """A page, newest first. That the trail is read, by whom, with which filter and from where on down is durable before
    the first page is given. `goes_on`: the page follows one that the caller knows to be noted so; an export is one row
    of the trail, however many pages it has. Raises NotAllowed.
    """
    who.require(Right.AUDIT)
    if not goes_on:
        narrowed = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value}
        async with place.database.begin("audit.read") as tx:
            detail = {"filter": narrowed, "below": below}
            await trail.note(tx, at=place.now(), kind="audit_read", actor=who.name, detail=detail)
    page = await pages_audit.read(place, who, wanted, below=below, limit=limit)
    personal = personal_fields(place)
    masked = [msgspec.structs.replace(each, detail=mask(each.detail, personal, who)) for each in page.entries]
    return msgspec.structs.replace(page, entries=tuple(masked))
