"""The trail, each with the one line missing that makes it a proof."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from sqlalchemy import select

from gateway.audit import chain, checkpoints, erasing, floor, judging
from gateway.audit.chain import Writer
from gateway.audit.segments import Checker
from gateway.audit.tables import audit
from gateway.storage.database import Late
from gateway.sync import operator, outcome, probe, steps
from gateway.sync.attempts import Attempt, Outcome
from gateway.sync.unit import Unit
from tests.contract.broken.rules import put


def unsigned_place(stack: ExitStack) -> None:
    """P9: the head's signature says that it is ours, and not of which entry it is."""
    for module in (chain, judging):
        put(stack, module, "head_message", lambda seq, link: b"ours")


def believing(stack: ExitStack) -> None:
    """P9: whatever stands in the head row is built upon, and signed with the next entry."""
    put(stack, Writer, "judge", lambda self, head: "")


def unfinished(stack: ExitStack) -> None:
    """P9: nobody looks whether the newest entry is the one that the head tells of."""
    put(stack, judging, "head", lambda *given: None)
    put(stack, Checker, "end", lambda self: self.found)


def heads_only(stack: ExitStack) -> None:
    """P9: details are not looked at."""
    put(stack, Checker, "_other_detail", lambda self, row: None)


def afterwards(stack: ExitStack) -> None:
    """P9: entries are written in a transaction of their own."""
    kept: set[asyncio.Task[None]] = set()

    def add(self: Late, write: Any, rows: Sequence[Any]) -> None:
        async def alone() -> None:
            async with self.database.begin("afterwards") as tx:
                await write(tx, list(rows))

        kept.add(asyncio.ensure_future(alone()))

    put(stack, Late, "add", add)


def silently(stack: ExitStack) -> None:
    """P9: what was erased is named nowhere."""
    put(stack, erasing, "append", lambda tx, rows: None)


def from_the_middle(stack: ExitStack) -> None:
    """P9: old entries go wherever they stand."""

    async def doomed(tx: Any, before: float, batch: int) -> Sequence[Any]:
        query = select(audit.c.seq, audit.c.link, audit.c.at).where(audit.c.at < before).order_by(audit.c.seq)
        return (await tx.execute(query)).all()  # type: ignore[no-any-return]

    put(stack, floor, "_doomed", doomed)


def without_a_file(stack: ExitStack) -> None:
    """P9: checkpoints are kept beside the entries alone."""
    put(stack, checkpoints, "_add", lambda file, checkpoint: file.touch())


def nothing_of_outcomes(stack: ExitStack) -> None:
    """P9: how an attempt ended is recorded, and not said."""
    real = outcome.finish

    def finish(unit: Unit, attempt: Attempt, ended: Outcome, answer: dict[str, Any]) -> None:
        before = list(unit.effects.audit)
        real(unit, attempt, ended, answer)
        unit.effects.audit[:] = before

    for module in (operator, probe, steps):
        put(stack, module, "finish", finish)
