"""`LOCKSTEP_<KEY>` replaces a key of the file. A bad one is told by its own name: the file is not to blame."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.gateway.config.support import ENV, GOOD, loaded, told

SQLITE = "sqlite+aiosqlite:////tmp/x.db"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("LOCKSTEP_DATABASE", "mysql://root:hunter2@h/x", "this is not a database; try postgresql+asyncpg://"),
        ("LOCKSTEP_STREAM", "amqp://hunter2", "this is not a stream; try kafka://host:9092"),
        ("LOCKSTEP_LISTEN", "hunter2", "this is not an address to listen at; try 127.0.0.1:8080"),
    ],
)
@pytest.mark.parametrize("in_file", [True, False])
def test_a_bad_variable_is_named(tmp_path: Path, variable: str, value: str, said: str, *, in_file: bool) -> None:
    good = {"DATABASE": SQLITE, "STREAM": "sqlite:////tmp/s.db", "LISTEN": "127.0.0.1:9"}
    key = variable.removeprefix("LOCKSTEP_")
    text = f"{GOOD}{key.lower()}: {good[key]}\n" if in_file else GOOD
    (problem,) = told(tmp_path, text, {**ENV, variable: value})
    assert f"the environment variable {variable}: {said}" in problem
    assert "hunter2" not in problem


def test_it_hides_no_problem_of_the_file(tmp_path: Path) -> None:
    problems = told(tmp_path, GOOD.replace("lockstep: 1\n", ""), {**ENV, "LOCKSTEP_LISTEN": "nowhere"})
    assert sorted(each.partition("[")[2].partition("]")[0] for each in problems) == ["missing-key", "value"]


def test_what_it_replaces_is_not_looked_at(tmp_path: Path) -> None:
    config = loaded(tmp_path, f"{GOOD}database: nonsense\n", {**ENV, "LOCKSTEP_DATABASE": SQLITE})
    assert config.database == SQLITE
