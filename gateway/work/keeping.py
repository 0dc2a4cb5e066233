"""What auditors and admins do with what is kept: holds, the archive, erasure. Acts and looks are in the trail."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from sqlalchemy import exists, or_, select

from connectors.contract.errors import InputError
from dead_letter.tables import cases
from dead_letter.values import parse_number
from gateway.access.masking import mask
from gateway.access.rights import Principal, Right
from gateway.audit.keys import signer_for
from gateway.audit.tables import audit_key
from gateway.keeping import archive, holds
from gateway.keeping.archive import searched
from gateway.keeping.holds import Hold, Kind
from gateway.keeping.tables import archive as rows
from gateway.keeping.witness import witness
from gateway.sync import erasing
from gateway.work import trail
from gateway.work.case_scope import flows_of
from gateway.work.personal import personal_fields
from gateway.work.records import record_of
from gateway.work.workplace import Workplace

ALL = "all"
Target = Literal["case", "record", "flow", "all"]


class KeepingRefused(InputError):
    """It cannot be held, released, found or erased so; says why."""


class Archived(msgspec.Struct, frozen=True, kw_only=True):
    """One document of the archive, without its content."""

    seq: int
    kind: str
    name: str
    title: str
    flow: str
    connection: str
    record: str
    closed_at: float
    at: float
    good_until: float
    """Its content is kept so long, and longer while it is held."""
    gone: str
    """Why the content went (`age`, `erased`); empty while it is there."""


class ArchivePage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of them, newest first."""

    documents: tuple[Archived, ...]
    next: int
    """Goes on below this one; 0 at the end."""


class ArchivedWhole(msgspec.Struct, frozen=True, kw_only=True):
    """One document with its content, personal values masked; null once it went."""

    document: Archived
    content: Any


class ArchiveState(msgspec.Struct, frozen=True, kw_only=True):
    """What looking through the whole archive found."""

    documents: int
    sound: bool
    findings: tuple[archive.Broken, ...]


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """How much went, by what it was."""

    record: str
    gone: dict[str, int]


async def list_holds(place: Workplace, who: Principal, *, released: bool = False) -> list[Hold]:
    """Those in force, or all there ever were. Right AUDIT."""
    who.require(Right.AUDIT)
    async with place.database.read() as tx:
        return await holds.every(tx, released=released)


async def add_hold(
    place: Workplace, who: Principal, kind: Target, target: str = "", *, reason: str, ends: float | None = None
) -> Hold:
    """Keeps a case (FO-17), a record (`system/object/key`, or its id), all records of a flow, or everything from being
    forgotten or erased until it is released. Right MANAGE. Raises KeepingRefused.
    """
    who.require(Right.MANAGE)
    if not reason.strip():
        raise KeepingRefused("say why it is held; an auditor will want to know", code="reason.missing")
    found, label = await _target(place, who, Kind(kind), target.strip())
    now = place.now()
    hold = Hold(
        number="",
        kind=Kind(kind),
        target=found,
        label=label,
        reason=reason.strip(),
        set_by=who.name[:100],
        set_at=now,
        ends_at=ends,
        released_by="",
        released_at=None,
        release_reason="",
    )
    async with place.database.begin("hold.add") as tx:
        number = await holds.add(tx, hold)
        detail = {"by": who.id, "kind": kind, "target": found, "label": label, "reason": hold.reason, "ends": ends}
        await trail.note(tx, at=now, kind="hold_set", actor=who.name, cause=number, detail=detail)
    return msgspec.structs.replace(hold, number=number)


async def release_hold(place: Workplace, who: Principal, number: str, *, reason: str) -> Hold:
    """Ends a hold; what is old enough goes with the next sweep. Right MANAGE. Raises KeepingRefused."""
    who.require(Right.MANAGE)
    if not reason.strip():
        raise KeepingRefused("say why it is released; an auditor will want to know", code="reason.missing")
    async with place.database.begin("hold.release") as tx:
        now = place.now()
        done = await holds.release(tx, number, by=who.name[:100], reason=reason.strip(), now=now)
        found = await holds.find(tx, number)
        if found is None:
            raise KeepingRefused(f"there is no hold {number}", code="hold.not_found")
        if not done:
            raise KeepingRefused(f"{found.number} was released by {found.released_by}", code="hold.released")
        detail = {"by": who.id, "kind": str(found.kind), "target": found.target, "label": found.label, "reason": reason}
        await trail.note(tx, at=now, kind="hold_released", actor=who.name, cause=found.number, detail=detail)
    return found


async def _target(place: Workplace, who: Principal, kind: Kind, target: str) -> tuple[str, str]:
    """As the hold names it, and as people call it."""
    match kind:
        case Kind.CASE:
            number = parse_number(target)
            if number is None:
                raise KeepingRefused(f"{target or 'nothing'} is no number of a case, such as FO-17", code="hold.target")
            name = f"FO-{number}"
            if not await _is_case(place, number, name):
                raise KeepingRefused(f"there is no case {name}, nor was there one that is archived", code="hold.target")
            return name, name
        case Kind.RECORD:
            record = await record_of(place, who, target)
            if record is None:
                raise KeepingRefused(f"there is no record {target}; try system/object/key", code="hold.target")
            return record, target
        case Kind.FLOW:
            if target not in place.config.flows:
                known = ", ".join(place.config.flows)
                raise KeepingRefused(f"there is no flow {target}; there are {known}", code="hold.target")
            return target, target
        case Kind.ALL:
            return "", "everything"


async def _is_case(place: Workplace, number: int, name: str) -> bool:
    """Whether a hold over it would hold anything: a mistyped number would let the case that is meant go."""
    known = exists(select(cases.c.number).where(cases.c.number == number))
    archived = exists(select(rows.c.seq).where(rows.c.name == name, rows.c.kind == "case"))
    async with place.database.read() as tx:
        return bool((await tx.execute(select(or_(known, archived)))).scalar_one())


async def search_archive(
    place: Workplace,
    who: Principal,
    *,
    text: str = "",
    kind: str = "",
    since: float | None = None,
    until: float | None = None,
    below: int = 0,
    limit: int = 50,
) -> ArchivePage:
    """Documents whose names hold the text, newest first, narrowed to the reader's scope. Right AUDIT."""
    who.require(Right.AUDIT)
    query = searched(select(rows).where(*_scope(place, who)), text=text, kind=kind, since=since, until=until)
    if below:
        query = query.where(rows.c.seq < below)
    async with place.database.read() as tx:
        found = (await tx.execute(query.order_by(rows.c.seq.desc()).limit(limit + 1))).mappings().all()
    shown = tuple(_archived(row) for row in found[:limit])
    return ArchivePage(documents=shown, next=shown[-1].seq if len(found) > limit else 0)


async def read_archived(place: Workplace, who: Principal, seq: int) -> ArchivedWhole:
    """One document whole; the look is in the trail. Right AUDIT. Raises KeepingRefused for one that is not there."""
    who.require(Right.AUDIT)
    async with place.database.begin("archive.read") as tx:
        seen = (await tx.execute(select(rows.c.seq).where(rows.c.seq == seq, *_scope(place, who)))).first()
        row = await archive.read(tx, seq) if seen else None
        if row is None:
            raise KeepingRefused(f"the archive has no document {seq}", code="archive.not_found")
        detail = {"by": who.id, "seq": seq, "name": row["name"]}
        about = {"record": row["record"] or None, "connection": row["connection"] or None, "cause": row["name"]}
        await trail.note(tx, at=place.now(), kind="archive_read", actor=who.name, detail=detail, **about)
    return ArchivedWhole(document=_archived(row), content=mask(row["content"], personal_fields(place), who))


async def verify_archive(place: Workplace, who: Principal, *, most: int = 100) -> ArchiveState:
    """Whether every document is as it was written, none is missing and none was added. Right AUDIT."""
    who.require(Right.AUDIT)
    findings: list[archive.Broken] = []
    async with place.database.read() as tx:
        keys = {signer_for(place.database).public, *(await tx.execute(select(audit_key.c.public))).scalars()}
        async for each in archive.verify(tx, keys, await witness(tx), now=place.now()):
            findings.append(each)
            if len(findings) >= most:
                break
        newest = select(rows.c.seq).order_by(rows.c.seq.desc()).limit(1)
        documents = (await tx.execute(newest)).scalar() or 0
    return ArchiveState(documents=documents, sound=not findings, findings=tuple(findings))


async def erase_record(place: Workplace, who: Principal, target: str, *, reason: str) -> Erased:
    """Erases what is known of a record that has left, for good. Right MANAGE. Raises KeepingRefused if it may not be:
    it has not left, is held, or something about it is still to be done.
    """
    who.require(Right.MANAGE)
    if not reason.strip():
        raise KeepingRefused("say why it is erased; an auditor will want to know", code="reason.missing")
    record = await record_of(place, who, target)
    if record is None:
        raise KeepingRefused(f"there is no record {target}; try system/object/key", code="erase.not_found")
    async with place.database.begin("record.erase") as tx:
        if why := await erasing.hindered(tx, record):
            raise KeepingRefused(f"{target} cannot be erased: {why}", code="erase.refused")
        gone = await erasing.erase(tx, record, now=place.now(), actor=who.name, why=reason.strip())
    return Erased(record=record, gone=gone)


def _scope(place: Workplace, who: Principal) -> list[Any]:
    """What of the archive the reader may see, as conditions."""
    found: list[Any] = []
    if who.connections is not None:
        found.append(or_(rows.c.connection == "", rows.c.connection.in_(sorted(who.connections))))
    flows = flows_of(place, who)
    if flows is not None:
        found.append(rows.c.flow.in_(sorted(flows)))
    return found


def _archived(row: Any) -> Archived:
    names = ("seq", "kind", "name", "title", "flow", "connection", "record", "closed_at", "at", "gone")
    return Archived(good_until=row["until"], **{name: row[name] for name in names})
