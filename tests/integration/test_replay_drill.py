"""Dead letters from one cause: grouped, planned, run by a gateway killed twice. `make replay-drill` is larger."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drill.killed import drill

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]


async def test_each_dead_letter_takes_effect_once_and_the_sums_add_up(tmp_path: Path) -> None:
    told: list[str] = []
    found = await drill(tmp_path, 300, rate=60_000.0, patience_s=240.0, tell=told.append)
    assert found.problems == []
    assert found.counts == {"applied": 300} and found.group == 300
    # Killed at the end, or before anything was sent, it would show nothing.
    assert len(found.kills) == 2 and 0 < found.kills[0] < found.kills[1] < 300
