"""The configurations that people start from are free of problems."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.config import read
from tests.support.shared import REPOSITORY

SHIPPED = [*sorted((REPOSITORY / "examples").rglob("lockstep.yaml")), REPOSITORY / "deploy/compose/lockstep.yaml"]
VALUES = {
    "LOCKSTEP_DATABASE": "postgresql+asyncpg://lockstep:secret@postgres:5432/lockstep",
    "LOCKSTEP_STREAM": "kafka://kafka:9092",
}


def environment(text: str) -> dict[str, str]:
    """A plausible value for each variable that a file asks for."""
    asked = set(re.findall(r"\$\{([A-Z_]+)\}", text))
    return {name: VALUES.get(name, "https://acme.example.com" if name.endswith("_URL") else "secret") for name in asked}


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_it_has_no_problems(file: Path) -> None:
    config, problems = read(file, environment(file.read_text()))
    assert problems == []
    assert config is not None


@pytest.mark.parametrize("name", VALUES)
def test_compose_hands_over_where_store_and_stream_are(name: str) -> None:
    # Without these the container would quietly keep everything in its own SQLite files.
    assert f'"${{{name}}}"' in (REPOSITORY / "deploy/compose/lockstep.yaml").read_text()
    assert f"      {name}: " in (REPOSITORY / "docker-compose.yml").read_text()
