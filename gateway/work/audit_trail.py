"""The audit trail as auditors ask for it: who reads it is in it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec

from gateway.access.masking import mask
from gateway.access.rights import Principal, Right
from gateway.core.kinds import APPLIED, FAILED, OPEN
from gateway.work import pages_audit, trail
from gateway.work.audit_chain import ChainHead, chain_state
from gateway.work.pages_audit import AuditFilter, AuditPage, Entry
from gateway.work.personal import personal_fields
from gateway.work.workplace import Workplace

__all__ = ["chain_state", "export_trail", "follow_trail", "read_trail", "show_entry"]
PAGE = 500
"""Rows that an export reads at a time."""


class TrailEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of an export: how much it is, and where the chain stood when it began."""

    rows: int
    head: ChainHead | None
    """The newest entry then, with its link and the signature of it: what an auditor holds later exports against."""
    filter: dict[str, Any]
    entry: str
    """Id of the entry that tells of this export."""


async def read_trail(
    place: Workplace, who: Principal, wanted: AuditFilter, *, below: str = "", limit: int = 50, goes_on: bool = False
) -> AuditPage:
    """A page, newest first. That the trail is read, by whom, with which filter and from where on down is durable before
    the first page is given. `goes_on`: the page follows one that the caller knows to be noted so. Raises NotAllowed.
    """
    who.require(Right.AUDIT)
    if not goes_on:
        await _note_read(place, who, {"filter": _narrowed(wanted), "below": below})
    page = await pages_audit.read(place, who, wanted, below=below, limit=limit)
    return msgspec.structs.replace(page, entries=tuple(_masked(place, who, page.entries)))


async def show_entry(place: Workplace, who: Principal, which: str) -> list[Entry] | None:
    """An entry, by its id or by its place in the chain (`#88214`), first; then what it closes, or what closes it. None:
    there is none in scope. Noted as a reading. Raises NotAllowed.
    """
    who.require(Right.AUDIT)
    await _note_read(place, who, {"entry": which})
    found = await pages_audit.one(place, who, which)
    return _masked(place, who, found) or None


async def follow_trail(
    place: Workplace, who: Principal, wanted: AuditFilter, *, after: int, limit: int = 200, goes_on: bool = False
) -> list[Entry]:
    """What came after an entry, in the order of the chain. `goes_on` as in `read_trail`. Raises NotAllowed."""
    who.require(Right.AUDIT)
    if not goes_on:
        await _note_read(place, who, {"filter": _narrowed(wanted), "after": after})
    return _masked(place, who, await pages_audit.after(place, who, wanted, after, limit=limit))


async def export_trail(place: Workplace, who: Principal, wanted: AuditFilter) -> AsyncGenerator[Entry | TrailEnd, None]:
    """Every row of the filter, newest first, and at the end where the chain stood when it began. That it is exported is
    durable before the first row is given; the entry is closed with the count when the last one was, or as failed if it
    broke off. Raises NotAllowed.
    """
    who.require(Right.AUDIT)
    head = (await chain_state(place, who)).head
    async with place.database.begin("audit.export") as tx:
        told = {"by": who.id, "filter": _narrowed(wanted), "head": head.seq if head else 0}
        said: dict[str, Any] = {"kind": "audit_exported", "actor": who.name}
        entry = await trail.note(tx, at=place.now(), detail=told, outcome=OPEN, **said)
    count, below, whole = 0, "", False
    try:
        while True:
            page = await pages_audit.read(place, who, wanted, below=below, limit=PAGE)
            for each in _masked(place, who, page.entries):
                if each.id != entry:
                    count += 1
                    yield each
            below = page.next
            if not below:
                break
        yield TrailEnd(rows=count, head=head, filter=_narrowed(wanted), entry=entry)
        whole = True
    finally:
        async with place.database.begin("audit.export") as tx:
            outcome = {"outcome": APPLIED if whole else FAILED, "closes": entry}
            await trail.note(tx, at=place.now(), detail={"by": who.id, "rows": count}, **outcome, **said)


async def _note_read(place: Workplace, who: Principal, detail: dict[str, Any]) -> None:
    async with place.database.begin("audit.read") as tx:
        await trail.note(tx, at=place.now(), kind="audit_read", actor=who.name, detail=detail)


def _narrowed(wanted: AuditFilter) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(wanted).items() if value}


def _masked(place: Workplace, who: Principal, entries: Sequence[Entry]) -> list[Entry]:
    personal = personal_fields(place)
    return [msgspec.structs.replace(each, detail=mask(each.detail, personal, who)) for each in entries]
