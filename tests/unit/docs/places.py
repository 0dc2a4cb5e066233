"""Finding what a page of the documentation names, so that a page cannot point at code that is gone."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[3]


def module_of(parts: Sequence[str]) -> tuple[Any, list[str]]:
    """The longest prefix that can be imported, and what is left to find in it."""
    for length in range(len(parts), 0, -1):
        try:
            return importlib.import_module(".".join(parts[:length])), list(parts[length:])
        except ModuleNotFoundError:
            continue
    pytest.fail(f"{parts[0]} is not a package")


def require(place: str, found: Any, names: Sequence[str]) -> None:
    """Fails unless each name is an attribute, or an annotated field, of the one before."""
    for name in names:
        assert hasattr(found, name) or name in getattr(found, "__annotations__", {}), f"{place}: no {name}"
        found = getattr(found, name, None)
