"""`lockstep connector lint|test-file|init|show|schema`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.cli.exits import Code, Ending

EXAMPLE = Path(__file__).parents[4] / "examples" / "brambledesk" / "connectors" / "brambledesk.yaml"


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["connector", *arguments])
    ended = done.exception
    return (int(ended.code) if isinstance(ended, Ending) else done.exit_code), done.output


def test_a_good_file() -> None:
    code, said = run("lint", str(EXAMPLE))
    assert (code, said.strip().rpartition(", ")[2]) == (Code.DONE, "6 tests passed")


def test_problems_and_failing_tests_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "desk.yaml"
    file.write_text(EXAMPLE.read_text().replace("outcome: unknown}", "outcome: applied}"))
    code, said = run("lint", str(file), "--json")
    told = json.loads(said)
    assert (code, told["problems"], len(told["failures"])) == (Code.FAILED, [], 1)
    assert run("test-file", str(file))[0] == Code.FAILED
    file.write_text(EXAMPLE.read_text().replace("release:", "relase:"))
    code, said = run("lint", str(file))
    assert code == Code.CONFIG_INVALID
    assert f"{file}:4:1: error[unknown-key]: unknown key 'relase'; try 'release'" in said


def test_a_first_file_has_no_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("answer.json").write_text('{"items": [{"id": 1, "updated_at": "2026-01-01T00:00:00Z"}]}')
    assert run("init", "desk", "--sample", "answer.json", "--path", "/api/tickets")[0] == Code.DONE
    assert run("lint", "connectors/desk.yaml")[0] == Code.DONE
    assert run("init", "desk", "--sample", "answer.json")[0] == Code.WRONG_USE, "it is there already"
    assert run("init", "other")[0] == Code.WRONG_USE


def test_what_a_file_promises() -> None:
    code, said = run("show", str(EXAMPLE), "--json")
    record = json.loads(said)["records"][0]
    assert (code, record["record"], record["version"]) == (Code.DONE, "ticket", "counter")
    assert "create by marker" in record["writes"]


def test_what_a_file_says_of_access() -> None:
    github = EXAMPLE.parents[3] / "connectors" / "github" / "connector.yaml"
    code, said = run("show", str(github), "--json")
    access = {each["name"]: each for each in json.loads(said)["access"]}
    assert (code, access["team"]["ends"], access["schedule"]["ends"]) == (Code.DONE, "by request", "not shown")
    lines = run("show", str(github), "--access")[1].splitlines()
    assert "membership\taccount\tby request" in "\n".join(lines)
    assert json.loads(run("show", str(EXAMPLE), "--json")[1])["access"] == []


def test_the_schema_takes_what_the_reader_takes() -> None:
    import jsonschema

    from connectors.contract.written.places import read_source

    schema = json.loads(run("schema")[1])
    for file in (EXAMPLE, *(EXAMPLE.parents[3] / "connectors").glob("*/connector.yaml")):
        jsonschema.Draft202012Validator(schema).validate(read_source(file).data)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({**read_source(EXAMPLE).data, "relase": "1"})
