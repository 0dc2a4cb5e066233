"""A house on an empty database: SQLite, and PostgreSQL where the dialect matters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.leaving import House, house


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(f"sqlite+aiosqlite:///{tmp_path}/house.db", "wiki", "shop") as made:
        yield made
