"""Files that show what was done by hand for a departure."""

from __future__ import annotations

import msgspec
from sqlalchemy import select

from gateway.access.rights import Principal, Right
from gateway.offboarding import store
from gateway.offboarding import tables as t
from gateway.offboarding.values import parse_number
from gateway.work.leaver_errors import LeaverNotFound
from gateway.work.trail import note
from gateway.work.workplace import Workplace


class LeaverFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file with its content. `name` is safe to save it under; what it is was judged by its content."""

    name: str
    media_type: str
    sha256: str
    content: bytes


async def read_file(place: Workplace, who: Principal, number: str, id: str) -> LeaverFile:
    """One that somebody handed in; the look is in the trail. Right PEOPLE. Raises LeaverNotFound, NotAllowed."""
    who.require(Right.PEOPLE)
    parsed = parse_number(number)
    async with place.database.begin("leaver.file") as tx:
        leaver = await store.get(tx, parsed) if parsed is not None else None
        row = t.leaver_file.c
        query = select(t.leaver_file).where(row.number == parsed, row.id == id)
        found = (await tx.execute(query)).mappings().first() if leaver is not None else None
        steps = await store.steps_of(tx, [leaver.number]) if leaver is not None else []
        where = {each.id: each.connection for each in steps}
        if leaver is None or found is None or not who.covers(connection=where.get(found["step"], "")):
            raise LeaverNotFound(f"{number} with the file {id}")
        detail = {"leaver": leaver.label, "file": id, "sha256": found["sha256"]}
        await note(tx, at=place.now(), kind="leaver_file_read", actor=who.name, detail=detail, cause=leaver.label)
    return LeaverFile(**{name: found[name] for name in LeaverFile.__struct_fields__})
