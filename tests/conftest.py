"""What every test may use: real parts, found or skipped, and the guard that keeps skips out of CI."""

from __future__ import annotations

pytest_plugins = ["pytester", "tests.support.guard", "tests.support.kafka", "tests.support.postgres"]
