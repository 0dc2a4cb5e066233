"""Values at JSONPaths, compiled once: paths that only go from key to key, and lists at their end, need no library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from connectors.contract.written.paths import parse_path, simple
from connectors.declared.slots import as_text

Look = Callable[[Any], Any]


@lru_cache(maxsize=4096)
def one(path: str) -> Look:
    """A function that gives the first value at the path, None where there is nothing."""
    keys = simple(parse_path(path))
    if keys is not None:
        return lambda document: _walk(document, keys)
    found = many(path)
    return lambda document: next(iter(found(document)), None)


@lru_cache(maxsize=4096)
def many(path: str) -> Callable[[Any], list[Any]]:
    """A function that gives all values at the path. A path that leads to a list gives what is in it."""
    stem = path.removesuffix("[*]")
    keys = simple(parse_path(stem)) if stem else None
    if keys is not None:
        return lambda document: _items(_walk(document, keys))
    parsed = parse_path(path)
    return lambda document: [each.value for each in parsed.find(document)]


def keys_of(path: str) -> tuple[str, ...] | None:
    """The keys of a path that only goes from key to key."""
    return simple(parse_path(path))


def text_at(path: str | None, document: Any) -> str:
    """A value as text; "" where there is none."""
    value = one(path)(document) if path else None
    return as_text(value) if isinstance(value, str | int | float) else ""


def _walk(document: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        if not isinstance(document, Mapping):
            return None
        document = document.get(key)
    return document


def _items(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [] if found is None else [found]
