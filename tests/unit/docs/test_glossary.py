"""The glossary points at code that exists."""

from __future__ import annotations

import re

import pytest

from tests.unit.docs.places import REPOSITORY, module_of, require

GLOSSARY = REPOSITORY / "docs" / "explanation" / "glossary.md"
PLACES = sorted(
    set(re.findall(r"`((?:gateway|connectors|dead_letter|mappings|replay)\.[\w.]+)`", GLOSSARY.read_text()))
)


def test_it_names_places() -> None:
    assert len(PLACES) > 30  # else the pattern no longer fits the page


@pytest.mark.parametrize("place", PLACES)
def test_a_place_exists(place: str) -> None:
    found, rest = module_of(place.split("."))
    require(place, found, rest)
