"""A good file becomes values that the gateway can run on."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.contract.errors import ConfigError
from gateway.config import load
from mappings.loader import LIBRARY
from tests.unit.gateway.config.support import ENV, GOOD, loaded

ROOT = Path(__file__).parents[4]


def test_defaults(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    assert config.data == tmp_path / "data"
    assert config.database == f"sqlite+aiosqlite:///{tmp_path}/data/lockstep.db"
    assert config.stream == f"sqlite:///{tmp_path}/data/stream.db"
    assert (config.host, config.port, config.limits.body) == ("127.0.0.1", 8080, 10 * 1024 * 1024)
    assert config.retention.receipts_s == config.retention.journal_s


def test_connections(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    snow, jira = config.connections["snow"], config.connections["jira"]
    assert snow.settings.url == "https://dev1.service-now.com"
    assert snow.settings.auth == {"basic": {"user": "lockstep", "password": "s3cret-of-snow"}}
    assert snow.settings.webhook_secret == "s3cret-of-hook"
    assert (snow.poll_every_s, snow.has_webhook, jira.poll_every_s, jira.has_webhook) == (30.0, True, 60.0, False)
    assert jira.settings.timeout_s == 5.0
    assert jira.settings.objects == {"issue": {"project": "OPS"}}


def test_fields_that_only_a_mapping_knows_are_asked_for(tmp_path: Path) -> None:
    assert loaded(tmp_path).connections["snow"].settings.options == {"fields": ["u_labels"]}
    more = GOOD.replace("poll: {every: 30s}", "options: {fields: [u_region, u_labels]}")
    assert loaded(tmp_path, more).connections["snow"].settings.options == {"fields": ["u_region", "u_labels"]}


def test_flows(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    flow = config.flows["incidents"]
    assert flow.create_in == ("jira",)
    assert flow.create_when is not None
    assert flow.create_when({"priority": "critical"})
    assert not flow.create_when({"priority": "low"})
    assert (flow.merge["summary"].kind, flow.merge["summary"].order) == ("latest", ("snow", "jira"))
    assert (flow.merge["status"].kind, flow.merge["status"].order) == ("authority", ("jira", "snow"))
    assert (flow.merge["labels"].kind, flow.merge["assignee"].kind) == ("union", "manual")
    assert flow.latest_only == {"summary"}
    assert flow.sets == {"labels"}
    assert flow.on_delete == "case"
    assert flow.members["jira"].mapping.name == "jira-issue"
    assert [each.name for each, _ in config.members_of("snow")] == ["incidents"]


def test_short_forms(tmp_path: Path) -> None:
    text = GOOD.replace("{default: latest, status: {authority: [jira]}, labels: union, assignee: manual}", "authority")
    flow = loaded(tmp_path, text.replace("{summary: latest}", "latest")).flows["incidents"]
    assert flow.merge["summary"].kind == "authority"
    assert flow.merge["labels"].kind == "union"
    assert "status" in flow.latest_only


def test_a_natural_key(tmp_path: Path) -> None:
    text = GOOD.replace("    type: incident\n", "    type: incident\n    key: {natural: summary}\n")
    assert loaded(tmp_path, text).flows["incidents"].natural == "summary"
    assert loaded(tmp_path, text.replace("{natural: summary}", "correlation")).flows["incidents"].natural is None


def test_a_mapping_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    own = (LIBRARY / "jira-issue.yaml").read_text().replace("version: 1", "version: 7")
    (tmp_path / "maps" / "our-issue.yaml").write_text(own)
    member = (
        loaded(tmp_path, GOOD.replace("mapping: jira-issue", "mapping: maps/our-issue.yaml"))
        .flows["incidents"]
        .members["jira"]
    )
    assert member.mapping.version == 7
    assert member.mapping_file == tmp_path / "maps" / "our-issue.yaml"


def test_the_environment_replaces_where_things_are(tmp_path: Path) -> None:
    env = {
        **ENV,
        "LOCKSTEP_DATABASE": "postgresql+asyncpg://db/x",
        "LOCKSTEP_STREAM": "kafka://k:9092",
        "LOCKSTEP_LISTEN": "[::]:80",
    }
    config = loaded(tmp_path, GOOD, env)
    assert (config.database, config.stream) == ("postgresql+asyncpg://db/x", "kafka://k:9092")
    assert (config.host, config.port) == ("::", 80)


def test_no_polling(tmp_path: Path) -> None:
    assert loaded(tmp_path, GOOD.replace("poll: {every: 30s}", "poll: false")).connections["snow"].poll_every_s is None


def test_the_example_loads() -> None:
    env = {**ENV, "JIRA_URL": "https://example.atlassian.net", "JIRA_USER": "lockstep@example.com", "JIRA_HOOK": "h"}
    config = load(ROOT / "examples" / "lockstep.yaml", env)
    assert set(config.connections) == {"snow", "jira"}


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.yaml:1:1: error\[file\]: cannot be read: No such file"):
        load(tmp_path / "nowhere.yaml", {})


def test_loading_opens_and_makes_nothing(tmp_path: Path) -> None:
    loaded(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["lockstep.yaml"]
