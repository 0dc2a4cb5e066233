"""From the JSON of the API to the values that the verbs give: the same rule as `gateway.api.showing`, backwards."""

from __future__ import annotations

from datetime import UTC, datetime
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

import msgspec

T = TypeVar("T")


def value_of(kind: type[T], said: Any) -> T:
    """A value of the type. ValidationError for what is none."""
    return msgspec.convert(_plain(kind, said), kind)


def many(kind: type[T], said: Any) -> list[T]:
    """A list of them."""
    return [value_of(kind, each) for each in said]


def facts_of(kind: type[Any], said: Any) -> dict[str, Any]:
    """Plain data with the members of the type, times as numbers."""
    return cast(dict[str, Any], msgspec.to_builtins(value_of(kind, said)))


def text_of(at: float | None) -> str | None:
    """A time as the API takes it."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat()


def _plain(kind: Any, said: Any) -> Any:
    kind = _bare(kind, said)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(said, dict):
        return _members(kind, said)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (list, tuple) and isinstance(said, list) and inner:
        return [_plain(inner[0], each) for each in said]
    if origin is dict and isinstance(said, dict) and len(inner) == 2:
        return {name: _plain(inner[1], each) for name, each in said.items()}
    return said


def _members(kind: type[msgspec.Struct], said: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name in said:
            found[field.encode_name] = _member(field, said[field.encode_name])
    return found


def _member(field: msgspec.structs.FieldInfo, said: Any) -> Any:
    """A member; one that is named like a time and is a number in the program came as text, or as null for never."""
    from gateway.api.showing import is_time

    arms = _arms(field.type)
    if not (is_time(field.name) and {float, int} & set(arms)):
        return _plain(field.type, said)
    if said is None:
        return None if NoneType in arms else 0.0
    return datetime.fromisoformat(said).timestamp() if isinstance(said, str) else said


def _bare(kind: Any, said: Any) -> Any:
    """The arm of a union that a value of this form is of."""
    arms = [each for each in _arms(kind) if each is not NoneType]
    for each in arms:
        of = get_origin(each) or each
        if isinstance(said, dict) and isinstance(of, type) and issubclass(of, msgspec.Struct | dict):
            return each
        if isinstance(said, list) and of in (list, tuple, frozenset):
            return each
    return arms[0] if arms else kind


def _arms(kind: Any) -> tuple[Any, ...]:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    import types

    if get_origin(kind) in (Union, types.UnionType):
        return tuple(arm for each in get_args(kind) for arm in _arms(each))
    return () if get_origin(kind) is Literal else (kind,)
