"""Real parts (a server, a corpus): used where they are found; skipped elsewhere, but never skipped in CI."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

PARTS = ("postgres", "kafka", "chromium", "rsyslog")
"""Markers of tests that need a real part."""


def absence_is_failure() -> bool:
    """True in CI (`CI=true`) and wherever `LOCKSTEP_REQUIRE_REAL=1` asks for it."""
    return any(os.environ.get(name, "").lower() in {"1", "true", "yes"} for name in ("CI", "LOCKSTEP_REQUIRE_REAL"))


def missing(reason: str) -> NoReturn:
    """Skip the test with `reason`, or fail it where everything has to be present."""
    if absence_is_failure():
        pytest.fail(f"{reason} (a skip anywhere else, a failure in CI)", pytrace=False)
    pytest.skip(reason)
