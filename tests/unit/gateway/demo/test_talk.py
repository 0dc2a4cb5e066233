"""Commands are told so that they can be typed."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from gateway.demo.talk import Talk, typed_as


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed command in `.venv` of a checkout, which is where we are; the shell finds nothing."""
    file = tmp_path / ".venv" / "bin" / "lockstep"
    file.parent.mkdir(parents=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    return file


def test_a_command_that_the_shell_does_not_find_is_told_with_its_place(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert typed_as(str(program)) == ".venv/bin/lockstep"
    (program.parents[2] / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert typed_as(str(program)) == str(program)


def test_a_command_that_the_shell_finds_is_told_by_name(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program.parent))
    assert typed_as(str(program)) == "lockstep"
    assert typed_as("/somewhere/python3 -m") == "lockstep"


def test_only_our_own_commands_are_rewritten(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(program)])
    out = io.StringIO()
    Talk(out).look("export LOCKSTEP_CONFIG=/tmp/lockstep.yaml", "lockstep now")
    assert [line.strip() for line in out.getvalue().splitlines()] == [
        "export LOCKSTEP_CONFIG=/tmp/lockstep.yaml",
        ".venv/bin/lockstep now",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_is_broken_where_the_terminal_ends_and_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = "ann raises INC0010001 in ServiceNow and bob sees it at once"
    terminal, pipe = Terminal(), io.StringIO()
    Talk(terminal, colour=False).line(text)
    Talk(pipe).line(text)
    told = terminal.getvalue().splitlines()
    assert len(told) == 3 and max(map(len, told)) <= 40
    assert " ".join(line[10:] for line in told) == text
    assert pipe.getvalue().count("\n") == 1
