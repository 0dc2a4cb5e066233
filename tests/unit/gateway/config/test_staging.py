"""Putting files in place: all or none, and only what was looked at."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from gateway.config.staging import FilesRefused, Wanted, put, staged, wanted
from tests.unit.gateway.config.support import ENV, GOOD

MORE = "# more\n" + GOOD


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "etc" / "lockstep.yaml"
    file.parent.mkdir()
    file.write_text(GOOD)
    (file.parent / "a.yaml").write_text("a: 1\n")
    return file


def state(config: Path) -> dict[str, str]:
    here = config.parent
    return {str(each.relative_to(here)): each.read_text() for each in here.rglob("*") if each.is_file()}


def handed(config: Path, *names: str) -> Wanted:
    return wanted(config, {**{name: f"of: {name}\n" for name in names}, "whole.yaml": MORE}, [])


@pytest.mark.parametrize("move", ["write", "replace"])
@pytest.mark.parametrize("nth", [0, 1, 2])
def test_a_disk_that_takes_no_more_changes_nothing(
    config: Path, monkeypatch: pytest.MonkeyPatch, move: str, nth: int
) -> None:
    before, found = state(config), handed(config, "a.yaml", "b/new.yaml")
    calls, replace, mkdir = [0], Path.replace, Path.mkdir

    def full(self: Path, *args: Any, **more: Any) -> Any:
        calls[0] += 1
        if calls[0] == nth + 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return (replace if move == "replace" else mkdir)(self, *args, **more)

    monkeypatch.setattr(Path, "replace" if move == "replace" else "mkdir", full)
    with pytest.raises(FilesRefused, match="cannot be put in place: No space left on device"):
        put(config, found)
    assert state(config) == before


def test_of_two_who_change_one_file_the_second_is_told(config: Path) -> None:
    first, second = (wanted(config, {"a.yaml": f"by: {who}\n"}, []) for who in ("ada", "ines"))
    assert put(config, first) and not put(config, second)
    assert (config.parent / "a.yaml").read_text() == "by: ada\n"


def test_who_may_read_it_stays(config: Path) -> None:
    config.chmod(0o600)
    assert put(config, handed(config, "a.yaml"))
    assert config.stat().st_mode & 0o777 == 0o600 and config.read_text() == MORE


def test_a_link_to_the_configuration_stays_one(config: Path) -> None:
    link = config.parent.parent / "link.yaml"
    link.symlink_to(config)
    assert put(link, wanted(link.resolve(), {"whole.yaml": MORE}, []))
    assert link.is_symlink() and config.read_text() == MORE


@pytest.mark.parametrize(
    ("names", "rule"),
    [(("x.yaml/y.yaml", "x.yaml"), "unwritable"), (("a" * 300 + ".yaml",), "unwritable"), (("b//c.yaml",), "name")],
)
def test_names_that_cannot_be_are_problems(config: Path, tmp_path: Path, names: tuple[str, ...], rule: str) -> None:
    into = tmp_path / "into"
    into.mkdir()
    with pytest.raises(FilesRefused) as refused:
        staged(config, handed(config, *names), into, ENV)
    assert [each.rule for each in refused.value.found] == [rule]
