"""Mappings are tried on what came in: one document with its trace, and all of a time range without keeping them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.contract.errors import InputError
from gateway.access.rights import NotAllowed, Role
from gateway.versions.errors import BadMapping, NotUsed
from gateway.versions.reading import compiled
from gateway.versions.store import Version
from gateway.work import mapping_backtests, mapping_trials, mapping_versions
from gateway.work.mapping_backtests import Range, Report
from mappings.testing import run_texts
from tests.support.versions import ADA, INES, Facts, Shelf, shelf, who

VERA = who("vera", Role.VIEWER)
NAME = "servicenow-incident"


def incident(**raw: object) -> Facts:
    return {"number": "INC0000001", "short_description": "Mail", "state": "2", "priority": "3", **raw}


async def _stored(stand: Shelf, ref: str = f"{NAME}@1") -> Version:
    async with stand.database.read() as tx:
        return await mapping_versions.find(tx, stand.place, ADA, ref)


def _newer(stand: Shelf, *changes: tuple[str, str]) -> Version:
    """Version 2 as a text that is handed in."""
    text = (stand.folder / "snow.yaml").read_text().replace("version: 1", "version: 2")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return mapping_trials.candidate(stand.place, text, by="ines", origin="new.yaml")


async def test_a_change_that_came_in_is_mapped_field_by_field(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        await stand.start()
        (change,) = await stand.bring(incident(u_extra="secret of cara", assigned_to={"email": "cara@example.com"}))
        document = await mapping_trials.document_from(stand.place, ADA, change=change)
        assert document is not None
        found = await mapping_trials.run(stand.place, ADA, await _stored(stand), document)
        (summary,) = [each for each in found["fields"] if each["field"] == "summary"]
        assert (summary["path"], summary["value"], summary["same"]) == ("short_description", "Mail", True)
        assert "u_extra" in found["unmapped"] and "cara@example.com" in json.dumps(found)
        assert len(await stand.audited("personal_seen")) == 1, "a look in clear is audited"
        masked = await mapping_trials.run(stand.place, VERA, await _stored(stand), document)
        assert "cara" not in json.dumps(masked) and "Mail" in json.dumps(masked)
        snow = who("sam", Role.VIEWER, connections=frozenset({"jira"}))
        assert await mapping_trials.document_from(stand.place, snow, change=change) is None
        with pytest.raises(InputError, match="no JSON object"):
            mapping_trials.document_of("[1]")


async def test_what_came_in_becomes_a_test_without_its_people(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        await stand.start()
        (change,) = await stand.bring(incident(assigned_to={"email": "cara@example.com"}))
        document = await mapping_trials.document_from(stand.place, ADA, change=change)
        assert document is not None
        version = await _stored(stand)
        text = mapping_trials.as_test(version, document, "from a case")
        assert "cara" not in text
        report = run_texts(f"mapping: {NAME}\ntests:\n{text}", label="new", mapping=compiled(version))
        assert report.ok and report.passed == 1, report.problems


async def test_a_text_that_is_no_mapping_tells_all_its_problems(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        text = (stand.folder / "snow.yaml").read_text()
        broken = text.replace("max_length: 160", "max_lenght: 160").replace("type: incident", "type: incidents")
        with pytest.raises(BadMapping, match=r"(?s)new:\d+.*new:\d+") as caught:
            mapping_trials.candidate(stand.place, broken, by="ines", origin="new")
        assert len(caught.value.problems) >= 2
        with pytest.raises(NotUsed, match="in use: jira-issue, servicenow-incident"):
            mapping_trials.candidate(stand.place, text.replace(f"mapping: {NAME}", "mapping: other"), by="ines")


async def test_its_tests_run_with_a_version_that_is_none_yet(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        good = mapping_trials.run_tests(stand.place, INES, _newer(stand))
        assert good["green"] and good["passed"] > 3 and good["file"] == "snow.test.yaml"
        bad = mapping_trials.run_tests(stand.place, INES, _newer(stand, ("path: short_description", "path: short")))
        assert not bad["green"] and bad["problems"]
        (stand.folder / "snow.test.yaml").unlink()
        none = mapping_trials.run_tests(stand.place, INES, _newer(stand))
        assert not none["green"], "no tests are not green tests"


async def test_a_backtest_counts_what_would_be_otherwise_and_any_can_be_opened(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        await stand.start()
        raws = [incident(short_description=f"Mail {at}", priority="3") for at in range(1000)]
        raws[10] = incident(short_description="Odd", u_title="Better")
        raws[500] = {}
        await stand.bring({"fields": {"summary": "another system"}}, connection="jira")
        ids = await stand.bring(*raws)
        version = _newer(stand, ("summary: {path: short_description,", "summary: {path: [u_title, short_description],"))
        since = stand.at - 998  # the first one is too old
        seen: list[tuple[int, int]] = []

        async def progress(report: Report) -> None:
            seen.append((report.done, report.total))

        found = await mapping_backtests.backtest(
            stand.place,
            INES,
            version,
            Range(since=since, until=stand.at),
            told=progress,
        )
        assert (found["total"], found["done"], found["without"]) == (999, 999, 1)
        assert (found["same"], found["changed"], found["failing"], found["fixed"]) == (997, 1, 0, 0)
        (field,) = found["fields"]
        assert (field["field"], field["samples"]["changed"][0]["change"]) == ("summary", ids[10])
        assert seen[-1] == (999, 999) and len(seen) > 2, "progress is told page by page"
        page = await mapping_backtests.differing(stand.place, INES, version, Range(since=since, until=stand.at))
        (opened,) = page["changes"]
        assert opened["fields"][0]["after"] == "Better" and page["next"] is None


async def test_newly_failing_is_told_apart_and_pages_reach_all(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        await stand.start()
        await stand.bring(*[incident(short_description="" if at % 2 else "x", u_other="y") for at in range(10)])
        version = _newer(stand, ("path: short_description", "path: u_other"))
        times = Range(since=0, until=stand.at)
        found = await mapping_backtests.backtest(stand.place, INES, version, times)
        assert (found["changed"], found["fixed"], found["failing"]) == (5, 5, 0)
        reached, after = [], ""
        while True:
            page = await mapping_backtests.differing(
                stand.place, INES, version, times, verdict="fixed", after=after, limit=2
            )
            reached += [each["change"] for each in page["changes"]]
            if page["next"] is None:
                break
            after = page["next"]
        assert len(reached) == len(set(reached)) == 5
        with pytest.raises(NotAllowed):
            await mapping_backtests.backtest(stand.place, VERA, version, times)
