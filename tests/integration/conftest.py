"""The two stand-ins that most tests here run between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.edges import Sites, sites


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[Sites]:
    """ServiceNow and Jira."""
    async with sites(tmp_path) as made:
        yield made
