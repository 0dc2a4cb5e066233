"""Is the trail whole? Reads all of it, beside a running gateway too, and names what is not as it was written.

What an entry is, its link tells; that the newest is the newest, the signed head; that this is not an older copy of the
whole database, the checkpoints in files. Only the key is believed, and it is not in the database.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import StorageError
from gateway.audit import judging
from gateway.audit.chain import NAME, Head, read_head
from gateway.audit.checkpoints import Checkpoint, kept, links_at
from gateway.audit.findings import Kind, Report, named, stretches
from gateway.audit.judging import Floor, Trust
from gateway.audit.moved import told_apart
from gateway.audit.segments import Checked, Stretch, check, split
from gateway.audit.tables import audit, audit_floor, audit_head, audit_key
from gateway.storage.database import Database

SIZE = 100_000
"""Entries of one stretch: so often progress is told."""
ALONE = 200_000
"""Up to so many entries other processes would take longer to start than they save."""
CATCHES_UP = 5

Progress = Callable[[int, int], None]
"""Told the entries read, and how many there are."""


@dataclass(slots=True)
class _State:
    """What stands beside the entries."""

    head: Head | None
    floor: Floor | None
    newest: int


async def verify(
    database: Database,
    public: str,
    *,
    since: int = 1,
    files: Sequence[Path] = (),
    processes: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Checks entries from `since` on, against the key `public` (base64) and the checkpoints in `files`.

    Entries that come meanwhile are checked, too. Raises StorageError if the database cannot be asked, OSError for a
    file that cannot be read.
    """
    begun, report = perf_counter(), Report()
    kept_elsewhere = await asyncio.to_thread(judging.from_files, files, report)
    async with database.read() as tx:
        before = await _state(tx)
    below = before.floor.seq if before.floor else 0
    after = max(below, since - 1)
    start = before.floor.link if before.floor and after == below else ""
    reader = _Reader(database, processes or os.cpu_count() or 1, progress)
    found = await reader.read(after, before.newest, start)
    state = before
    for _ in range(CATCHES_UP):
        async with database.read() as tx:
            now = await _state(tx)
        if now.newest <= state.newest:
            state = now
            break
        found += await reader.read(state.newest, now.newest, "")
        state = now
    report.first, report.last, report.entries = after + 1, state.newest, sum(each.entries for each in found)
    await _judge(database, report, found, state, Trust(public), kept_elsewhere)
    report.seconds = perf_counter() - begun
    return report


async def _state(tx: AsyncConnection) -> _State:
    head = await read_head(tx)
    row = (await tx.execute(select(audit_floor).where(audit_floor.c.name == NAME))).first()
    floor = None if row is None else Floor(row.seq, row.link, row.at, row.key, row.signature)
    newest = head.seq if head else (await tx.execute(select(func.max(audit.c.seq)))).scalar() or 0
    return _State(head, floor, newest)


class _Reader:
    """Reads stretches, in other processes where there are many entries."""

    def __init__(self, database: Database, processes: int, progress: Progress | None) -> None:
        self._url, self._processes, self._progress = raw_url(database), processes, progress
        self._read = 0

    async def read(self, after: int, until: int, start: str) -> list[Checked]:
        """All entries above `after` up to `until`, in order."""
        parts = split(after, until, start, SIZE)
        if until - after <= ALONE or self._processes == 1:
            return [await self._one(None, part, until) for part in parts]
        with ProcessPoolExecutor(self._processes, multiprocessing.get_context("spawn")) as pool:
            return list(await asyncio.gather(*(self._one(pool, part, until) for part in parts)))

    async def _one(self, pool: Executor | None, part: Stretch, until: int) -> Checked:
        try:
            found = await asyncio.get_running_loop().run_in_executor(pool, check, self._url, part)
        except Exception as error:
            problem = f"the audit trail cannot be read now: {type(error).__name__}: {error}"
            raise StorageError(problem) from error
        self._read += part.until - part.after
        if self._progress is not None:
            self._progress(self._read, until)
        return found


def raw_url(database: Database) -> str:
    """Where `segments.check` finds the database."""
    if database.sqlite:
        return str(Path(str(database.url.database)).resolve())
    plain = database.url.set(drivername="postgresql").difference_update_query(["command_timeout"])
    return plain.render_as_string(hide_password=False)


async def _judge(
    database: Database,
    report: Report,
    found: list[Checked],
    state: _State,
    trust: Trust,
    elsewhere: list[tuple[str, Checkpoint]],
) -> None:
    async with database.read() as tx:
        keys = {row.fingerprint: row.public for row in await tx.execute(select(audit_key))}
        last_floor = (await _state(tx)).floor
        outside = await _outside(tx)
        told = [entry for each in found for entry in each.told]
        trust.learn(told, keys, report)
        judging.floor(last_floor, trust, report)
        judging.head(state.head, state.newest, found[-1].last if found else None, trust, report)
        gone = max(last_floor.seq if last_floor else 0, report.first - 1)
        points = [*((judging.DATABASE, each) for each in await kept(tx)), *elsewhere]
        at = await links_at(tx, {point.seq for _, point in points if point.seq > gone})
        judging.checkpoints(points, at, gone, state.newest, trust, report)
        await _entries(tx, report, found, gone, state.newest)
    for text in outside:
        report.findings.append(named(Kind.ADDED, *text))
    judging.erased(found, told, gone, report)
    judging.tampered(told, report)
    report.findings.sort(key=lambda each: (each.first, each.last, each.kind))


async def _outside(tx: AsyncConnection) -> list[tuple[int, int, str]]:
    """Rows that the chain knows nothing of. One question, so that it is of one moment."""
    newest = select(audit_head.c.seq).where(audit_head.c.name == NAME).scalar_subquery()
    oldest = select(audit_floor.c.seq).where(audit_floor.c.name == NAME).scalar_subquery()
    beyond = or_(audit.c.seq > func.coalesce(newest, audit.c.seq), audit.c.seq <= func.coalesce(oldest, 0))
    rows = (await tx.execute(select(audit.c.seq, audit.c.id).where(beyond).order_by(audit.c.seq).limit(100))).all()
    twice = select(audit.c.seq, func.max(audit.c.id)).group_by(audit.c.seq).having(func.count() > 1).limit(100)
    rows = [*rows, *(await tx.execute(twice)).all()]
    return [(_place(seq), _place(seq), f"stands|stand outside of the chain ({id_})") for seq, id_ in rows]


def _place(seq: Any) -> int:
    return seq if isinstance(seq, int) else 0


async def _entries(tx: AsyncConnection, report: Report, found: Sequence[Checked], gone: int, newest: int) -> None:
    changed = [seq for each in found for seq in each.changed if seq > gone]
    moved, innocent = await told_apart(tx, changed)
    for first, last in stretches(set(changed) - moved.keys() - innocent):
        report.findings.append(named(Kind.CHANGED, first, last, "was|were changed, or the link before"))
    for seq, belongs in sorted(moved.items()):
        report.findings.append(named(Kind.REORDERED, seq, seq, f"belongs at {belongs}"))
    missing = {seq: last for each in found for seq, last in each.missing if last > gone}
    for first, last in _joined(missing):
        kind = Kind.TRUNCATED if last == newest else Kind.MISSING
        text = "is|are missing" if kind is Kind.MISSING else "is|are missing, the newest of all"
        report.findings.append(named(kind, max(first, gone + 1), last, text))
    for first, last in stretches(seq for each in found for seq in each.unreadable if seq > gone):
        report.findings.append(named(Kind.UNREADABLE, first, last, "cannot|cannot be read"))
    for told in (text for each in found for text in each.added):
        said = told.partition(" ")[0]
        at = int(said) if said.isdigit() else 0
        report.findings.append(named(Kind.ADDED, at, at, f"stands|stand outside of the chain: {told}"))


def _joined(missing: dict[int, int]) -> list[tuple[int, int]]:
    """Gaps that go on from one stretch to the next are one gap."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(missing.items()):
        if joined and joined[-1][1] + 1 == first:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined
