"""A connection's connector may be a file: by path or by name, its problems told at their places in that file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from connectors.contract.limits import Purpose
from gateway.config import read
from gateway.config.budget import Window

EXAMPLE = Path(__file__).parents[4] / "examples" / "brambledesk"
ENV = dict.fromkeys(("DESK_SECRET", "DESK_HOOK", "JIRA_TOKEN", "JIRA_HOOK"), "x") | {
    "DESK_URL": "https://desk.test",
    "JIRA_URL": "https://jira.test",
}


@pytest.fixture
def example(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    return tmp_path / "lockstep.yaml"


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


@pytest.mark.parametrize("connector", ["brambledesk", "./connectors/brambledesk.yaml", "connectors/brambledesk.yaml"])
def test_by_name_and_by_path(example: Path, connector: str) -> None:
    edit(example, "connector: brambledesk  ", f"connector: {connector}  ")
    config, problems = read(example, ENV)
    assert problems == []
    assert config is not None
    assert config.connections["desk"].settings.connector == str(example.parent / "connectors" / "brambledesk.yaml")


def test_a_name_that_is_nearly_one_of_the_folder(example: Path) -> None:
    edit(example, "connector: brambledesk  ", "connector: bramble_desk  ")
    _, problems = read(example, ENV)
    assert [f"{each.rule} {each.hint}" for each in problems] == ["unknown-connector 'brambledesk'"]


def test_what_stands_beside_a_connector_file_is_none(example: Path) -> None:
    (example.parent / "connectors" / "brambledesk.quality.yaml").write_text("measured: true\n")
    edit(example, "connector: brambledesk  ", "connector: brambledesk.quality  ")
    _, problems = read(example, ENV)
    assert [each.rule for each in problems] == ["unknown-connector"]


def test_a_file_that_is_not_there(example: Path) -> None:
    edit(example, "connector: brambledesk  ", "connector: ./desk.yaml  ")
    _, problems = read(example, ENV)
    assert [(Path(each.file).name, each.rule) for each in problems] == [("desk.yaml", "file")]


def test_problems_of_the_file_are_told_there_and_those_of_the_settings_here(example: Path) -> None:
    edit(example.parent / "connectors" / "brambledesk.yaml", "    key: $.number", "    kee: $.number")
    _, problems = read(example, ENV)
    assert [(Path(each.file).name, each.line, each.rule) for each in problems] == [
        ("brambledesk.yaml", 28, "unknown-key")
    ]
    edit(example.parent / "connectors" / "brambledesk.yaml", "    kee: $.number", "    key: $.number")
    edit(example, "poll: {every: 60s}", "options: {colour: red}")
    _, problems = read(example, ENV)
    assert [(Path(each.file).name, each.rule) for each in problems] == [("lockstep.yaml", "options")]


def test_a_built_in_name_cannot_be_taken_over(example: Path) -> None:
    (example.parent / "connectors" / "jira.yaml").write_text("connector: jira\n")
    config, problems = read(example, ENV)
    assert problems == []
    assert config is not None
    assert config.connections["jira"].settings.connector == "jira"


def test_the_file_says_where_tokens_are_asked_for(example: Path) -> None:
    config, _ = read(example, ENV)
    assert config is not None
    assert config.connections["desk"].settings.auth == {
        "oauth2_client_credentials": {
            "token_url": "/oauth/token",
            "scopes": ["tickets"],
            "client_id": "lockstep",
            "client_secret": "x",
        }
    }


def test_a_coded_connector_has_to_be_told(example: Path) -> None:
    edit(example, "auth: {basic: {user: lockstep@example.com", "auth: {oauth2_client_credentials: {client_id: l")
    edit(example, "client_id: l, password:", "client_id: l, client_secret:")
    _, problems = read(example, ENV)
    assert [each.rule for each in problems] == ["auth"]
    assert "token_url" in problems[0].text


def test_what_the_vendor_allows_is_the_connections_budget_unless_it_says_less(example: Path) -> None:
    config, _ = read(example, ENV)
    assert config is not None
    desk = config.connections["desk"]
    assert (desk.budget.windows, desk.budget.concurrent) == ((Window(60.0, 100),), 4)
    assert (desk.rate, desk.per_s, desk.settings.concurrency) == (None, 100 / 60, 4)
    assert (config.connections["jira"].rate, config.connections["jira"].settings.concurrency) == (None, 16)
    wanted = (
        "rate: 1/s\n    concurrency: 2\n    budget: {windows: [10/s, 600/10min], concurrent: 3, shares: {live: 0.5}}"
    )
    edit(example, "poll: {every: 60s}", wanted)
    config, _ = read(example, ENV)
    assert config is not None
    desk = config.connections["desk"]
    assert (desk.rate, desk.per_s, desk.settings.concurrency) == (1.0, 1.0, 2)
    assert [each.words for each in desk.budget.windows] == ["10/s", "600/10min"]
    assert (desk.budget.concurrent, desk.budget.shares[Purpose.LIVE]) == (3, 0.5)


@pytest.mark.parametrize(
    "wrong", ["{windows: [10]}", "{windows: [0/s]}", "{windows: [10/week]}", "{shares: {live: 1.0}}", "{concurrent: 0}"]
)
def test_a_budget_that_means_nothing_is_refused_at_its_place(example: Path, wrong: str) -> None:
    edit(example, "poll: {every: 60s}", f"budget: {wrong}")
    _, problems = read(example, ENV)
    assert problems and all(each.line for each in problems)
