"""Filters as SCIM writes them (RFC 7644 3.4.2.2)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.directory import ENTERPRISE

_PATHS = {"email": "emails.value", "phone": "phoneNumbers.value"}


def quoted(text: str) -> str:
    """A text in a filter is a JSON string."""
    return json.dumps(text, ensure_ascii=False)


def moment(at: float) -> str:
    """A time in a filter."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def both(*conditions: str) -> str:
    """All of these; empty ones are no condition."""
    said = [each for each in conditions if each]
    return said[0] if len(said) == 1 else " and ".join(f"({each})" for each in said)


def equal(fragment: Mapping[str, Any]) -> str:
    """Every value of a fragment of `raw`."""
    return both(*(f"{path} eq {_value(value)}" for path, value in leaves(fragment)))


def leaves(fragment: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Attribute paths and their values; `enterprise` is the extension, `email` one of `emails`."""
    for name, value in fragment.items():
        if not above and name == "enterprise":
            yield from leaves(value, f"{ENTERPRISE}:")
        elif isinstance(value, Mapping):
            yield from leaves(value, f"{above}{name}.")
        else:
            yield _PATHS.get(name, name) if not above else f"{above}{name}", value


def _value(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else json.dumps(value)
