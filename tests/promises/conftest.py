"""Every promise is kept on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.promises.direct import DirectDatabase


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a row."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    return str(request.getfixturevalue("furnished_url"))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a table, for migrations."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def embedded_url(tmp_path: Path) -> str:
    """An empty SQLite database: enough to see that a check notices a missing mechanism."""
    return sqlite_url(tmp_path)


@pytest.fixture(scope="module")
def database() -> Iterator[DirectDatabase]:
    """One database, emptied before each schedule."""
    made = DirectDatabase()
    yield made
    made.dispose()


def sqlite_url(directory: Path) -> str:
    return f"sqlite+aiosqlite:///{directory}/store.db"
