"""Drafts of connections: kept until they are in place or given up, so that whoever makes one may leave and come back.

A draft is files, as `apply` takes them. What it signs in with is sealed in the database under the connection's name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import InputError
from gateway.access.rights import Principal, Right
from gateway.core.ids import new_id
from gateway.credentials import store
from gateway.credentials.parts import vault_of
from gateway.storage.database import dumps, loads
from gateway.versions.tables import registration_draft
from gateway.work.registering import Handed, named_in_place
from gateway.work.secrets import note_set
from gateway.work.trail import note
from gateway.work.workplace import Workplace

MOST = 200
LONGEST = 1_000_000
"""Characters of all files of a draft."""
_row = registration_draft.c


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What a test of the draft came to."""

    at: float = 0.0
    """0: it was never tested since it was changed."""
    findings: tuple[dict[str, Any], ...] = ()
    requests: tuple[dict[str, Any], ...] = ()

    @property
    def passed(self) -> bool:
        """Every proof holds."""
        return bool(self.findings) and all(each["ok"] for each in self.findings)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """One connection to be."""

    id: str
    name: str
    revision: int
    step: str
    files: dict[str, str]
    tested: Tested
    placed: int
    at: float
    changed_at: float
    by_name: str

    @property
    def handed(self) -> Handed:
        """As `apply` takes it."""
        return Handed(files=self.files)


class DraftRefused(InputError):
    """Nothing was changed."""

    status = 409


class DraftMoved(InputError):
    """Somebody changed it since it was looked at."""

    status = 412

    def __init__(self, name: str, by: str) -> None:
        super().__init__(f"{by} changed the draft of {name} since you looked; look again", code="draft.moved")


async def list_drafts(place: Workplace, who: Principal) -> list[Draft]:
    """Everybody's, the one changed last first. Right CONFIGURE."""
    who.require(Right.CONFIGURE)
    query = select(registration_draft).order_by(_row.changed_at.desc()).limit(MOST)
    async with place.database.read() as tx:
        return [_draft(each) for each in (await tx.execute(query)).mappings()]


async def get_draft(place: Workplace, who: Principal, id: str) -> Draft | None:
    """One; None: it is done with. Right CONFIGURE."""
    who.require(Right.CONFIGURE)
    async with place.database.read() as tx:
        return await _get(tx, id)


async def begin_draft(place: Workplace, who: Principal, name: str, files: Mapping[str, str], step: str) -> Draft:
    """A new one. Right CONFIGURE. Raises DraftRefused: the name is taken, by a connection or by another draft."""
    who.require(Right.CONFIGURE)
    if name in place.config.connections or name in await asyncio.to_thread(named_in_place, place):
        raise DraftRefused(f"there is a connection {name} already; choose another name", code="draft.taken")
    now, id = place.now(), new_id("dr_", at=place.now())
    row: dict[str, Any] = {"id": id, "name": name, "revision": 1, "step": step, "files": dumps(_fit(files))}
    row |= {"tested": "{}", "placed": 0, "at": now, "changed_at": now, "by_name": who.name[:100]}
    try:
        async with place.database.begin("draft.begin") as tx:
            await tx.execute(registration_draft.insert().values(**row))
            detail = {"by": who.id, "draft": id}
            await note(tx, at=now, kind="connection_drafted", actor=who.name, connection=name, detail=detail)
    except IntegrityError as error:
        raise DraftRefused(f"somebody registers {name} already; go on with that draft", code="draft.taken") from error
    return Draft(**{**row, "files": dict(files), "tested": Tested()})


async def save_draft(
    place: Workplace,
    who: Principal,
    draft: Draft,
    *,
    files: Mapping[str, str] | None = None,
    step: str = "",
    tested: Tested | None = None,
    placed: int | None = None,
) -> Draft:
    """The draft with what is given. Other files were never tested. Right CONFIGURE. Raises DraftMoved."""
    who.require(Right.CONFIGURE)
    changed = files is not None and dict(files) != draft.files
    new = msgspec.structs.replace(
        draft,
        revision=draft.revision + 1,
        files=_fit(files) if files is not None else draft.files,
        step=step or draft.step,
        tested=tested if tested is not None else Tested() if changed else draft.tested,
        placed=placed if placed is not None else 0 if changed else draft.placed,
        changed_at=place.now(),
        by_name=who.name[:100],
    )
    values = msgspec.to_builtins(new) | {"files": dumps(new.files), "tested": dumps(msgspec.to_builtins(new.tested))}
    async with place.database.begin("draft.save") as tx:
        mine = (_row.id == draft.id) & (_row.revision == draft.revision)
        if (await tx.execute(update(registration_draft).where(mine).values(**values))).rowcount != 1:
            there = await _get(tx, draft.id)
            raise DraftMoved(draft.name, there.by_name if there else "somebody")
    return new


async def drop_draft(place: Workplace, who: Principal, draft: Draft) -> None:
    """Forgets it; if it is not in place, what it would have signed in with, too. Right CONFIGURE."""
    who.require(Right.CONFIGURE)
    named = {*place.config.connections, *await asyncio.to_thread(named_in_place, place)}
    async with place.database.begin("draft.drop") as tx:
        gone = await tx.execute(delete(registration_draft).where(_row.id == draft.id))
        if gone.rowcount and draft.name not in named:
            for each in await store.secrets(tx, draft.name):
                await store.remove_secret(tx, draft.name, each.name)
        detail = {"by": who.id, "draft": draft.id, "placed": draft.placed}
        await note(tx, at=place.now(), kind="draft_dropped", actor=who.name, connection=draft.name, detail=detail)


async def keep_secrets(place: Workplace, who: Principal, draft: Draft, values: Mapping[str, str]) -> None:
    """Seals what the connection is to sign in with; no verb gives it back. In use from its first start on. Right
    CONFIGURE. Raises DraftRefused where a connection of the name runs: its credential is rotated, not overwritten.
    """
    who.require(Right.CONFIGURE)
    if draft.name in place.config.connections:
        why = f"{draft.name} runs: another credential is handed in with `connection rotate`"
        raise DraftRefused(why, code="draft.runs")
    vault, rows = await asyncio.to_thread(vault_of, place.config), []
    async with place.database.begin("draft.secrets") as tx:
        for name, value in values.items():
            await store.remove_secret(tx, draft.name, name)
            rows.append(await store.set_secret(tx, vault, draft.name, name, value, by=who.name, now=place.now()))
        await note_set(tx, who, draft.name, rows, now=place.now())


async def kept_secrets(place: Workplace, who: Principal, draft: Draft) -> list[str]:
    """Names of what was sealed for it."""
    who.require(Right.CONFIGURE)
    async with place.database.read() as tx:
        return [each.name for each in await store.secrets(tx, draft.name)]


def _fit(files: Mapping[str, str]) -> dict[str, str]:
    if sum(len(each) for each in files.values()) > LONGEST:
        raise DraftRefused("the files are too long for a draft", code="draft.too_long")
    return dict(files)


async def _get(tx: AsyncConnection, id: str) -> Draft | None:
    found = (await tx.execute(select(registration_draft).where(_row.id == id))).mappings().first()
    return None if found is None else _draft(found)


def _draft(row: Mapping[Any, Any]) -> Draft:
    return Draft(**{**row, "files": loads(row["files"]), "tested": msgspec.convert(loads(row["tested"]), Tested)})
