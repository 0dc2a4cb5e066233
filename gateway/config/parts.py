"""One connection and its flow as a part that `apply` takes: values read out of the text, and put into it, where
comments and whatever a form knows nothing of stay as they are. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem

PART = "register.yaml"
"""What a draft's part is called."""
Keys = tuple[str, ...]


def value_at(text: str, keys: Sequence[str]) -> Any:
    """What the text says there; None: nothing, or the text cannot be read."""
    found: Any = Source(PART, text).data
    for key in keys:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found


def with_values(text: str, values: Mapping[Keys, Any]) -> str:
    """The text with these values; None and what is empty takes the key away. A text that is no block of YAML stays
    as it is: it is told of when it is read.
    """
    source = Source(PART, text)
    if source.problems or not isinstance(source.data, Mapping | None):
        return text
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 120
    whole = yaml.load(text) or {}
    for keys, value in values.items():
        _set(whole, keys, value)
    into = StringIO()
    yaml.dump(whole, into)
    return into.getvalue()


def _set(whole: Any, keys: Keys, value: Any) -> None:
    above, last = [whole], keys[-1]
    for key in keys[:-1]:
        inner = above[-1].get(key)
        if not isinstance(inner, dict):
            if value in (None, "", [], {}):
                return
            inner = above[-1][key] = {}
        above.append(inner)
    if value in (None, "", [], {}):
        above[-1].pop(last, None)
        for key, outer, inner in zip(reversed(keys[:-1]), reversed(above[:-1]), reversed(above[1:]), strict=True):
            if not inner and len(keys) > 2 and outer is not whole:
                outer.pop(key, None)
    else:
        above[-1][last] = value


def places_of(text: str, problems: Sequence[Problem]) -> list[tuple[Keys, Problem]]:
    """Each problem of the part with what it is about."""
    source = Source(PART, text)
    return [
        (tuple(str(key) for key in source.path_at((each.line, each.col))[0]) if each.file == PART else (), each)
        for each in problems
    ]
