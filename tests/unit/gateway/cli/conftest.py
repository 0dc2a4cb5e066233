"""A gateway's database with one record, one value that lost, and one case; and the command line on it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert

from dead_letter.store import open_cases
from dead_letter.values import CaseClass, NewCase
from gateway.cli.main import main
from gateway.demo.home import Home
from gateway.demo.plan import Plan
from gateway.storage.database import Database, dumps
from gateway.sync import tables as t
from gateway.sync.saving import lane_row
from gateway.sync.state import FieldState, FieldVersion, Lane, LaneState, LinkState, MemberState, RecordState, Shadow
from tests.support.migrated import migrated

URLS = {"snow": "http://127.0.0.1:18001", "jira": "http://127.0.0.1:18002"}
NUMBERS = {"snow": ("I1", "INC0010001"), "jira": ("10001", "OPS-1")}


@dataclass
class Said:
    """What a command did."""

    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOCKSTEP_CONFIG", "LOCKSTEP_JSON", "LOCKSTEP_DATABASE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `lockstep ARGUMENTS`."""

    def run_it(*arguments: str) -> Said:
        code: Any = 0
        try:
            main(arguments)
        except SystemExit as ending:
            code = ending.code or 0
        out, err = capsys.readouterr()
        return Said(int(code), out, err)

    return run_it


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A good configuration whose database was never made; LOCKSTEP_CONFIG names it."""
    home = Home.make(tmp_path / "home")
    home.write_config(Plan(), name="test", port=18003, urls=URLS)
    monkeypatch.setenv("LOCKSTEP_CONFIG", str(home.config))
    return home.config


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled database, made once."""
    file = tmp_path_factory.mktemp("template") / "lockstep.db"
    asyncio.run(_fill(Database(f"sqlite+aiosqlite:///{file}")))
    return file


@pytest.fixture
def filled(config: Path, template: Path) -> Path:
    """The same, with its database made and filled."""
    data = config.parent / "gateway"
    data.mkdir()
    shutil.copy(template, data / "lockstep.db")
    return config


@pytest.fixture
def keeps_its_key(filled: Path) -> Path:
    """The same, where the key that signs is the one in `data`, as on every SQLite whose configuration names none."""
    named = "signing: {key: 'file:signing.key'}\n"
    text = filled.read_text()
    assert named in text
    filled.write_text(text.replace(named, ""))
    return filled


async def _fill(database: Database) -> None:
    await migrated(database)
    members = {name: MemberState(link=LinkState.PRIMARY, id=one, key=key) for name, (one, key) in NUMBERS.items()}
    members["snow"].shadow["summary"] = Shadow(ext="mail is stuck", known=True, carried=1)
    members["jira"].shadow["summary"] = Shadow(ext="mail", known=True, carried=0, held="refused:r1:jira")
    field = FieldState(FieldVersion("mail is stuck", 1, "snow"))
    state = RecordState(id="r1", flow="incidents", rev=1, counter=1, fields={"summary": field}, members=members)
    lane = Lane("r1", "jira", state=LaneState.PARKED, dirty=True, case="refused:r1:jira", wait_reason="target.refused")
    case = NewCase(
        key="refused:r1:jira",
        cls=CaseClass.REFUSED,
        cause="target.refused",
        title="jira refuses the write",
        flow="incidents",
        record="r1",
        connection="jira",
        object="issue",
        object_id="10001",
        object_key="OPS-1",
        evidence={"status": 403},
    )
    async with database.begin() as tx:
        times = {"created_at": 1.0, "updated_at": 1.0}
        doc = msgspec.json.encode(state).decode()
        await tx.execute(insert(t.record).values(id="r1", flow="incidents", rev=1, tombstoned=False, doc=doc, **times))
        for name, (one, key) in NUMBERS.items():
            place = {"connection": name, "object": "o", "object_id": one, "object_key": key}
            await tx.execute(insert(t.link).values(record="r1", state="primary", **place))
        await tx.execute(insert(t.lane).values(lane_row(lane)))
        lost = {"id": "cl1", "record": "r1", "flow": "incidents", "connection": "jira", "object_id": "10001"}
        lost |= {"field": "summary", "value": dumps("post is late"), "reason": "latest: snow won", "source": "n1"}
        await tx.execute(insert(t.conflict_ledger).values(at=2.0, **lost))
        await open_cases(tx, [case], now=3.0)
    await database.close()
