"""Changes to the answers of a system on their way through the proxy, the same for every JSON API: rows that a lagging
index does not show yet, and fields that nobody has heard of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import orjson

UNKNOWN_FIELD = "x_conformance_not_known"


def hiding(values: Collection[str]) -> Callable[[bytes], bytes]:
    """Leaves out of every list the objects that have one of these values, lists inside them not counted; the document
    around them stays. A block whose keys are the ids of what it holds is a list, too.
    """
    hidden = frozenset(values)

    def change(body: bytes) -> bytes:
        return _changed(body, lambda data: _without(data, hidden))

    return change


def adding(body: bytes) -> bytes:
    """Gives every object in the document one more field."""
    return _changed(body, _with_more)


def _changed(body: bytes, change: Callable[[Any], Any]) -> bytes:
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    return orjson.dumps(change(data))


def _without(data: Any, hidden: frozenset[str]) -> Any:
    if isinstance(data, dict):
        return {name: _without(each, hidden) for name, each in data.items() if name not in hidden}
    if isinstance(data, list):
        return [_without(each, hidden) for each in data if not (isinstance(each, dict) and _has(each, hidden))]
    return data


def _has(data: Any, hidden: frozenset[str]) -> bool:
    """A list inside an object names others: a commit its parents."""
    if isinstance(data, dict):
        return any(_has(each, hidden) for each in data.values())
    return not isinstance(data, list) and str(data) in hidden


def _with_more(data: Any) -> Any:
    if isinstance(data, dict):
        more = {UNKNOWN_FIELD: {"since": "tomorrow", "list": [1, {"a": None}]}} if data else {}
        return {name: _with_more(each) for name, each in data.items()} | more
    return [_with_more(each) for each in data] if isinstance(data, list) else data
