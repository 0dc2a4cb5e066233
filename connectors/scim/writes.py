"""From values of a mapping to what is sent: a resource, or the operations that change one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.directory import ENTERPRISE, GROUP
from connectors.scim.filters import leaves

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_CORE = "urn:ietf:params:scim:schemas:core:2.0:"
LISTS: Mapping[str, str] = {"email": "emails", "phone": "phoneNumbers"}
"""Values of `raw` that stand for one element of a list -> the list."""
_EMPTY: tuple[Any, ...] = (None, "", [])
Document = Mapping[str, Any]


def resource(object: str, values: Document, before: Document | None = None) -> dict[str, Any]:
    """The whole resource: as it was, with these values. Empty ones are left out."""
    document = {**(before or {})}
    for name, value in lists(values, document).items():
        if name == "enterprise":
            document[ENTERPRISE] = _merged(document.get(ENTERPRISE), value)
        else:
            document[name] = _merged(document.get(name), value) if isinstance(value, Mapping) else value
    kept = {name: value for name, value in document.items() if value not in (None, "", [], {}) and name != "schemas"}
    return {"schemas": _schemas(object, kept), **kept}


def operations(values: Document, before: Document, *, paths: bool) -> dict[str, Any]:
    """A PATCH. With paths each value is one operation; without, one operation has all that are not empty."""
    meant = lists(values, before)
    said = list(leaves(meant))
    gone = [{"op": "remove", "path": path} for path, value in said if value in _EMPTY]
    if paths:
        put = [{"op": "replace", "path": path, "value": value} for path, value in said if value not in _EMPTY]
    else:
        there = {ENTERPRISE if name == "enterprise" else name: _kept(value) for name, value in meant.items()}
        there = {name: value for name, value in there.items() if value not in (*_EMPTY, {})}
        put = [{"op": "replace", "value": there}] if there else []
    return {"schemas": [PATCH], "Operations": [*put, *gone]}


def needs_reading(values: Document, *, whole: bool) -> bool:
    """Whether what is sent depends on what is there: an element of a list, or all of it."""
    return whole or any(name in values for name in LISTS)


def lists(values: Document, before: Document) -> dict[str, Any]:
    """The values, with lists instead of the one element that counts; the other elements stay."""
    return {
        LISTS.get(name, name): _with(before.get(LISTS[name]), value) if name in LISTS else value
        for name, value in values.items()
    }


def _with(elements: Any, value: Any) -> list[Any]:
    known = [each for each in elements or () if isinstance(each, Mapping)]
    by_worth = sorted(known, key=lambda each: (each.get("primary") is not True, each.get("type") != "work"))
    counts = by_worth[0] if by_worth else {"type": "work", "primary": True}
    others: Sequence[Mapping[str, Any]] = [each for each in known if each is not counts]
    return [{**counts, "value": value}, *others] if value else list(others)


def _merged(before: Any, value: Any) -> dict[str, Any]:
    merged: dict[str, Any] = _kept({**(before if isinstance(before, Mapping) else {}), **value})
    return merged


def _kept(value: Any) -> Any:
    """Without what is empty in it, where it has parts."""
    if not isinstance(value, Mapping):
        return value
    return {name: each for name, each in value.items() if each not in _EMPTY}


def _schemas(object: str, document: Document) -> list[str]:
    core = f"{_CORE}{'Group' if object == GROUP else 'User'}"
    return [core, *(name for name in document if name.startswith("urn:"))]
