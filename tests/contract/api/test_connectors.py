"""Measured grades and credentials over the API: what it says is what the files and the rows say, and no secret."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import connectors
from gateway.access.rights import local
from gateway.work.connectors import list_connectors
from tests.contract.api.conftest import NARROW, Place


def test_grades_are_those_that_were_measured_with_their_age(place: Place) -> None:
    with place.client("viewer") as client:
        found = {each["name"]: each for each in client.get("/v1/connectors").json()}
    file = Path(connectors.__file__).parent / "jira" / "quality.yaml"
    said = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    jira = found["jira"]
    assert jira["measured"] and jira["measured_on"] == said["when"] and jira["against"] == said["against"]
    assert {each["action"]: each["grade"] for each in jira["grades"]} == {
        name: each["grade"] for name, each in said["actions"].items()
    }
    assert jira["age_days"] == max(0, (datetime.now(UTC).date() - date.fromisoformat(said["when"])).days)
    assert (jira["connections"], found["gitlab"]["connections"]) == (["jira"], [])
    with place.client(NARROW) as narrow:
        users = {each["name"]: each["connections"] for each in narrow.get("/v1/connectors").json()}
    assert (users["servicenow"], users["jira"]) == (["snow"], [])


def test_what_nobody_measured_has_no_grade(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.work.connectors._kept", {})
    monkeypatch.setattr("connectors.grades.said_by", lambda file: {"actions": {"issue.create": {"grade": "splendid"}}})
    found = place.await_(list_connectors(place.run.gateway.place, local("tests")))
    jira = next(each for each in found if each.name == "jira")
    assert [each.grade for each in jira.grades] == ["not measured"]
    assert (jira.measured, jira.measured_on, jira.age_days) == (False, "", None)


def test_a_credential_that_is_not_kept_here_is_replaced_where_it_is(place: Place) -> None:
    with place.client("integrator") as client:
        assert client.get("/v1/connections/snow/secrets").json() == []
        assert client.get("/v1/connections/no-such/secrets").status_code == 404
        said = client.post("/v1/connections/snow:rotate", json={"values": {"password": "another"}})
        assert (said.status_code, said.json()["type"].rpartition("/")[2]) == (409, "secret-not-kept")
        assert "another" not in said.text
        assert client.post("/v1/connections/no-such:rotate", json={"values": {"password": "x"}}).status_code == 404
        assert client.post("/v1/connections/snow:rotate", json={"values": {"password": ""}}).status_code == 422
    with place.client("operator") as client:
        assert client.get("/v1/connections/snow/secrets").status_code == 403
