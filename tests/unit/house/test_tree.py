"""What holds for every file of the checkout, whoever wrote it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.shared import REPOSITORY

ROOTS = (
    "gateway connectors mappings dead_letter replay tests benchmarks scripts docs deploy examples .ci".split()  # noqa: SIM905
)
TEXT = {".py", ".md", ".yaml", ".yml", ".json", ".toml", ".txt", ".xml", ".sql", ".ini", ".mako", ".example", ""}
LIMIT = 400
# In pieces, so that this file does not name what it looks for.
INDEX_HOSTS = [
    "pypi" + ".org",
    "python" + "hosted.org",
    "registry.npm" + "js",
    "repo1.mav" + "en",
    "deb.deb" + "ian.org",
]


def files() -> list[Path]:
    """Text files of the checkout: its top folder and what lies below the folders that are ours."""
    top = [path for path in REPOSITORY.iterdir() if path.is_file() and not path.name.startswith(".env")]
    below = [path for root in ROOTS for path in (REPOSITORY / root).rglob("*") if path.is_file()]
    return [path for path in top + below if path.suffix in TEXT and not {"__pycache__", "target"} & set(path.parts)]


def named(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def test_the_walk_sees_the_checkout() -> None:
    # Would the walk find nothing, the other tests here would pass.
    assert {"Makefile", ".ci/run", "connectors/contract/values.py", "docker-compose.yml"} <= set(map(named, files()))


def test_no_module_is_too_long_to_be_read_in_one_sitting() -> None:
    lengths = {named(path): len(path.read_text().splitlines()) for path in files() if path.suffix == ".py"}
    assert {name: length for name, length in lengths.items() if length > LIMIT} == {}


@pytest.mark.parametrize("host", INDEX_HOSTS)
def test_no_file_names_a_package_index(host: str) -> None:
    assert [named(path) for path in files() if host in path.read_text(encoding="utf-8", errors="replace")] == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    private = re.compile(r"(?<![\w./])/(?:home|root|Users|work)/\w")
    found = [named(path) for path in files() if private.search(path.read_text(encoding="utf-8", errors="replace"))]
    assert found == []


def test_every_file_ends_with_a_line_end() -> None:
    # Recorded exchanges are kept as they were sent.
    ours = [path for path in files() if "recorded" not in path.parts and path.stat().st_size]
    assert [named(path) for path in ours if not path.read_bytes().endswith(b"\n")] == []
