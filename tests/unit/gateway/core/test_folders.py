"""Whoever makes the data directory first, others on the machine cannot look into it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.app.exclusive import lock
from gateway.core.folders import private
from gateway.core.key_files import kept
from gateway.storage.database import Database

FIRST: dict[str, Callable[[Path], object]] = {
    "the gateway": lambda data: lock(data).close(),
    "a command": lambda data: Database(f"sqlite+aiosqlite:///{data}/lockstep.db"),
    "a key": lambda data: kept(data / "signing.key"),
}


@pytest.mark.parametrize("who", FIRST)
def test_nobody_else_can_look_into_it(tmp_path: Path, who: str) -> None:
    before = os.umask(0)
    try:
        FIRST[who](tmp_path / "deep" / "data")
    finally:
        os.umask(before)
    assert (tmp_path / "deep" / "data").stat().st_mode & 0o077 == 0


def test_what_somebody_made_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    private(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o750
