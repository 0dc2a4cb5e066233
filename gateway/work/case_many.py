"""One act on many cases: an entry of its own beside that of each, opened before the first and closed after the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.access.rights import Principal
from gateway.audit import risk
from gateway.core.kinds import APPLIED, FAILED, OPEN
from gateway.work.case_views import ManyDone
from gateway.work.trail import note
from gateway.work.workplace import Workplace

NAMED = 50
"""Cases that the entry names; each has an entry of its own."""


async def begin(place: Workplace, who: Principal, numbers: Sequence[str], action: str, said: Mapping[str, Any]) -> str:
    """The entry of an act on more cases than the policy calls few; empty: it is one of few."""
    if len(numbers) <= risk.in_force().bulk:
        return ""
    reason = str(said.get("reason") or said.get("reason_code") or "")
    detail = {"by": who.id, "action": action, "count": len(numbers), "cases": list(numbers[:NAMED]), "reason": reason}
    async with place.database.begin("cases.many") as tx:
        told = {"actor": who.name, "outcome": OPEN}
        return await note(tx, at=place.now(), kind="cases_decided", detail=detail, **told)


async def end(place: Workplace, who: Principal, entry: str, answers: Sequence[ManyDone]) -> None:
    """What it came to: failed, if nothing was done at all."""
    if not entry:
        return
    done = sum(each.done is not None for each in answers)
    detail = {"by": who.id, "count": len(answers), "done": done, "refused": len(answers) - done}
    async with place.database.begin("cases.many") as tx:
        told = {"actor": who.name, "outcome": APPLIED if done else FAILED, "closes": entry}
        await note(tx, at=place.now(), kind="cases_decided", detail=detail, **told)
