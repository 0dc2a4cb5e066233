"""The walk through the code names files and functions that exist."""

from __future__ import annotations

import re

import pytest

from tests.unit.docs.places import REPOSITORY, module_of, require

WALK = (REPOSITORY / "docs" / "explanation" / "walk.md").read_text()
PLACES = sorted(set(re.findall(r"`([\w/]+\.py):([\w.]+)`", WALK)))


def test_it_names_places() -> None:
    assert len(PLACES) > 40  # else the pattern no longer fits the page


@pytest.mark.parametrize("word", ["Ta", "Tb", "Ts", "Tc", *(f"P{number}" for number in range(1, 11))])
def test_it_marks_each_step_and_promise(word: str) -> None:
    assert re.search(rf"\*\*{word}\b", WALK)


@pytest.mark.parametrize(("file", "name"), PLACES)
def test_a_place_exists(file: str, name: str) -> None:
    parts = file.removesuffix(".py").split("/")
    found, rest = module_of(parts)
    assert not rest, f"there is no {file}"
    require(f"{file}:{name}", found, name.split("."))
