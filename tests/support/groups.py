"""Which tests stay together in one worker of `make test`: those that share something dear, such as one run of the demo,
or one browser with two gateways behind it.

pytest-xdist's marker for this changes node ids, which pytest 9 does not let it; so the scheduler is told here.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

TOGETHER = (
    "tests/browser/",
    "tests/contract/api/",
    "tests/contract/sandbox/",
    "tests/integration/test_demo.py",
    "tests/promises/test_long_outage.py",
)


def group_of(nodeid: str) -> str:
    """The folder or file of those that stay together; every other test is a group of its own."""
    return next((each for each in TOGETHER if nodeid.startswith(each)), nodeid)


class Groups(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Large groups first, so that none of them is what all wait for in the end."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups | None:
    return Groups(config, log) if config.getoption("dist") == "loadgroup" else None
