"""What SCIM answers look like (facts.md 4.3 [RFC]): shapes, and errors whose status is a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.rest.answer import Answer

UNIQUENESS = "uniqueness"


def blame(answer: Answer) -> tuple[str, dict[str, str]]:
    """`{"scimType", "detail", "status"}`; which attribute it is about only `detail` says, in words."""
    if not isinstance(answer.data, Mapping):
        return "", {}
    kind, detail = answer.data.get("scimType"), answer.data.get("detail")
    return ": ".join(str(each) for each in (kind, detail) if each), {}


def kind_of(answer: Answer) -> str:
    """The `scimType` of an error; "" where it has none."""
    return str(answer.data.get("scimType") or "") if isinstance(answer.data, Mapping) else ""


def a_resource(data: Any) -> str:
    """Complaint unless it is a resource."""
    return "" if isinstance(data, Mapping) and data.get("id") else "no resource with an `id`"


def a_list(data: Any) -> str:
    """Complaint unless it is a list response. An empty one may leave `Resources` out."""
    found = data.get("Resources", []) if isinstance(data, Mapping) else None
    sound = isinstance(found, list) and all(isinstance(each, Mapping) for each in found)
    return "" if sound and isinstance(data.get("totalResults"), int) else "no list with `totalResults`"


def nothing_or_a_resource(data: Any) -> str:
    """Complaint unless a PATCH was answered as it may be: with the resource, or without a body."""
    return "" if data is None else a_resource(data)
