"""What somebody new gets wrong: one sentence that names the thing and the way out, never a traceback."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from gateway.cli.exits import Code
from tests.support.shared import REPOSITORY
from tests.unit.gateway.cli.conftest import Run

QUESTIONS = pytest.mark.parametrize(
    "arguments", [("now",), ("case", "list"), ("record", "why", "snow", "INC0010001")], ids=lambda each: each[0]
)


def test_stand_ins_where_no_directory_can_be_made(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = run("sandbox", "--data", str(tmp_path / "file" / "below"))
    assert said.code == Code.FAILED
    assert said.err.splitlines() == [f"{tmp_path}/file/below cannot be made: Not a directory; name another --data"]


@QUESTIONS
def test_a_newer_database_is_not_asked(run: Run, filled: Path, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).code == Code.DONE
    with sqlite3.connect(filled.parent / "gateway" / "lockstep.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    said = run(*arguments)
    assert (said.code, said.out) == (Code.CONFIG_INVALID, "")
    assert "error[schema-newer]" in said.err and "'9999'" in said.err


@QUESTIONS
@pytest.mark.parametrize("revision", [None, "0001"])
def test_a_database_that_no_gateway_of_this_version_opened(
    run: Run, filled: Path, arguments: tuple[str, ...], revision: str | None
) -> None:
    file = filled.parent / "gateway" / "lockstep.db"
    if revision is None:
        file.write_bytes(b"")
    else:
        with sqlite3.connect(file) as database:
            database.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    said = run(*arguments)
    assert (said.code, said.out) == (Code.NOT_REACHABLE, "")
    assert "start the gateway once: lockstep run" in said.err and str(file) in said.err


@pytest.mark.parametrize("flag", ["--for", "--drain"])
def test_the_demos_flag_is_named(run: Run, flag: str) -> None:
    said = run("demo", flag, "soon")
    assert (said.code, said.out) == (Code.WRONG_USE, "")
    assert said.err.strip() == f"{flag} 'soon': this should be a duration; try 30s, 2m, 1h or 7d"


@pytest.mark.parametrize("command", ["check", "now", "run"])
def test_a_directory_is_no_configuration(run: Run, tmp_path: Path, command: str) -> None:
    said = run(command, "--config", str(tmp_path))
    assert (said.code, said.out) == (Code.CONFIG_INVALID, "")
    assert said.err.strip() == (
        f"{tmp_path} is a directory; the configuration is a file, try {tmp_path / 'lockstep.yaml'}"
    )


def test_the_tests_of_a_mapping_run_before_the_first_start(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TRACKER_URL", "JIRA_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("TRACKER_PASSWORD", "JIRA_TOKEN", "JIRA_HOOK"):
        monkeypatch.setenv(name, "a-secret")
    for name in ("lockstep.yaml", "roundup-issue.yaml", "roundup-issue.test.yaml", "connectors/roundup.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((REPOSITORY / "examples" / "roundup" / name).read_text())
    arguments = ("--file", str(tmp_path / "roundup-issue.yaml"), "--config", str(tmp_path / "lockstep.yaml"))
    said = run("mapping", "test", *arguments, "--json")
    assert (said.code, json.loads(said.out)["passed"]) == (Code.DONE, 2)
    tests = tmp_path / "roundup-issue.test.yaml"
    tests.write_text(tests.read_text().replace("priority: feature", "priority: wish"))
    assert run("mapping", "test", *arguments).code == Code.FAILED
    assert not list(tmp_path.rglob("*.db")), "nothing is made by looking at files"
