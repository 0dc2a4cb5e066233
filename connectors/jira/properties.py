"""Entity properties of issues: JSON documents by key, beside the fields. Pure.

The trap: no changelog, no time of update and no webhook tells of them (facts.md 2.4 [OAS-JIRA, M]). They are seen when
the issue is read, and written as a whole: what a mapping does not name is kept from what was read last.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from connectors.contract.errors import Refused

NAME = "properties"
"""In `raw`, beside `fields`."""
Values = Mapping[str, Any]


def shown(document: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """Every key that was asked for; null where the issue has none."""
    found = document.get(NAME)
    there = found if isinstance(found, Mapping) else {}
    return {key: there.get(key) for key in keys}


def wanted(values: Mapping[str, Any], keys: Collection[str]) -> Values:
    """What a write says of properties. Raises Refused for one that is not read, whose rest would be lost."""
    found = dict(values.get(NAME) or {})
    why = "is not read; name it under `properties:` in the flow's `with:`"
    unknown = dict.fromkeys(sorted(found.keys() - set(keys)), why)
    if unknown:
        raise Refused("; ".join(f"property {key} {why}" for key in unknown), fields=unknown)
    return found


def whole(before: Values, values: Values) -> dict[str, Any]:
    """The properties to be stored: what was read, with what a mapping says. A part that is null is left out."""
    return {key: _laid_over(before.get(key), value) for key, value in values.items()}


def _laid_over(before: Any, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    kept = dict(before) if isinstance(before, Mapping) else {}
    laid = kept | {name: _laid_over(kept.get(name), each) for name, each in value.items()}
    return {name: each for name, each in laid.items() if each is not None}


def listed(values: Values) -> list[dict[str, Any]]:
    """As bodies of issues list them."""
    return [{"key": key, "value": value} for key, value in values.items()]
