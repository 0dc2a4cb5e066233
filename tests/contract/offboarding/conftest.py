"""A house on an empty database: SQLite, and PostgreSQL where the dialect matters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.config import load
from gateway.sync.batch import Topology
from gateway.work.workplace import Workplace
from tests.contract.offboarding.people import CONFIG
from tests.support.leaving import House, house


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(f"sqlite+aiosqlite:///{tmp_path}/house.db", "wiki", "shop") as made:
        yield made


@pytest.fixture
def place(home: House, tmp_path: Path) -> Workplace:
    file = tmp_path / "lockstep.yaml"
    file.write_text(CONFIG)
    config = load(file, {"WIKI_TOKEN": "t"})
    home.rules = config.leavers
    return Workplace(database=home.database, config=config, topology=Topology.of([]), now=home.clock.now)
