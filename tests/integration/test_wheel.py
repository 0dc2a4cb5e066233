"""The wheel holds the five packages, whole, and nothing else (docs/adr/0002)."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from scripts import check_wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return check_wheel.build_wheel(tmp_path_factory.mktemp("wheel"))


def rebuilt(wheel: Path, into: Path, without: str = "", also: str = "", script: str = "") -> Path:
    """A copy of the wheel that is wrong in one way."""
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(into / wheel.name, "w") as target:
        for name in source.namelist():
            if name != without:
                more = script.encode() if name.endswith("entry_points.txt") else b""
                target.writestr(name, source.read(name) + more)
        if also:
            target.writestr(also, "")
    return into / wheel.name


def test_the_wheel_is_as_it_should_be(wheel: Path) -> None:
    assert check_wheel.problems(wheel) == []


def test_what_is_not_python_is_in_the_wheel_too(wheel: Path) -> None:
    # Would pass wrongly if the packages had only modules: then leaving data out could not be seen.
    with zipfile.ZipFile(wheel) as held:
        assert any(name.startswith("mappings/") and name.endswith(".yaml") for name in held.namelist())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"also": "tests/conftest.py"}, "top-level names are"),
        ({"also": "benchmarks/__init__.py"}, "top-level names are"),
        ({"without": "connectors/contract/values.py"}, "connectors/contract/values.py first"),
        ({"script": "\nother = gateway.cli.main:main\n"}, "entry points are"),
    ],
)
def test_a_wrong_wheel_is_refused(wheel: Path, tmp_path: Path, change: dict[str, str], said: str) -> None:
    found = check_wheel.problems(rebuilt(wheel, tmp_path, **change))
    assert any(said in problem for problem in found), found
