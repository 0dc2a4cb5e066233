"""Mapping versions by the command line, as processes: shown, compared, tried, backtested, and published."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.edges import Said, lockstep
from tests.support.versions import Shelf, shelf

pytestmark = pytest.mark.slow

RAW = {"number": "INC0000001", "short_description": "Mail", "state": "2", "priority": "3", "u_title": "Better"}


@dataclass
class Terminal:
    stand: Shelf

    async def say(self, *words: str, code: int = 0) -> Said:
        said = await lockstep("mapping", *words, cwd=self.stand.folder)
        assert "Traceback" not in said.err, said.err
        assert said.code == code, (words, said)
        return said

    async def document(self, *words: str, code: int = 0) -> Any:
        return json.loads((await self.say(*words, "--json", code=code)).out)

    def newer(self, before: str, after: str) -> Path:
        """Version 2 as a new file."""
        text = (self.stand.folder / "snow.yaml").read_text()
        assert before in text
        file = self.stand.folder / "new.yaml"
        file.write_text(text.replace("version: 1", "version: 2").replace(before, after))
        return file


@asynccontextmanager
async def terminal(folder: Path, extra: str = "") -> AsyncIterator[Terminal]:
    """A gateway has started once, long ago, and is not running."""
    async with shelf(f"sqlite+aiosqlite:///{folder}/gateway/lockstep.db", folder, extra=extra) as stand:
        await stand.start()
        yield Terminal(stand)


async def test_versions_are_listed_shown_and_compared(tmp_path: Path) -> None:
    async with terminal(tmp_path) as it:
        found = await it.document("versions")
        assert [(each["name"], each["places"]) for each in found] == [
            ("jira-issue", ["incidents/jira"]),
            ("servicenow-incident", ["incidents/snow"]),
        ]
        shown = await it.say("show", "servicenow-incident@1", "--text")
        assert shown.out == (tmp_path / "snow.yaml").read_text().rstrip("\n") + "\n"
        unknown = await it.say("show", "servicenow-incident@9", code=7)
        assert "there are servicenow-incident@1:" in unknown.err
        it.stand.edit("snow.yaml", ("version: 1", "version: 2"), ("max_length: 160", "max_length: 150"))
        await it.stand.start()
        compared = await it.say("diff", "servicenow-incident@1", "servicenow-incident@2")
        assert (
            "changed  summary" in compared.out
            and "+  summary: {path: short_description, max_length: 150}" in compared.out
        )


async def test_a_document_is_tried_and_becomes_a_test(tmp_path: Path) -> None:
    async with terminal(tmp_path) as it:
        (change,) = await it.stand.bring(RAW)
        found = await it.document("run", "servicenow-incident@1", "--change", change)
        assert "u_title" in found["unmapped"] and found["fields"][0]["path"] == "short_description"
        (tmp_path / "doc.json").write_text(json.dumps({**RAW, "state": "99"}))
        refused = await it.say("run", "servicenow-incident@1", "doc.json", code=3)
        assert "status" in refused.out
        made = await it.say("run", "servicenow-incident@1", "--change", change, "--as-test", "from the shell")
        (tmp_path / "mine.yaml").write_text(f"mapping: servicenow-incident\ntests:\n{made.out}")
        green = await it.say("test", "servicenow-incident@1", "--tests", "mine.yaml")
        assert "1 passed, 0 failed" in green.out
        new = it.newer("path: short_description", "path: u_title")
        red = await it.say("test", "--file", str(new), "--tests", "mine.yaml", code=1)
        assert "from the shell" in red.out
        await it.say("run", code=2)
        await it.say("test", code=2)


async def test_a_backtest_says_what_would_be_otherwise_and_files_stay_the_source(tmp_path: Path) -> None:
    async with terminal(tmp_path) as it:
        it.stand.at = time.time()
        ids = await it.stand.bring(*[{**RAW, "u_title": "Mail" if at % 10 else "Better"} for at in range(50)])
        new = it.newer("path: short_description", "path: u_title")
        said = await it.say("backtest", "--file", str(new), "--since", "1h", "--out", "differing.jsonl")
        assert "45 same, 5 different, 0 newly fail" in said.out and ids[0] in said.out
        lines = [json.loads(line) for line in (tmp_path / "differing.jsonl").read_text().splitlines()]
        assert [each["change"] for each in lines] == ids[::10]
        worse = it.newer('low: {ext: "4"', 'low: {ext: "9"')
        await it.say("backtest", "--file", str(worse), "--since", "1h")
        refused = await it.say("publish", "servicenow-incident@2", "--yes", code=6)
        assert "managed by files" in refused.err and "snow.yaml" in refused.err


async def test_what_is_published_is_what_commands_see_next(tmp_path: Path) -> None:
    async with terminal(tmp_path, "mappings: {managed_by: database}\n") as it:
        new = it.newer("max_length: 160", "max_length: 150")
        unseen = await it.say("publish", "servicenow-incident@2", "--yes", code=7)
        assert "there is no stored mapping version" in unseen.err
        await it.say("backtest", "--file", str(new))
        await it.say("publish", "servicenow-incident@2", "--no-input", code=2)
        done = await it.say("publish", "servicenow-incident@2", "--yes", "--reason", "shorter")
        assert "from the next start of each gateway on" in done.out
        await it.stand.start()
        standing = await it.document("publish", "servicenow-incident@2", "--yes")
        assert standing["in_use"], "commands work by what is published"
