"""The suite's two subjects."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.connectors.bench import BENCHES, Bench, bench


@pytest.fixture(params=sorted(BENCHES))
async def at(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """Each connector in turn, on its own fresh stand-in."""
    async with bench(request.param, tmp_path) as made:
        yield made


@pytest.fixture
async def servicenow(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench("servicenow", tmp_path) as made:
        yield made


@pytest.fixture
async def jira(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench("jira", tmp_path) as made:
        yield made
