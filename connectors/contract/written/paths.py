"""JSONPath (jsonpath-ng's dialect): which paths are simple, looking values up, and putting values at a path.

A path is simple if it only goes from key to key. Simple paths are read by generated code (`reader`) and can be
written; all others are served by jsonpath-ng, parsed once.
"""

from __future__ import annotations

import re
from functools import lru_cache, reduce
from typing import Any, cast

from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.ext.parser import parse as parse_jsonpath
from jsonpath_ng.jsonpath import Child, Fields, Index, JSONPath, Root

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING", "__slots__": ()})()
"""There is nothing at the path, which is not the same as an empty value."""


_PLAIN = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


@lru_cache(maxsize=4096)
def parse_path(text: str) -> JSONPath:
    """Raises ValueError with a reason fit to show. The library builds a parser for each path; plain ones need none."""
    if _PLAIN.fullmatch(text):
        first, *rest = map(Fields, text.split("."))
        return reduce(Child, rest, cast("JSONPath", first))
    try:
        return parse_jsonpath(text)
    except JSONPathError as error:
        raise ValueError(f"'{text}' is not a JSONPath: {error}") from error
    except Exception as error:  # the parser lets plain exceptions of its grammar through
        raise ValueError(f"'{text}' is not a JSONPath: {error}") from error


def simple(path: JSONPath) -> tuple[str, ...] | None:
    """The keys of a simple path, None for any other."""
    if isinstance(path, Root):
        return ()
    if isinstance(path, Fields):
        return (path.fields[0],) if len(path.fields) == 1 and path.fields[0] != "*" else None
    if isinstance(path, Child):
        left, right = simple(path.left), simple(path.right)
        return None if left is None or right is None or isinstance(path.right, Root) else left + right
    return None


def look_up(path: JSONPath, raw: Any, *, many: bool) -> Any:
    """What is at `path`: a value, None where it or something above it is null or "", MISSING where there is nothing.

    A path that can match several things gives the first, or with `many` the list of all.
    """
    found = path.find(raw)
    if found:
        return [each.value for each in found] if many and not definite(path) else found[0].value
    above: JSONPath = path
    listed = many and simple(path) is None
    while isinstance(above, Child):
        above = above.left
        matches = above.find(raw)
        if matches:
            return None if any(_is_empty(each.value, listed) for each in matches) else MISSING
    return MISSING


def definite(path: JSONPath) -> bool:
    """Whether the path matches at most one thing."""
    if isinstance(path, Index):
        return len(path.indices) == 1
    if isinstance(path, Child):
        return definite(path.left) and definite(path.right)
    return simple(path) is not None


def _is_empty(value: Any, listed: bool) -> bool:
    """`listed`: the path goes through a list, so an empty one says that there is none of what was looked for."""
    return value is None or (isinstance(value, str) and not value) or (listed and value == [])


def put(document: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    """Sets `value` at `keys`, making blocks on the way. A null that stands in the way gives way to the block."""
    at = document
    for key in keys[:-1]:
        inside = at.get(key)
        if not isinstance(inside, dict):
            inside = at[key] = {}
        at = inside
    at[keys[-1]] = value
