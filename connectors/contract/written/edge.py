"""Where files meet pydantic: every validation error becomes a problem with a place and a suggestion."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem, nearest

Model = TypeVar("Model", bound=BaseModel)

_ROUNDS = 20
_QUOTED = re.compile(r"'([^']*)'")
_KINDS = {
    "string_type": "a text (numbers and true/false need quotes)",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a block of keys",
    "model_type": "a block of keys",
    "list_type": "a list",
    "tuple_type": "a list",
}


class Strict(BaseModel):
    """Input as people write it: an unknown key is a problem, never ignored; nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Parsed(Generic[Model]):
    """What became of a document. With problems, `model` is what could be saved of it, for further checks only.

    `gone` are keys that were left out: whoever misses one of them must not report it a second time.
    """

    model: Model | None
    problems: list[Problem]
    gone: frozenset[str] = frozenset()


def parse(model: type[Model], source: Source, data: Any = None) -> Parsed[Model]:
    """The model of a document, and everything that is wrong with its shape.

    Values are never shown, except where one of a few words was expected.
    """
    data = source.data if data is None else data
    if not isinstance(data, dict):
        return Parsed(None, [source.problem((), "shape", "this file should hold a block of keys")])
    data, problems, gone = copy.deepcopy(data), list[Problem](), set[str]()
    for _ in range(_ROUNDS):
        try:
            return Parsed(model.model_validate(data), problems, frozenset(gone))
        except ValidationError as error:
            errors = error.errors(include_url=False)
        problems = problems or [_problem(model, source, each) for each in errors]
        faulty = {_faulty(data, each["loc"]) for each in errors}
        if () in faulty:
            break
        for path in faulty:
            _leave_out(data, path)
            gone.add(str(path[-1]))
    return Parsed(None, problems)


def _faulty(data: Any, loc: Sequence[str | int]) -> tuple[str | int, ...]:
    """The part to leave out: the value, a whole list (places count by index), or the block that misses a key."""
    path = list(_existing(data, loc))
    while path and isinstance(path[-1], int):
        path.pop()
    return tuple(path)


def _leave_out(data: Any, path: Sequence[str | int]) -> None:
    for step in path[:-1]:
        data = data.get(step) if isinstance(data, dict) else None
    if isinstance(data, dict):
        data.pop(path[-1], None)


def _problem(model: type[BaseModel], source: Source, error: Mapping[str, Any]) -> Problem:
    kind, path = str(error["type"]), _existing(source.data, error["loc"])
    last = str(error["loc"][-1]) if error["loc"] else ""
    if kind == "extra_forbidden":
        known = _keys_at(model, error["loc"][:-1])
        return source.problem(path, "unknown-key", f"unknown key '{last}'", nearest(last, known), key=True)
    if kind == "missing":
        return source.problem(path, "missing-key", f"key '{last}' is missing", f"adding '{last}:'", key=True)
    if kind in ("literal_error", "enum"):
        choice = _QUOTED.findall(str(error.get("ctx", {}).get("expected", "")))
        return source.problem(
            path, "choice", f"'{_short(error['input'])}' is not a choice here", nearest(error["input"], choice)
        )
    if kind == "value_error":
        text, _, hint = str(error["msg"]).removeprefix("Value error, ").partition("; try ")
        return source.problem(path, "value", text, hint)
    if kind == "string_pattern_mismatch":
        return source.problem(
            path, "name", "a name has lower case letters, digits and _, and begins with a letter", key=last == "[key]"
        )
    if kind in _KINDS:
        return source.problem(path, "kind", f"this should be {_KINDS[kind]}")
    return source.problem(path, "value", str(error["msg"])[:1].lower() + str(error["msg"])[1:])


def _short(value: object) -> str:
    return str(value)[:40] if isinstance(value, (str, int, float)) else "this"


def _existing(data: Any, loc: Sequence[str | int]) -> tuple[str | int, ...]:
    """The part of pydantic's location that is in the file; it also names shorthands as they were rewritten."""
    path: list[str | int] = []
    for step in loc:
        listed = isinstance(data, list) and isinstance(step, int) and step < len(data)
        if listed or (isinstance(data, dict) and step in data):
            data = data[step]
            path.append(step)
    return tuple(path)


def _keys_at(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """Names of the keys that the model at `loc` knows."""
    at: Any = model
    for step in loc:
        at = _inside(at, step)
    return [field.alias or name for name, field in at.model_fields.items()] if _is_model(at) else []


def _inside(at: Any, step: str | int) -> Any:
    if _is_model(at):
        for name, field in at.model_fields.items():
            if step in (name, field.alias):
                return _model_in(field.annotation)
    return at


def _model_in(annotation: Any) -> Any:
    """The first model that an annotation such as `dict[str, X] | None` talks about."""
    if _is_model(annotation):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each))), None)


def _is_model(at: Any) -> bool:
    return isinstance(at, type) and issubclass(at, BaseModel)
