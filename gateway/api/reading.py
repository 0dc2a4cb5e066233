"""From a request to typed values, or to everything that is unfit about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from types import NoneType
from typing import Any, Protocol, get_args, get_origin

import msgspec
import orjson
from aiohttp import web

from connectors.contract.errors import InputError
from gateway.api.declare import Query

_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,6})?")
_AT = re.compile(r" - at `(?:key in )?(\$[^`]*)`$")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_WORDS = {"true": True, "false": False}


class Given(Protocol):
    """Query parameters, each as often as it was given; aiohttp's are such."""

    def __iter__(self) -> Iterator[str]: ...

    def __contains__(self, name: object, /) -> bool: ...

    def getall(self, key: str) -> list[str]:
        """All values of one, in order."""
        ...


class Unfit(InputError):
    """A request that cannot be taken. `errors` as in the problem document."""

    def __init__(self, reason: str, *, code: str, errors: list[dict[str, str]] | None = None) -> None:
        super().__init__(reason, code=code)
        self.errors = errors or []


def read_query(kind: type[Query], given: Given) -> Query:
    """The query parameters. Raises Unfit, with every unknown and unfit one."""
    fields = {field.encode_name: field for field in _fields(kind)}
    errors, values = [], {}
    for name in dict.fromkeys(given):
        if name not in fields:
            known = f"; there are {', '.join(fields)}" if fields else ""
            errors.append({"parameter": name, "detail": f"this parameter is unknown{known}"})
            continue
        try:
            values[fields[name].name] = _parameter(fields[name].type, given.getall(name))
        except (msgspec.ValidationError, ValueError) as error:
            errors.append({"parameter": name, "detail": str(error)})
    errors += [
        {"parameter": name, "detail": "this parameter is required"}
        for name, field in fields.items()
        if field.required and name not in given
    ]
    if errors:
        raise Unfit("the query has parameters that are unknown or unfit", code="invalid-query", errors=errors)
    return kind(**values)


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(kind)


def _parameter(kind: Any, texts: list[str]) -> Any:
    if any("\0" in text for text in texts):
        raise ValueError("this holds a NUL")
    if _bare(kind) is tuple:
        return msgspec.convert(texts, kind)
    if len(texts) > 1:
        raise ValueError("this parameter may be given once")
    return _in_the_calendar(msgspec.convert(_plain(_bare(kind), texts[0]), kind))


def _in_the_calendar(value: Any) -> Any:
    """A moment as it is. Raises ValueError for one that UTC has no year for: stored, it could be shown to nobody."""
    if isinstance(value, datetime):
        try:
            value.astimezone(UTC)
        except OverflowError:
            raise ValueError("this lies outside of the years 1 to 9999 in UTC") from None
    return value


def _bare(kind: Any) -> Any:
    """The type without its limits and without None."""
    while hasattr(kind, "__metadata__"):
        kind = get_args(kind)[0]
    if get_origin(kind) is tuple:
        return tuple
    arms = [each for each in get_args(kind) if each is not NoneType]
    return _bare(arms[0]) if len(arms) == 1 and NoneType in get_args(kind) else kind


def _plain(kind: Any, text: str) -> Any:
    """Numbers and truth values as they are; everything else is text."""
    if kind is bool:
        return _WORDS.get(text, text)
    if kind in (int, float) and _NUMBER.fullmatch(text):
        return kind(text) if kind is float or "." not in text else text
    return text


async def read_bytes(request: web.Request, *, needed: bool) -> bytes:
    """The body of a request that has to be JSON. Raises Unfit; HTTPRequestEntityTooLarge above the size limit."""
    try:
        body = await request.read()
    except web.RequestPayloadError as error:
        raise Unfit("the body was cut off, or is not encoded as its headers say", code="unreadable") from error
    said = request.headers.get("Content-Type")
    if (body or needed) and request.content_type != "application/json":
        raise Unfit(f"send application/json instead of {said or 'a body of no named kind'}", code="media-type")
    return body


def read_body(kind: type[msgspec.Struct], body: bytes) -> msgspec.Struct:
    """The typed body; nothing at all counts as an empty object. Raises Unfit, pointing at what is unfit."""
    try:
        said = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Unfit(f"the body is not JSON: {error.msg} ({place})", code="unreadable") from error
    if not isinstance(said, dict):
        raise Unfit("the body has to be an object", code="invalid-body", errors=[{"pointer": "", "detail": "object"}])
    if errors := list(_unfit(kind, said)):
        raise Unfit("the body has places that are unfit", code="invalid-body", errors=errors)
    typed: msgspec.Struct = fit(kind, said)
    return typed


def fit(kind: Any, said: Any, *, below: str = "") -> Any:
    """A value of the type. Raises Unfit that points below `below`."""
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as error:
        errors = [{"pointer": below + _pointer(kind, said, error), "detail": detail_of(error)}]
        raise Unfit("the body has places that are unfit", code="invalid-body", errors=errors) from error


def _unfit(kind: type[msgspec.Struct], said: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Every member of the body by itself: all unfit ones are told at once."""
    fields = {field.encode_name: field for field in _fields(kind)}
    for name, value in said.items():
        below = f"/{_escaped(name)}"
        if name not in fields:
            yield {"pointer": below, "detail": f"this member is unknown; there are {', '.join(fields) or 'none'}"}
            continue
        try:
            _in_the_calendar(msgspec.convert(value, fields[name].type))
        except msgspec.ValidationError as error:
            yield {"pointer": below + _pointer(fields[name].type, value, error), "detail": detail_of(error)}
        except ValueError as error:
            yield {"pointer": below, "detail": str(error)}
    for name, field in fields.items():
        if field.required and name not in said:
            yield {"pointer": f"/{_escaped(name)}", "detail": "this member is required"}


def _pointer(kind: Any, said: Any, error: msgspec.ValidationError) -> str:
    """Where it is unfit, as a JSON pointer (RFC 6901). The error knows of a list only that one of its items is."""
    found = _AT.search(str(error))
    steps: list[str | int] = [name or "..." for name, _ in _STEP.findall(found[1])] if found else []
    for place, step in enumerate(steps):
        if step == "...":
            steps[place] = _culprit(kind, said, steps[:place])
    return "".join(f"/{_escaped(str(step))}" for step in steps)


def _culprit(kind: Any, said: Any, before: list[str | int]) -> int:
    """Which item of the list at a place is unfit: the first that is so without the others."""
    items = _at(said, before)
    for index, item in enumerate(items if isinstance(items, list) else ()):
        try:
            msgspec.convert(_with(said, before, [item]), kind)
        except msgspec.ValidationError:
            return index
    return 0


def _at(value: Any, steps: list[str | int]) -> Any:
    for step in steps:
        value = value[step]
    return value


def _with(value: Any, steps: list[str | int], new: Any) -> Any:
    """A copy that has `new` at a place, and of each list on the way there only the item that leads to it."""
    if not steps:
        return new
    inner = _with(value[steps[0]], steps[1:], new)
    return [inner] if isinstance(value, list) else {**value, steps[0]: inner}


def detail_of(error: msgspec.ValidationError) -> str:
    """What is unfit about it."""
    return _AT.sub("", str(error))


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
