"""What a person asks for on a case, the whole way: open while it is on its way, closed by what came of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
from sqlalchemy import select

from gateway.audit.tables import audit
from gateway.config.cases import Cases
from gateway.core.kinds import HIGH, MEDIUM
from gateway.storage.database import loads
from gateway.work import cases
from gateway.work.workplace import Workplace
from tests.support.replaying import NADIA, Stage, staged


def _place(stage: Stage) -> Workplace:
    """With what working cases asks of a configuration."""
    config: Any = SimpleNamespace(**vars(stage.place.config), cases=Cases())
    return msgspec.structs.replace(stage.place, config=config)


async def _entries(stage: Stage, *kinds: str) -> list[dict[str, Any]]:
    async with stage.g.database.read() as tx:
        rows = (await tx.execute(select(audit).where(audit.c.kind.in_(kinds)).order_by(audit.c.seq))).mappings()
        return [{**row, "detail": loads(row["detail"])} for row in rows]


async def test_a_retry_that_fails_and_one_that_works(tmp_path: Path) -> None:
    async with staged(f"sqlite+aiosqlite:///{tmp_path}/store.db") as stage:
        (case,) = await stage.trouble(1)
        for mended in (False, True):
            if mended:
                stage.mend()
            await cases.act(_place(stage), NADIA, case.number, "retry", {"reason": "mended?"})
            await stage.g.settle()
        asked = await _entries(stage, "case_decided")
        told = {each["closes"]: each for each in await _entries(stage, "case_came_back", "case_ended")}
        assert [each["outcome"] for each in asked] == ["open", "open"]
        assert [(told[each["id"]]["kind"], told[each["id"]]["outcome"]) for each in asked] == [
            ("case_came_back", "failed"),
            ("case_ended", "applied"),
        ]
        assert [each["risk"] for each in asked] == [MEDIUM, MEDIUM]
        detail = asked[0]["detail"]
        assert (detail["by"], detail["reason"], detail["about"]["called"]) == (NADIA.id, "mended?", case.object_key)
        assert detail["versions"].keys() >= {"case", "record", "mapping"}


async def test_one_act_on_many_cases_is_an_entry_beside_theirs(tmp_path: Path) -> None:
    async with staged(f"sqlite+aiosqlite:///{tmp_path}/store.db") as stage:
        found = await stage.trouble(11)
        numbers = [(case.number, None) for case in found]
        await cases.act_on_many(_place(stage), NADIA, numbers[:10], "retry", {"reason": "again"})
        assert await _entries(stage, "cases_decided") == [], "ten are few"
        await cases.act_on_many(_place(stage), NADIA, numbers, "retry", {"reason": "jira is back"})
        opening, closing = await _entries(stage, "cases_decided")
        assert (opening["outcome"], opening["detail"]["count"], opening["risk"]) == ("open", 11, HIGH)
        assert (closing["outcome"], closing["closes"], closing["detail"]["done"]) == ("applied", opening["id"], 1)
        assert len(await _entries(stage, "case_decided")) == 11, "and each has its own"
