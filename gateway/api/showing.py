"""From values to JSON and to its schema, by one rule for both: a number that is named like a time goes out as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson

_TIMES = frozenset({"at", "since", "until", "first_seen", "last_seen", "oldest", "good_until", "newest"})
_REF = "#/components/schemas/{name}"


def is_time(name: str) -> bool:
    """Whether a number of that name is a moment (epoch seconds in the program, RFC 3339 outside)."""
    return name in _TIMES or name.endswith("_at")


def moment(at: float) -> str | None:
    """`2026-11-21T03:12:40.125Z`; the beginning of time stands for never."""
    if not at:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown(value: Any) -> Any:
    """The value as JSON can take it. Free-form values (`Any`, maps) are left as they are: their names are not ours."""
    if isinstance(value, msgspec.Struct):
        return {name: _member(name, getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {str(key): shown(each) for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(shown(each) for each in value)
    if isinstance(value, list | tuple):
        return [shown(each) for each in value]
    return value


def _member(name: str, value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool) and is_time(name):
        return moment(value)
    return shown(value)


def to_json(value: Any) -> str:
    """JSON text of a value."""
    return orjson.dumps(shown(value), option=orjson.OPT_NON_STR_KEYS).decode()


def schemas(types: Iterable[Any]) -> tuple[dict[Any, dict[str, Any]], dict[str, Any]]:
    """Schema by type, and the components they point to (JSON Schema 2020-12)."""
    wanted = list(types)
    found, components = msgspec.json.schema_components(wanted, ref_template=_REF)
    for component in components.values():
        _with_times(component)
    return dict(zip(wanted, found, strict=True)), components


def _with_times(schema: dict[str, Any]) -> None:
    for name, each in schema.get("properties", {}).items():
        if is_time(name) and _is_number(each):
            told = {"description": each["description"]} if "description" in each else {}
            schema["properties"][name] = told | {"type": ["string", "null"], "format": "date-time"}


def _is_number(schema: Mapping[str, Any]) -> bool:
    arms = schema.get("anyOf", [schema])
    return {each.get("type") for each in arms} - {"null"} == {"number"}
