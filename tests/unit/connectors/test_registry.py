"""From names to connectors; manifests agree with the code."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import connectors
from connectors import grades, registry
from connectors.conformance.grading import Grade
from connectors.conformance.subject import subject, with_fixtures
from connectors.contract.connector import ConnectionSettings, Connector
from connectors.contract.errors import ConfigError
from tests.unit.connectors.clocks import SteppingClock

ROOT = Path(connectors.__file__).parent
OPTIONS = {"github": {"owner": "o", "repo": "r"}, "gitlab": {"project": "1"}, "jenkins": {"job": "job/a"}}
"""What has no default."""
AUTH: dict[str, Any] = {
    "bamboohr": {"api_key": {"key": "k"}},
    "jenkins": {"basic": {"user": "u", "password": "p"}},
}
"""Who takes no bearer token."""


def settings(connector: str, **more: Any) -> ConnectionSettings:
    given = {"name": "mine", "connector": connector, "url": "https://x.example", "auth": {"bearer": {"token": "t"}}}
    return ConnectionSettings(**(given | more))


def made(connector: str, **more: Any) -> Connector:
    return registry.create(settings(connector, **more), clock=SteppingClock())


CANNOT: dict[str, tuple[str, ...]] = {}
"""What no connector can make good, by its vendor's fault."""


@pytest.mark.parametrize("name", sorted(registry.BUILT_IN))
async def test_built_in_connectors_agree_with_their_manifests(name: str) -> None:
    manifest = YAML(typ="safe").load(ROOT / name / "manifest.yaml")
    auth = AUTH.get(name, {"bearer": {"token": "t"}})
    objects: dict[str, Any] = {each: {} for each in manifest["objects"]}
    connector = made(name, options=OPTIONS.get(name, {}), auth=auth, objects=objects)
    assert manifest["name"] == name
    assert set(manifest["objects"]) == set(connector.specs)
    for object, spec in connector.specs.items():
        said = manifest["objects"][object]
        assert (said["version"], said["granularity_s"]) == (spec.version_kind.value, spec.granularity_s)
        assert (said["history"], said["settles_s"], bool(said["items"])) == (spec.history, spec.settles_s, spec.items)
    assert all(callable(getattr(connector, verb)) for verb in manifest["capabilities"])
    assert manifest.get("ends", {}) == dict(getattr(connector, "ends", {}))
    await connector.close()


def test_what_the_kit_cannot_test_is_not_called_measured() -> None:
    assert [name for name in registry.names() if grades.read(name).measured] == with_fixtures()


@pytest.mark.parametrize("name", with_fixtures())
def test_connectors_have_measured_grades(name: str) -> None:
    """Of exactly the actions that their fixtures name. That the grades still hold is what `make conformance` checks."""
    found = grades.read(name)
    assert found.measured
    tested = subject(name)
    actions = [fixture.name(action) for fixture in tested.fixtures for action in fixture.actions]
    kinds = [
        f"access.{kind}" for kind in grades.said_by(Path(str(grades.beside(name, "manifest.yaml")))).get("ends", {})
    ]
    assert {each.action for each in found.actions} == {*actions, *(kinds if tested.access else ())}
    assert {each.grade for each in found.actions} <= {each.value for each in Grade} - {Grade.REJECTED.value}
    assert found.rules_broken == CANNOT.get(name, ())


@pytest.mark.parametrize(("asked", "tip"), [("servicnow", "servicenow"), ("jria", "jira")])
def test_a_typo_gets_a_suggestion(asked: str, tip: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean '{tip}'"):
        made(asked)


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(ConfigError, match="try one of " + ", ".join(sorted(registry.BUILT_IN))):
        made("brambledesk")


def test_a_dotted_path_names_a_factory() -> None:
    assert set(made("connectors.jira.connector:create").specs) == {"issue"}
    with pytest.raises(ConfigError, match="cannot be loaded"):
        made("no.such.module:factory")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        made("connectors.registry:nothing")


def test_entry_points_bring_third_parties(monkeypatch: pytest.MonkeyPatch) -> None:
    announced = EntryPoint("bramble", "connectors.jira.connector:create", registry.ENTRY_POINTS)
    taken = EntryPoint("jira", "os:getcwd", registry.ENTRY_POINTS)
    monkeypatch.setattr(registry, "entry_points", lambda **by: EntryPoints([announced, taken]).select(**by))
    assert registry.names() == sorted(["bramble", *registry.BUILT_IN])
    assert set(made("bramble").specs) == {"issue"}
    assert set(made("jira").specs) == {"issue"}, "a built-in name cannot be taken over"


@pytest.mark.parametrize(
    ("connector", "given", "problem"),
    [
        ("jira", {"options": {"corelation_field": "x"}}, "did you mean 'correlation_field'"),
        ("jira", {"options": {"correlation_field": "labels"}}, "correlation_field"),
        ("jira", {"objects": {"epic": {}}}, "Jira has no object epic"),
        ("jira", {"objects": {"issue": {"jql": "x = 1 ORDER BY key"}}}, "ORDER BY"),
        ("servicenow", {"options": {"page_size": 0}}, "page_size"),
        ("servicenow", {"objects": {"incident": {"filter": "a=1^NQb=2"}}}, "NQ"),
        ("servicenow", {"objects": {"incident": {"tabel": "x"}}}, "did you mean 'table'"),
        ("servicenow", {"auth": {}}, "auth"),
    ],
)
def test_every_unusable_setting_is_a_config_error(connector: str, given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as got:
        made(connector, **given)
    assert "connection mine" in str(got.value)
