"""`lockstep connector list` and `test`, as somebody types them: what is said, and with which exit code it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors import grades, registry
from connectors.conformance.grading import ORDER
from connectors.conformance.report import Report
from connectors.conformance.subject import Subject, with_fixtures
from gateway.cli import connector_test
from tests.conformance.desk import Desk
from tests.conformance.sound import FAX, Sound
from tests.support.edges import REPOSITORY, Said, environment, lockstep

CONNECTOR = "from tests.conformance.{module} import {name}\n\ncreate = {name}\n"
FIXTURES = """
from dataclasses import replace
from tests.conformance.sound import FAX, TICKET

FIXTURES = ({fixture},)
"""
CONFIGURATION = """
lockstep: 1
data: ./data
connections:
  snow: {connector: servicenow, url: "http://127.0.0.1:9", auth: {bearer: {token: t}}}
  jira: {connector: jira, url: "http://127.0.0.1:9", auth: {bearer: {token: t}}}
flows:
  incidents:
    type: incident
    key: correlation
    members:
      snow: {object: incident, mapping: servicenow-incident}
      jira: {object: issue, mapping: jira-issue, with: {project: OPS}}
    authority: [snow, jira]
"""
CREATES = 'replace(TICKET, actions=("create",))'


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with Desk().serving() as url:
        yield url


def package(folder: Path, *, module: str = "sound", name: str = "Sound", fixture: str = CREATES) -> Path:
    """A connector of somebody else's: a package on the path, with its fixtures beside it."""
    made = folder / "mine"
    made.mkdir()
    (made / "__init__.py").touch()
    (made / "connector.py").write_text(CONNECTOR.format(module=module, name=name))
    (made / "conformance.py").write_text(FIXTURES.format(fixture=fixture))
    return made


async def command(folder: Path, url: str, *more: str) -> Said:
    """Runs the kit on that connector."""
    paths = f"{REPOSITORY}:{folder}"
    asked = ("connector", "test", "mine.connector:create", "--stand-in", url, *more)
    return await lockstep(*asked, cwd=folder, env=environment(PYTHONPATH=paths))


async def test_a_grade_that_is_shown_was_measured(tmp_path: Path) -> None:
    said = await lockstep("connector", "list", "--json", cwd=tmp_path)
    shown = {each["connector"]: each for each in said.document()["connectors"]}
    assert sorted(shown) == registry.names()
    known = {grade.value for grade in ORDER}
    assert {"jira", "servicenow"} <= set(with_fixtures())
    assert all(set(shown[name]["actions"].values()) <= known for name in with_fixtures())
    others = [each for name, each in shown.items() if name not in with_fixtures()]
    assert all(set(each["actions"].values()) <= {grades.NOT_MEASURED} for each in others)
    plain = await lockstep("connector", "list", "jira", cwd=tmp_path)
    assert "jira\tissue.create\teffectively once by marker and probe" in plain.out


async def test_a_sound_connector_passes_and_its_grades_are_kept(tmp_path: Path, url: str) -> None:
    made = package(tmp_path, fixture="FAX")
    said = await command(tmp_path, url, "--write", "--json")
    assert (said.code, said.document()["connectors"][0]["problems"]) == (0, [])
    kept = grades.said_by(made / "quality.yaml")
    assert kept["actions"]["fax.create"]["grade"] == "needs a person"
    assert (await command(tmp_path, url, "--check")).code == 0


def test_a_connector_that_was_never_measured_fails_the_check(tmp_path: Path) -> None:
    tested = Subject(name="mine", factory=Sound, fixtures=(FAX,), quality=tmp_path / "quality.yaml")
    report = Report(connector="mine", against="sandbox", seed=0, whole=True)
    assert connector_test._problems(tested, report, check=False) == []
    (problem,) = connector_test._problems(tested, report, check=True)
    assert "was never measured" in problem


async def test_a_grade_that_is_lower_than_committed_fails_the_check(tmp_path: Path, url: str) -> None:
    made = package(tmp_path, fixture="FAX")
    grade = "{fax.create: {grade: effectively once by key}}"
    (made / "quality.yaml").write_text(f"measured: true\nactions: {grade}\nrules: {{}}\n")
    said = await command(tmp_path, url, "--check")
    assert said.code == 1
    assert "fax.create fell from 'effectively once by key' to 'needs a person'" in said.err


async def test_a_broken_connector_is_rejected_with_the_reason(tmp_path: Path, url: str) -> None:
    package(tmp_path, module="broken.writing", name="SendsAgain")
    said = await command(tmp_path, url, "--only", "write.cut_after_commit")
    assert said.code == 1
    assert "one apply sent 2 write requests" in said.err
    assert "BROKEN" in said.out


async def test_what_cannot_be_tested_is_said(tmp_path: Path) -> None:
    (tmp_path / "lockstep.yaml").write_text(CONFIGURATION)
    asked = {
        ("--connection", "snow"): (6, "--allow-writes"),
        ("--connection", "crm"): (2, "there is no connection crm"),
        ("servicnow",): (11, "did you mean 'servicenow'?"),
        (): (2, "say --all"),
        ("jira", "--only", "write.nothing"): (2, "there is no rule write.nothing"),
        ("jira", "--only", "read", "--write"): (2, "--write needs a whole run"),
    }
    ran = await asyncio.gather(*(lockstep("connector", "test", *each, cwd=tmp_path) for each in asked))
    for (code, words), said in zip(asked.values(), ran, strict=True):
        assert (said.code, words in said.err) == (code, True), said.err
