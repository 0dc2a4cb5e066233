"""A problem is one line, whatever stands in the file."""

from __future__ import annotations

import pytest

from connectors.contract.written.problems import LONGEST, Problem


@pytest.mark.parametrize("sign", ["\n", "\r", "\x1b[2J", "\u2028", "\x85", "\t", "\0"])
def test_what_breaks_a_line_is_escaped(sign: str) -> None:
    line = str(Problem("f.yaml", 1, 2, "choice", f"'a{sign}b' is not a choice here", f"'c{sign}d'"))
    assert line.isprintable() and len(line.splitlines()) == 1
    assert line.startswith("f.yaml:1:2: error[choice]: 'a\\") and line.endswith("d'")


def test_other_alphabets_are_not() -> None:
    assert "'Größe 大きさ 🙂'" in str(Problem("f.yaml", 1, 2, "choice", "'Größe 大きさ 🙂' is not a choice here"))


def test_of_a_long_value_the_ends_are_shown() -> None:
    line = str(Problem("f.yaml", 1, 2, "choice", f"'{'x' * 5000}' is not a choice here"))
    assert len(line) < LONGEST + 60
    assert "xxx...xxx" in line and line.endswith("x' is not a choice here")
