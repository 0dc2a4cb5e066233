"""A configuration that is another one, and a policy that is another one, are in the trail: also when files were edited
while no gateway ran.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select

from gateway.audit.tables import audit
from gateway.config import load
from gateway.config.high_risk import HighRisk
from gateway.config.written import document
from gateway.core.kinds import CRITICAL, HIGH, LOW
from gateway.storage.database import loads
from gateway.work.applying import applied, remember_configuration
from tests.support.running import ENVIRONMENT
from tests.support.versions import ADA, Shelf, shelf

Facts = dict[str, Any]


async def _entries(stand: Shelf, *kinds: str) -> list[Facts]:
    async with stand.database.read() as tx:
        rows = (await tx.execute(select(audit).where(audit.c.kind.in_(kinds)).order_by(audit.c.seq))).mappings()
        return [{**row, "detail": loads(row["detail"])} for row in rows]


def _edit(stand: Shelf, text: str) -> None:
    stand.file.write_text(f"{stand.file.read_text()}\n{text}\n")


async def test_a_policy_edited_while_no_gateway_ran_is_told_with_both_digests(tmp_path: Path) -> None:
    async with shelf(f"sqlite+aiosqlite:///{tmp_path}/store.db", tmp_path) as stand:
        assert await remember_configuration(stand.place, by="worker-1")
        assert await _entries(stand, "high_risk_changed") == [], "the program's own policy is no change"
        rule = "{kind: connection_paused, severity: critical}"
        _edit(stand, f"high_risk: {{rules: [{rule}]}}")
        assert await remember_configuration(stand.place, by="worker-2")
        assert not await remember_configuration(stand.place, by="worker-3"), "it is known by now"
        (entry,) = await _entries(stand, "high_risk_changed")
        policy = load(stand.file, ENVIRONMENT).high_risk
        assert (entry["detail"]["before"], entry["detail"]["after"]) == (HighRisk().digest, policy.digest)
        assert [each["kind"] for each in entry["detail"]["rules"]["added"]] == ["connection_paused"]
        assert (entry["actor"], entry["risk"]) == ("worker-2", CRITICAL)


async def test_a_policy_in_a_file_of_its_own_is_watched_as_well(tmp_path: Path) -> None:
    async with shelf(f"sqlite+aiosqlite:///{tmp_path}/store.db", tmp_path) as stand:
        (stand.folder / "risk.yaml").write_text("rules: [{kind: observed, severity: low}]\n")
        _edit(stand, "high_risk: {file: risk.yaml}")
        await remember_configuration(stand.place, by="worker-1")
        (stand.folder / "risk.yaml").write_text("rules: []\n")
        await remember_configuration(stand.place, by="worker-1")
        first, second = await _entries(stand, "high_risk_changed")
        assert second["detail"]["before"] == first["detail"]["after"] != second["detail"]["after"]
        assert [each["kind"] for each in second["detail"]["rules"]["removed"]] == ["observed"]


async def test_a_setting_edited_by_hand_is_told(tmp_path: Path) -> None:
    async with shelf(f"sqlite+aiosqlite:///{tmp_path}/store.db", tmp_path) as stand:
        await remember_configuration(stand.place, by="worker-1")
        _edit(stand, "cases: {four_eyes: []}")
        assert await remember_configuration(stand.place, by="worker-1")
        entry = (await _entries(stand, "configuration_found"))[-1]
        assert (entry["detail"]["changes"], entry["risk"]) == (["added setting cases"], HIGH)


async def test_what_was_put_in_place_is_open_until_a_worker_works_by_it(tmp_path: Path) -> None:
    async with shelf(f"sqlite+aiosqlite:///{tmp_path}/store.db", tmp_path) as stand:
        await remember_configuration(stand.place, by="worker-1")
        for four_eyes in ("[correct]", "[discard]"):
            before = stand.file.read_text().partition("\ncases:")[0]
            stand.file.write_text(f"{before}\ncases: {{four_eyes: {four_eyes}}}\n")
            await applied(stand.place, ADA, document(load(stand.file, ENVIRONMENT)), reason="CHG1")
        await remember_configuration(stand.place, by="worker-1")
        await remember_configuration(stand.place, by="worker-2")
        first, second = await _entries(stand, "configuration_applied")
        assert (first["outcome"], second["outcome"], second["actor"]) == ("open", "open", "ada")
        closing = {each["closes"]: each for each in await _entries(stand, "configuration_in_use")}
        assert [closing[each["id"]]["outcome"] for each in (first, second)] == ["superseded", "applied"]
        assert (len(closing), closing[second["id"]]["risk"]) == (2, LOW)
