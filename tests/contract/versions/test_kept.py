"""Every mapping version that a gateway starts with is kept, once, with its audit row; nothing is ever changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from gateway.versions import tables as t
from gateway.versions.errors import UnknownVersion
from gateway.work import mapping_versions
from tests.support.versions import ADA, Shelf, shelf, who


def _newer(stand: Shelf) -> None:
    text = (stand.folder / "snow.yaml").read_text()
    number = next(line for line in text.splitlines() if line.startswith("version: "))
    stand.edit("snow.yaml", (number, f"version: {int(number.split()[1]) + 1}"))


async def test_a_start_keeps_what_it_reads_by_and_a_second_one_adds_nothing(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        began = await stand.start()
        assert sorted(each.split("@")[0] for each in began) == ["jira-issue", "servicenow-incident"]
        assert await stand.start(by="worker-2") == []
        async with stand.database.read() as tx:
            tables = t.metadata.sorted_tables
            names = [each.name for each in tables]
            counts = [await tx.scalar(select(func.count()).select_from(each)) for each in tables]
        assert dict(zip(names, counts, strict=True)) == {
            "mapping_version": 2,
            "registration_draft": 0,
            "mapping_event": 2,
            "mapping_backtest": 0,
            "config_version": 0,
        }
        found = await mapping_versions.listed(stand.place, ADA)
        assert [each["places"] for each in found] == [["incidents/jira"], ["incidents/snow"]]
        assert {each["first_used_by"] for each in found} == {"worker-1"}
        assert {each["config"] for each in found} == {str(stand.file)}
        audited = await stand.audited("mapping_used")
        assert sorted(row["detail"]["mapping"] for row in audited) == sorted(began)
        assert {row["actor"] for row in audited} == {"worker-1"}


async def test_what_was_once_in_use_stays_with_its_text(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        before = stand.folder.joinpath("snow.yaml").read_text()
        await stand.start()
        _newer(stand)
        (began,) = await stand.start()
        assert began.startswith("servicenow-incident@")
        old, new = sorted(
            await mapping_versions.listed(stand.place, ADA, "servicenow-incident"), key=lambda each: each["version"]
        )
        assert (old["places"], new["places"]) == ([], ["incidents/snow"])
        shown = await mapping_versions.shown(stand.place, ADA, f"servicenow-incident@{old['version']}")
        assert shown["text"] == before and "type: incident" in shown["type_text"]
        stand.folder.joinpath("snow.yaml").write_text(before)
        assert len(await stand.start()) == 1, "going back is a use again"
        back = await mapping_versions.shown(stand.place, ADA, old["ref"])
        assert back["places"] == ["incidents/snow"] and len(back["events"]) == 2


async def test_two_texts_under_one_number_are_two_versions(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        await stand.start()
        stand.edit("snow.yaml", ("max_length: 160", "max_length: 150"))
        (label,) = await stand.start()
        number = label.split()[0]
        refs = [each["ref"] for each in await mapping_versions.listed(stand.place, ADA, "servicenow-incident")]
        assert len(refs) == 2 and all(ref.startswith(f"{number}:") for ref in refs)
        last = await mapping_versions.shown(stand.place, ADA, number)
        assert "max_length: 150" in last["text"], "of several texts the one used last"
        older = next(ref for ref in refs if ref != last["ref"])
        assert "max_length: 160" in (await mapping_versions.shown(stand.place, ADA, older))["text"]
        found = await mapping_versions.compared(stand.place, ADA, older, number)
        (changed,) = found["fields"]
        assert changed["change"] == "changed" and changed["after"]["max_length"] == 150
        assert "-" in found["text"] and "+" in found["text"]


async def test_an_unknown_version_names_those_that_there_are(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        await stand.start()
        with pytest.raises(UnknownVersion, match=r"there is no stored mapping version jira-issue@99; there are jira"):
            await mapping_versions.shown(stand.place, ADA, "jira-issue@99")
        with pytest.raises(UnknownVersion, match="none of that name is stored"):
            await mapping_versions.shown(stand.place, ADA, "jira@1")


async def test_what_is_outside_the_scope_is_not_there(store_url: str, tmp_path: Path) -> None:
    async with shelf(store_url, tmp_path) as stand:
        await stand.start()
        snow = who("sam", *ADA.roles, connections=frozenset({"snow"}))
        assert [each["name"] for each in await mapping_versions.listed(stand.place, snow)] == ["servicenow-incident"]
        with pytest.raises(UnknownVersion, match="none of that name is stored"):
            await mapping_versions.shown(stand.place, snow, "jira-issue@1")
