"""The glossary points at code that exists."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

GLOSSARY = Path(__file__).parents[3] / "docs" / "explanation" / "glossary.md"
PLACES = sorted(
    set(re.findall(r"`((?:gateway|connectors|dead_letter|mappings|replay)\.[\w.]+)`", GLOSSARY.read_text()))
)


def _module(parts: list[str]) -> tuple[Any, list[str]]:
    """The longest prefix that can be imported, and what is left to find in it."""
    for length in range(len(parts), 0, -1):
        try:
            return importlib.import_module(".".join(parts[:length])), parts[length:]
        except ModuleNotFoundError:
            continue
    pytest.fail(f"{parts[0]} is not a package")


def test_it_names_places() -> None:
    assert len(PLACES) > 30  # else the pattern no longer fits the page


@pytest.mark.parametrize("place", PLACES)
def test_a_place_exists(place: str) -> None:
    found, rest = _module(place.split("."))
    for name in rest:
        assert hasattr(found, name) or name in getattr(found, "__annotations__", {}), f"{place}: no {name}"
        found = getattr(found, name, None)
