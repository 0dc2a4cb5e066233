"""Every command: data on stdout, talk on stderr, the exit code that the table promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.sandbox import SYSTEMS as STAND_INS
from gateway.cli import main as cli
from gateway.cli.deciding import summed_up
from gateway.cli.everywhere import verbs_of
from gateway.cli.exits import MEANING, Code
from gateway.cli.nouns import app_of, typed
from gateway.cli.sandbox import SYSTEMS
from tests.unit.gateway.cli.conftest import Run


def test_exit_codes_are_listed(run: Run) -> None:
    said = run("help", "exit-codes", "--json")
    assert {row["code"]: row["meaning"] for row in json.loads(said.out)} == {int(k): v for k, v in MEANING.items()}
    assert set(MEANING) == set(Code)


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.DONE])
def test_an_exit_code_that_is_listed_is_returned_by_something(code: Code) -> None:
    folder = Path(cli.__file__).parent
    modules = [file.read_text() for file in folder.glob("*.py") if file.name != "exits.py"]
    assert any(f"Code.{code.name}" in module for module in modules)


def test_several_cases_end_with_one_code() -> None:
    done, failed, unknown = Code.DONE, Code.NOT_FOUND, Code.STILL_UNKNOWN
    assert summed_up([done, done]) is done
    assert summed_up([failed, failed]) is failed
    assert summed_up([done, failed]) is Code.SOME_FAILED
    assert summed_up([done, failed, unknown]) is unknown


def test_a_table_in_a_pipe_is_tab_separated(run: Run) -> None:
    lines = run("help", "exit-codes").out.splitlines()
    assert lines[:2] == ["code\tmeaning", "0\tdone"]


def test_the_version(run: Run) -> None:
    said = run("version", "--json")
    assert set(json.loads(said.out)) == {"lockstep", "python", "system"}
    assert said.err == ""


@pytest.mark.parametrize("arguments", [("nonsense",), ("case", "show"), ("demo", "--edits", "many")])
def test_wrong_use(run: Run, arguments: tuple[str, ...]) -> None:
    said = run(*arguments)
    assert said.code == Code.WRONG_USE
    assert said.out == ""


@pytest.mark.parametrize(
    ("arguments", "about"),
    [
        (("--for", "soon"), "duration"),
        (("--outage", "fax:5s"), "jira:10s"),
        (("--drain", "5"), "duration"),
    ],
)
def test_a_demo_that_cannot_be_meant(run: Run, arguments: tuple[str, ...], about: str) -> None:
    said = run("demo", *arguments)
    assert said.code == Code.WRONG_USE
    assert about in said.err
    assert said.out == ""


def test_a_demo_in_a_directory_in_use(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    said = run("demo", "--data", str(tmp_path))
    assert said.code == Code.CONFIG_INVALID
    assert "not empty" in said.err


def test_unknown_stand_ins(run: Run, tmp_path: Path) -> None:
    said = run("sandbox", "sap", "--data", str(tmp_path / "x"))
    assert said.code == Code.WRONG_USE
    assert "jira, servicenow" in said.err
    assert not (tmp_path / "x").exists()


def test_help_names_every_stand_in_there_is(run: Run) -> None:
    assert sorted(SYSTEMS) == sorted(STAND_INS)
    said = run("sandbox", "--help")
    assert all(name in said.out for name in STAND_INS), said.out


# -- check


def test_a_good_configuration(run: Run, config: Path) -> None:
    said = run("check")
    assert (said.code, said.out) == (Code.DONE, "")
    assert "no problems" in said.err


def test_all_problems_at_once(run: Run, config: Path) -> None:
    config.write_text(
        config.read_text().replace("servicenow\n", "sap\n").replace("poll: {every: 1s}", "poll: {every: 1}")
    )
    said = run("check")
    assert said.code == Code.CONFIG_INVALID
    lines = said.out.splitlines()
    assert len(lines) >= 2
    assert all(line.startswith(f"{config}:") for line in lines)
    assert json.loads(run("check", "--json").out)["problems"] == lines


def test_no_configuration(run: Run, tmp_path: Path) -> None:
    for command in (("check",), ("run",), ("now",)):
        said = run(*command, "--config", str(tmp_path / "none.yaml"))
        assert said.code == Code.CONFIG_INVALID
        assert "--config" in said.err


def test_a_broken_configuration_is_told_before_anything_starts(run: Run, config: Path) -> None:
    config.write_text("lockstep: 2\n")
    said = run("run")
    assert said.code == Code.CONFIG_INVALID
    assert f"{config}:1:" in said.err


def test_a_mapping_file_by_itself(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "mine.yaml"
    broken.write_text("mapping: mine\n")
    said = run("check", str(broken), "--config", str(tmp_path / "none.yaml"))
    assert said.code == Code.CONFIG_INVALID
    assert {line.startswith(f"{broken}:") for line in said.out.splitlines()} == {True}
    assert run("check", str(tmp_path / "absent.yaml"), "--config", "none.yaml").code == Code.WRONG_USE


def test_a_connection_that_cannot_be_reached_fails_its_check(run: Run, config: Path) -> None:
    config.write_text(config.read_text().replace(":18001", ":1").replace(":18002", ":1"))
    said = run("check", "--connections", "--json")
    assert said.code == Code.FAILED
    findings = json.loads(said.out)["connections"]
    assert {finding["connection"] for finding in findings} == {"snow", "jira"}
    assert not all(finding["ok"] for finding in findings)


# -- now, record, case


def test_nothing_to_ask_yet(run: Run, config: Path) -> None:
    for command in (("now",), ("case", "list"), ("record", "why", "snow", "INC1")):
        said = run(*command)
        assert said.code == Code.NOT_REACHABLE
        assert "lockstep run" in said.err
    assert not (config.parent / "gateway").exists()


def test_now(run: Run, filled: Path) -> None:
    said = run("now")
    assert said.code == Code.DONE
    assert "1 thing needs you (1 open case)" in said.out
    assert "lockstep case show FO-1" in said.out
    assert json.loads(run("now", "--json").out)["needs_people"] == 1


@pytest.mark.parametrize("noun", ["record", "records"])
def test_why_a_record_is_not_in_step(run: Run, filled: Path, noun: str) -> None:
    said = run(noun, "why", "snow", "INC0010001")
    assert "INC0010001" in said.out.splitlines()[0]
    assert "NOT IN STEP" in said.out
    assert "lockstep case show FO-1" in said.out
    assert json.loads(run(noun, "why", "jira", "10001", "--json").out)["in_step"] is False


def test_show_a_record(run: Run, filled: Path) -> None:
    said = run("record", "show", "jira", "OPS-1")
    assert "summary\tmail is stuck\tsnow\t=\tshows mail" in said.out
    assert "post is late" in said.out
    assert json.loads(run("record", "show", "jira", "OPS-1", "--json").out)["record"] == "r1"


def test_a_record_nobody_saw(run: Run, filled: Path) -> None:
    said = run("record", "why", "snow", "INC9")
    assert said.code == Code.NOT_FOUND
    assert "INC9 was not seen in snow" in said.err
    assert run("record", "why", "hr", "INC9").code == Code.WRONG_USE


def test_list_cases(run: Run, filled: Path) -> None:
    said = run("case", "list")
    head, row = said.out.splitlines()
    assert head.startswith("number\tstate\tlevel\towner\tdue\tcause")
    assert row.startswith("FO-1\topen\tnormal\t\t")
    assert "\ttarget.refused\tjira\tOPS-1\t" in row
    assert [case["number"] for case in json.loads(run("cases", "list", "--json").out)["cases"]] == ["FO-1"]


def test_a_filter_that_hides_everything_says_so(run: Run, filled: Path) -> None:
    said = run("case", "list", "--state", "closed")
    assert said.code == Code.DONE
    assert "no cases fit this" in said.err
    wrong = run("case", "list", "--state", "asleep")
    assert wrong.code == Code.WRONG_USE
    assert "came_back" in wrong.err


def test_show_a_case(run: Run, filled: Path) -> None:
    said = run("case", "show", "FO-1")
    assert "FO-1  jira refuses the write" in said.out
    assert "status: 403" in said.out
    assert "* lockstep case retry FO-1" in said.out
    shown = json.loads(run("case", "show", "1", "--json").out)
    assert {"evidence", "history", "actions"} <= set(shown)
    assert run("case", "show", "FO-9").code == Code.NOT_FOUND


def test_retry_a_case(run: Run, filled: Path) -> None:
    said = run("case", "retry", "FO-1", "--as", "nadia")
    assert said.code == Code.DONE
    assert said.out.startswith("FO-1 is in_run now")
    shown = json.loads(run("case", "show", "1", "--json").out)
    assert shown["history"][-1]["actor"] == "nadia"


def test_discarding_needs_a_reason(run: Run, filled: Path) -> None:
    said = run("case", "discard", "FO-1")
    assert said.code == Code.WRONG_USE
    assert "--reason" in said.err
    assert run("case", "discard", "FO-1", "--reason", "not needed there", "--yes").code == Code.DONE
    again = run("case", "discard", "FO-1", "--reason", "not needed there", "--yes")
    assert again.code == Code.NOT_ALLOWED
    assert "closed" in again.err


def test_a_decision_on_an_older_version_is_refused(run: Run, filled: Path) -> None:
    said = run("case", "retry", "FO-1", "--expect", "7")
    assert said.code == Code.PLAN_STALE
    assert "Look again" in said.err


# -- the edge


def test_a_defect_is_not_hidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "app_of", lambda _: broken)
    with pytest.raises(ZeroDivisionError):
        run("version")


def test_an_interruption(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app_of", lambda _: interrupted)
    assert run("version").code == Code.INTERRUPTED


def test_one_noun_is_built_as_all_of_them_are() -> None:
    whole = {path for path, _ in verbs_of(app_of())}
    for noun in {path[0] for path in whole}:
        plural = f"{noun}s" if typed((f"{noun}s",)) == (noun,) else noun
        for words in ((noun, "x"), ("--url", "demo", noun), ("--no-color", plural)):
            assert {path for path, _ in verbs_of(app_of(typed(words)))} == {path for path in whole if path[0] == noun}
    for none in ([], ["--help"], ["nonsense"], ["--url", "case"]):
        assert {path for path, _ in verbs_of(app_of(typed(none)))} == whole


def test_help_loads_neither_the_gateway_nor_the_stand_ins() -> None:
    program = (
        "import sys\nfrom gateway.cli.main import main\n"
        "try:\n    main(['demo', '--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'sqlalchemy', 'aiohttp', 'faust', 'httpx', 'jsonpath_ng', 'alembic'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "100"},
    )
    assert done.returncode == 0, done.stderr
    assert "LOCKSTEP_DEMO_SEED" in done.stdout
