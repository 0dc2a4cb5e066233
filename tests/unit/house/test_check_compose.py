"""The checks of docker-compose.yml and the Dockerfile, and that each can fail."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scripts import check_compose
from tests.support.shared import REPOSITORY

COPIED = ("docker-compose.yml", "Dockerfile", ".dockerignore", "deploy/compose")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the check looks at, to be broken by a test."""
    for name in COPIED:
        source, target = REPOSITORY / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    for name in check_compose.copied_paths((REPOSITORY / "Dockerfile").read_text()):
        (tmp_path / name).touch()
    return tmp_path


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"the test no longer fits {file.name}"
    file.write_text(text.replace(old, new))


def test_the_files_of_this_checkout_are_in_order() -> None:
    assert check_compose.problems() == []


def test_the_copy_that_the_tests_break_is_in_order(checkout: Path) -> None:
    assert check_compose.problems(checkout) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "docker-compose.yml",
            "    restart: unless-stopped",
            "    restarts: always",
            "services.postgres: 'restarts' does not match any",
        ),
        ("docker-compose.yml", "condition: service_healthy", "condition: well", "'well' is not one of"),
        ("docker-compose.yml", "apache/kafka:4.1.1", "apache/kafka:latest", "kafka: the image is not pinned"),
        ("docker-compose.yml", "  postgres-data:\n", "", "postgres: volume postgres-data is not declared"),
        ("docker-compose.yml", "127.0.0.1:8080:8080", "8080:8080", "gateway: port 8080:8080 is open to every network"),
        ("docker-compose.yml", "      kafka:\n        cond", "      kafk:\n        cond", "gateway: depends on kafk"),
        ("docker-compose.yml", "./deploy/compose/lock", "./deploy/lock", "gateway: mounts ./deploy/lockstep.yaml"),
        ("docker-compose.yml", "JIRA_HOOK: ${JIRA_HOOK:", "JIRA_HOOK: ${HOOK:", "env.example does not have HOOK"),
        ("deploy/compose/env.example", "SNOW_USER=", "SNOW_NAME=", "env.example has SNOW_NAME"),
        ("Dockerfile", "HEALTHCHECK", "# HEALTH", "gateway: no healthcheck"),
        ("Dockerfile", "COPY replay replay", "COPY replays replays", "copies replays, which does not exist"),
        (".dockerignore", "!mappings\n", "", "copies mappings, which .dockerignore leaves out"),
    ],
)
def test_what_is_wrong_is_said(checkout: Path, file: str, old: str, new: str, said: str) -> None:
    replace(checkout / file, old, new)
    assert any(said in problem for problem in check_compose.problems(checkout)), check_compose.problems(checkout)


def test_a_missing_service_is_said(checkout: Path) -> None:
    replace(checkout / "docker-compose.yml", "\n  kafka:\n    image", "\n  broker:\n    image")
    assert "service kafka is missing" in check_compose.problems(checkout)
