"""Redaction on the server: what a case, a log or an export may show of a request and its answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence, Set
from typing import Any

import orjson

from dead_letter.scrub import MARK, Scrubber, clean, names_a_secret

BODY_BYTES = 4096
MAX_DEPTH = 24
PERSONAL = "personal"
"""Name under which redacted evidence lists JSON pointers (RFC 6901) of personal values."""

_TELLING = 3  # characters from which on a value is told from a part of another word
_BODIES = frozenset({"body", "payload", "raw", "document", "content", "text", "data"})
_TOTAL = 16  # bodies
_LOOKAHEAD = 4  # bodies scrubbed before the cut, because scrubbing shortens
_PARSED_BYTES = 262_144


class Redactor:
    """Redacts with the secrets and personal field names of one configuration. Immutable; build once, use everywhere."""

    def __init__(
        self, *, secrets: Sequence[str] = (), personal: Set[str] = frozenset(), body_bytes: int = BODY_BYTES
    ) -> None:
        self.scrub = Scrubber(secrets)
        self._personal = frozenset(name.casefold() for name in personal)
        self._limit = body_bytes

    def __call__(self, evidence: Mapping[str, Any]) -> dict[str, Any]:
        """JSON-able evidence without secrets; no text or body above the limit, the whole below 16 times that. Personal
        values stay in place and are listed under `personal`, for `masked`. May be applied to its own result.
        """
        marks: list[str] = []
        known = evidence.get(PERSONAL)
        if isinstance(known, Sequence) and not isinstance(known, str | bytes):
            marks += [self.scrub(str(pointer)) for pointer in known]
        result: dict[str, Any] = {}
        for name, value in evidence.items():
            if name != PERSONAL:
                shown = self.scrub(str(name))
                result[shown] = self._value(str(name), value, "/" + _escape(shown), marks, 1)
        result = self._fitted(result, marks)
        if marks:
            result[PERSONAL] = sorted(set(marks))
        return result

    def _value(self, name: str, value: Any, pointer: str, marks: list[str], depth: int) -> Any:
        if names_a_secret(name) and value not in (None, "", [], {}):
            return MARK
        if name.casefold() in self._personal and value not in (None, "", [], {}):
            marks.append(pointer)
        if name.casefold() in _BODIES:
            return self._body(value, pointer, marks, depth)
        return self._plain(value, pointer, marks, depth)

    def _plain(self, value: Any, pointer: str, marks: list[str], depth: int) -> Any:
        if depth > MAX_DEPTH:
            return f"(left out: deeper than {MAX_DEPTH} levels)"
        if isinstance(value, Mapping):
            return self._mapping(value, pointer, marks, depth)
        if isinstance(value, Sequence | Set) and not isinstance(value, str | bytes | bytearray | memoryview):
            return self._sequence(list(value), pointer, marks, depth)
        return self._leaf(value, pointer, marks, depth)

    def _mapping(self, value: Mapping[Any, Any], pointer: str, marks: list[str], depth: int) -> dict[str, Any]:
        telling = value.get("name", value.get("key"))
        named_secret = isinstance(telling, str) and names_a_secret(telling)
        result = {}
        for name, each in value.items():
            shown = self.scrub(str(name))
            # {"name": "Authorization", "value": "..."}: the name is beside its value
            beside = named_secret and str(name).casefold() in {"value", "values"}
            result[shown] = (
                MARK if beside else self._value(str(name), each, f"{pointer}/{_escape(shown)}", marks, depth + 1)
            )
        return result

    def _sequence(self, value: list[Any], pointer: str, marks: list[str], depth: int) -> list[Any]:
        if len(value) == 2 and isinstance(value[0], str | bytes) and names_a_secret(_text(value[0])):
            return [self.scrub(_text(value[0])), MARK]  # one header as a pair
        return [self._plain(each, f"{pointer}/{at}", marks, depth + 1) for at, each in enumerate(value)]

    def _leaf(self, value: Any, pointer: str, marks: list[str], depth: int) -> Any:
        if value is None or isinstance(value, bool):
            return value
        text = _text(value)
        if isinstance(value, int | float):
            exact = isinstance(value, float) or -(2**63) <= value < 2**63  # what JSON libraries carry exactly
            return value if exact and self.scrub(text) == text else self.scrub(text)
        return self._cut(self._text_body(text, pointer, marks, depth))

    def _text_body(self, text: str, pointer: str, marks: list[str], depth: int) -> str:
        """Text that is JSON is redacted by its names too."""
        if text[:1] in {"{", "["} and len(text) <= _PARSED_BYTES:
            try:
                parsed = orjson.loads(clean(text))
            except orjson.JSONDecodeError:
                return text
            inside: list[str] = []
            text = orjson.dumps(self._plain(parsed, pointer, inside, depth + 1)).decode()
            if inside:
                marks.append(pointer)
        return text

    def _body(self, value: Any, pointer: str, marks: list[str], depth: int) -> Any:
        inside: list[str] = []
        shown = self._plain(value, pointer, inside, depth)
        if isinstance(shown, dict | list) and len(orjson.dumps(shown)) > self._limit:
            marks += [pointer] if inside else []
            return self._cut(orjson.dumps(shown).decode())
        marks += inside
        return shown

    def _cut(self, text: str) -> str:
        """Scrubs and cuts at the limit, on a character, saying how much there was."""
        size = len(text.encode("utf-8", "replace"))
        ahead = self._limit * _LOOKAHEAD
        if len(text) > ahead:  # work stays bounded for a body of megabytes
            text = self.scrub.without_partial(clean(text[:ahead]))
        scrubbed = self.scrub(text).encode()
        if len(scrubbed) <= self._limit and size <= ahead:
            return scrubbed.decode()
        return scrubbed[: self._limit].decode("utf-8", "ignore") + f" ... (cut, {size} bytes in all)"

    def _fitted(self, result: dict[str, Any], marks: list[str]) -> dict[str, Any]:
        """The whole within its limit: first its large parts become cut text, then the last parts go."""
        total = _TOTAL * self._limit
        if len(orjson.dumps(result)) <= total:
            return result
        fitted: dict[str, Any] = {}
        used = 0
        for name, value in result.items():
            part = self._smaller("/" + _escape(name), value, marks)
            used += len(orjson.dumps({name: part}))
            if used > total:
                return {**fitted, "left_out": len(result) - len(fitted)}
            fitted[name] = part
        return fitted

    def _smaller(self, pointer: str, value: Any, marks: list[str]) -> Any:
        text = orjson.dumps(value)
        if len(text) <= self._limit or isinstance(value, str):
            return value
        if any(mark.startswith(pointer + "/") for mark in marks):
            marks.append(pointer)
        return self._cut(text.decode())


def masked(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Redacted evidence for a reader without the right to personal values: each is replaced by `***`, also where a
    system repeats it in its own words.
    """
    result: dict[str, Any] = orjson.loads(orjson.dumps(evidence))
    values = personal_in(result)
    for pointer in result.get(PERSONAL, ()):
        _mask(result, _path(pointer))
    return {name: each if name == PERSONAL else _without(each, values) for name, each in result.items()}


def marked(facts: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The facts, with those that are personal listed as such; what is empty needs no mark."""
    found = [f"/{_escape(name)}" for name, value in facts.items() if name in names and value not in (None, "", [], ())]
    return {**facts, PERSONAL: found} if found else dict(facts)


def personal_in(evidence: Mapping[str, Any]) -> list[str]:
    """The personal values of redacted evidence that are long enough to be told from other words, longest first."""
    found: set[str] = set()
    for pointer in evidence.get(PERSONAL, ()):
        node: Any = evidence
        for part in _path(pointer):
            node = _child(node, part)
        found |= {text for text in _texts(node) if len(text) >= _TELLING}
    return sorted(found, key=lambda text: (-len(text), text))


def without(text: str, values: Sequence[str]) -> str:
    """The text with `***` for each of these values, however it is written."""
    for value in values:
        text = re.sub(re.escape(value), MARK, text, flags=re.IGNORECASE)
    return text


def _without(node: Any, values: Sequence[str]) -> Any:
    if isinstance(node, dict):
        return {name: _without(each, values) for name, each in node.items()}
    if isinstance(node, list):
        return [_without(each, values) for each in node]
    return without(node, values) if isinstance(node, str) else node


def _texts(node: Any) -> list[str]:
    if isinstance(node, dict | list):
        return [text for each in (node.values() if isinstance(node, dict) else node) for text in _texts(each)]
    return [node] if isinstance(node, str) else []


def _path(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.removeprefix("/").split("/")]


def _mask(node: Any, path: list[str]) -> None:
    for part in path[:-1]:
        node = _child(node, part)
    if isinstance(node, dict) and path[-1] in node:
        node[path[-1]] = MARK
    elif isinstance(node, list) and path[-1].isdigit() and int(path[-1]) < len(node):
        node[int(path[-1])] = MARK


def _child(node: Any, part: str) -> Any:
    if isinstance(node, dict):
        return node.get(part)
    if isinstance(node, list) and part.isdigit() and int(part) < len(node):
        return node[int(part)]
    return None


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else clean(str(value))


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
