"""What keeps `lockstep run` from starting is one sentence that says what to do, and exit code 11; never a traceback."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.edges import Sites, lockstep
from tests.support.running import write_config

pytestmark = pytest.mark.slow


def data_is_a_file(data: Path) -> None:
    data.write_text("in the way")


def store_is_something_else(data: Path) -> None:
    data.mkdir()
    (data / "lockstep.db").write_bytes(b"no database at all " * 500)


def store_of_tomorrow(data: Path) -> None:
    data.mkdir()
    with closing(sqlite3.connect(data / "lockstep.db")) as db:
        db.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        db.execute("INSERT INTO alembic_version VALUES ('9999_of_tomorrow')")
        db.commit()


HINDRANCES: list[tuple[Callable[[Path], None], str, str]] = [
    (data_is_a_file, "data: error[directory]: nothing can be written to", "name another `data`"),
    (store_is_something_else, "database: error[no-database]:", "put its backup in place, or name another `data`"),
    (store_of_tomorrow, "database: error[schema-newer]:", "try a newer lockstep"),
]


@pytest.mark.parametrize(("hindrance", "begins", "ends"), HINDRANCES, ids=[each.__name__ for each, *_ in HINDRANCES])
async def test_it_says_what_to_do_and_ends(
    tmp_path: Path, both: Sites, hindrance: Callable[[Path], None], begins: str, ends: str
) -> None:
    """A store that is none was waited for, as one that is away is; no waiting mends it."""
    write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, poll="1h")
    hindrance(tmp_path / "gateway")
    said = await lockstep("run", cwd=tmp_path)
    assert (said.code, said.out) == (11, ""), said
    (sentence,) = said.err.splitlines()
    assert sentence.startswith(begins)
    assert sentence.endswith(ends)
