"""Secrets come from the environment or a file, and never out again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.gateway.config.support import ENV, GOOD, loaded, told


def test_a_missing_variable_is_told_once_per_place_with_the_likely_one(tmp_path: Path) -> None:
    env = {name: value for name, value in ENV.items() if name not in ("SNOW_PASSWORD", "SNOW_URL")}
    env["SNOW_PASSWRD"] = "x"
    assert told(tmp_path, GOOD, env) == [
        "5:10: error[env-missing]: the environment variable SNOW_URL is not set; try exporting it",
        (
            "6:52: error[env-missing]: the environment variable SNOW_PASSWORD is not set; "
            "try exporting it, or 'SNOW_PASSWRD'"
        ),
    ]


def test_an_empty_variable_is_as_good_as_none(tmp_path: Path) -> None:
    assert "SNOW_HOOK is empty" in told(tmp_path, GOOD, {**ENV, "SNOW_HOOK": ""})[0]


@pytest.mark.parametrize("place", ['"${SNOW_PASSWORD}"', '"${SNOW_HOOK}"', '"${JIRA_TOKEN}"'])
def test_a_literal_secret_is_refused_and_not_repeated(tmp_path: Path, place: str) -> None:
    problems = told(tmp_path, GOOD.replace(place, "hunter2"))
    assert [line.partition("]")[0].partition("[")[2] for line in problems] == ["secret-literal"]
    assert "hunter2" not in problems[0]


def test_a_literal_secret_of_a_stand_in_on_this_machine_protects_nothing(tmp_path: Path) -> None:
    text = GOOD.replace('"${SNOW_URL}"', "http://127.0.0.1:8001").replace('"${SNOW_PASSWORD}"', "hunter2")
    assert told(tmp_path, text) == []


def test_a_secret_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    config = loaded(tmp_path, GOOD.replace('"${JIRA_TOKEN}"', "file:token"))
    assert config.connections["jira"].settings.auth["basic"]["password"] == "from-a-file"


@pytest.mark.parametrize(
    "spoilt",
    [
        'client_id: l, client_secret: "secret:a", client_in: "${SNOW_PASSWORD}"',
        'client_id: l, client_secret: "secret:a", client_in: "a-choice-that-leaves-little-room-${SNOW_PASSWORD}"',
    ],
)
def test_a_problem_does_not_quote_what_was_filled_in(tmp_path: Path, spoilt: str) -> None:
    """Who may write a reference need not be somebody who may know the value."""
    text = GOOD.replace(
        'basic: {user: lockstep@example.com, password: "${JIRA_TOKEN}"}', "oauth2_client_credentials: {X}"
    )
    problems = told(tmp_path, text.replace("X", spoilt))
    assert any("error[choice]: what is filled in here does not fit" in each for each in problems)
    assert "s3c" not in str(problems)


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file or directory"), ("", "is empty")])
def test_a_secret_file_that_gives_nothing(tmp_path: Path, content: str | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)
    assert reason in told(tmp_path, GOOD.replace('"${JIRA_TOKEN}"', "file:token"))[0]


@pytest.mark.parametrize(
    ("url", "rules"),
    [
        ("postgresql+asyncpg://u:hunter2@db.example.com/x", ["secret-literal"]),
        ('"postgresql+asyncpg://u:${SNOW_PASSWORD}@db.example.com/x"', []),
        ("postgresql+asyncpg://u:hunter2@127.0.0.1/x", []),
        ("postgresql+asyncpg://u@db.example.com/x", []),
    ],
)
def test_passwords_in_the_address_of_the_database(tmp_path: Path, url: str, rules: list[str]) -> None:
    problems = told(tmp_path, f"{GOOD}database: {url}\n")
    assert [line.partition("]")[0].partition("[")[2] for line in problems] == rules


def test_variables_are_filled_in_nowhere_else(tmp_path: Path) -> None:
    assert "24:7: error[env]: variables are not filled in here; try writing the value itself" in told(
        tmp_path, f'{GOOD}name: "${{SNOW_USER}}"\n'
    )


def test_a_plain_dollar_can_be_written(tmp_path: Path) -> None:
    config = loaded(tmp_path, f'{GOOD}data: "/tmp/$${{x}}"\n')
    assert str(config.data) == "/tmp/${x}"


def test_nothing_shows_a_secret(tmp_path: Path) -> None:
    shown = repr(loaded(tmp_path)) + "".join(told(tmp_path, GOOD.replace("connector: jira", "connector: jria")))
    shown += "".join(
        told(tmp_path, GOOD.replace("auth: {basic: {user: lockstep@example.com,", "auth: {basic: {usr: x,"))
    )
    shown += "".join(told(tmp_path, GOOD.replace("poll: {every: 30s}", "poll: {secret: s3cret-of-all}")))
    assert "s3cret" not in shown
