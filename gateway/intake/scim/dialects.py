"""What identity providers send that is not quite what the RFC says, read as they mean it (facts.md 4.3 [M]).

Capitalised operations, "False" as text, operations without a path, filters that match nothing yet and removals with a
value are what the protocol's library understands by its policy; here is what it does not.
"""

from __future__ import annotations

from typing import Any

import orjson

_MANAGER = ("manager", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager")


def as_meant(body: bytes) -> bytes:
    """The body of a PATCH request. What cannot be read is left as it is, for the protocol to refuse."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    operations = said.get("Operations") if isinstance(said, dict) else None
    if not isinstance(operations, list) or not any(_mended(each) for each in operations):
        return body
    return orjson.dumps(said)


def _mended(operation: Any) -> bool:
    """Entra names a manager by the id alone, where the schema has a value with one."""
    if not isinstance(operation, dict) or not isinstance(operation.get("value"), str):
        return False
    path = operation.get("path")
    if not isinstance(path, str) or path.casefold() not in _MANAGER:
        return False
    operation["value"] = {"value": operation["value"]}
    return True
