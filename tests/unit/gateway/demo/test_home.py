"""The directory of a demo: its files, and the environment its processes run in."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.contract.errors import ConfigError
from gateway.config import load
from gateway.demo.flows import TASKS
from gateway.demo.home import DATABASE_VARIABLE, OVERRIDES, Home
from gateway.demo.plan import Plan
from gateway.demo.stand_ins import SYSTEMS
from gateway.demo.terms import load_terms

URLS = {"snow": "http://127.0.0.1:18001", "jira": "http://127.0.0.1:18002"}
POSTGRES = "postgresql+asyncpg://u:p@db.example.com/x"


def written(home: Home, plan: Plan) -> Path:
    home.write_config(plan, name="demo-1", port=18003, urls=URLS)
    return home.config


def test_the_written_configuration_is_a_good_one(tmp_path: Path) -> None:
    home = Home.make(tmp_path / "new")
    config = load(written(home, Plan()), {})
    assert (config.name, config.host, config.port) == ("demo-1", "127.0.0.1", 18003)
    assert config.database == home.database(Plan())
    assert {name: one.settings.url for name, one in config.connections.items()} == URLS
    assert set(config.flows) == {"incidents"}, "no flow of systems that are not there"
    assert list(config.flows["incidents"].members) == ["snow", "jira"]


def test_with_all_five_systems_the_judge_goes_by_the_mappings_of_the_configuration(tmp_path: Path) -> None:
    home = Home.make(tmp_path / "new")
    home.write_config(Plan(), name="demo-1", port=18003, urls=dict.fromkeys(SYSTEMS, "http://127.0.0.1:18001"))
    config, terms = load(home.config, {}), load_terms()
    parts = [(name, part) for name, found in terms.flows.items() for part in found]
    used = {(name, part.connection): terms.mappings[part].digest for name, part in [*parts, ("chores", TASKS)]}
    assert used == {
        (name, connection): member.mapping.digest
        for name, flow in config.flows.items()
        for connection, member in flow.members.items()
    }
    made = {name: {part.connection for part in parts if part.made} for name, parts in terms.flows.items()}
    assert made == {name: set(config.flows[name].create_in) for name in terms.flows}


def test_other_places_for_stream_and_database(tmp_path: Path) -> None:
    plan = Plan(stream="kafka://127.0.0.1:9092", database=POSTGRES)
    home = Home.make(tmp_path / "new")
    config = load(written(home, plan), home.environment(plan))
    assert (config.stream, config.database) == (plan.stream, POSTGRES)


def test_all_five_systems_on_a_shared_database(tmp_path: Path) -> None:
    """Tokens of Salesforce are kept there, encrypted: it takes a key of ours."""
    plan = Plan(database=POSTGRES)
    home = Home.make(tmp_path / "new")
    home.write_config(plan, name="demo-1", port=18003, urls=dict.fromkeys(SYSTEMS, "http://127.0.0.1:18001"))
    assert load(home.config, home.environment(plan)).database == POSTGRES
    assert (home.path / "master.key").stat().st_mode & 0o077 == 0


def test_a_password_stays_out_of_the_file(tmp_path: Path) -> None:
    plan = Plan(database=POSTGRES)
    home = Home.make(tmp_path / "new")
    assert POSTGRES not in written(home, plan).read_text()
    assert home.environment(plan)[DATABASE_VARIABLE] == POSTGRES


def test_variables_of_the_shell_do_not_reach_the_demo(tmp_path: Path) -> None:
    home = Home.make(tmp_path / "new")
    environment = dict.fromkeys(OVERRIDES, "sqlite:////elsewhere.db") | home.environment(Plan())
    assert load(written(home, Plan()), environment).database == home.database(Plan())


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(ConfigError, match="not empty"):
        Home.make(tmp_path)


def test_a_place_where_nothing_can_be_made_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    for wanted in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match=r"no directory can be made there: .*name another with --data"):
            Home.make(wanted)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match="name another with --data"):
        Home.make(None)


def test_only_a_directory_of_its_own_is_removed(tmp_path: Path) -> None:
    named, own = Home.make(tmp_path / "named"), Home.make(None)
    for home in (named, own):
        home.remove()
    assert named.path.exists()
    assert not own.path.exists()


def test_customers_comments_cross_and_internal_notes_stay_unless_both_have_them() -> None:
    terms = load_terms()
    snow, jira, crm, hub = parts = terms.flows["incidents"]
    public, both = frozenset({"comment"}), frozenset({"comment", "work_note"})
    assert terms.comments(snow, parts) == {"snow": both, "jira": public, "crm": both, "hub": public}
    assert terms.comments(jira, [snow, crm, hub]) == {"snow": public, "crm": public, "hub": public}
