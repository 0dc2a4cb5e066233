"""A data directory that cannot be had is told in one sentence, whatever is wrong with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.contract.errors import ConfigError
from gateway.app.exclusive import lock


def test_a_directory_has_one_holder_at_a_time(tmp_path: Path) -> None:
    held = lock(tmp_path / "data")
    with pytest.raises(ConfigError, match=f"in use by process {os.getpid()}; stop it first"):
        lock(tmp_path / "data")
    held.close()
    lock(tmp_path / "data").close()


def test_a_place_where_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    """A file stands for every such place here: permissions and read-only disks do not stop a test that root runs."""
    (tmp_path / "file").write_text("in the way")
    for wanted in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match=r"data: error\[directory\]: nothing can be written to .*another `data`"):
            lock(wanted)
    (tmp_path / "data" / "lock").mkdir(parents=True)
    with pytest.raises(ConfigError, match="Is a directory"):
        lock(tmp_path / "data")
