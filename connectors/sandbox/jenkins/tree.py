"""The parameter `tree`: which keys of a document are shown, and which part of a list: `builds[number]{0,100}`."""

from __future__ import annotations

import re
from typing import Any

_TOKEN = re.compile(r"([A-Za-z_*][A-Za-z0-9_]*)|([\[\],])|\{(\d*),(\d*)\}")


class BadTreeError(ValueError):
    """It cannot be read."""


def shown(document: Any, tree: str) -> Any:
    """The document with what the tree names, and the classes, as Jenkins shows it. Raises BadTreeError."""
    if not tree:
        return document
    tokens = _tokens(tree)
    wanted = _wanted(tokens)
    if tokens:
        raise BadTreeError(tree)
    return _cut(document, wanted)


_Wanted = dict[str, tuple[Any, slice]]


def _tokens(tree: str) -> list[re.Match[str]]:
    found, at = list[re.Match[str]](), 0
    while at < len(tree):
        match = _TOKEN.match(tree, at)
        if match is None:
            raise BadTreeError(tree)
        found.append(match)
        at = match.end()
    return found[::-1]


def _wanted(tokens: list[re.Match[str]]) -> _Wanted:
    """Reads names up to the end of their list; the tokens stand in reverse."""
    found: _Wanted = {}
    while tokens and tokens[-1][0] != "]":
        name = tokens.pop()[1]
        if not name:
            raise BadTreeError("a name is missing")
        inner: _Wanted | None = None
        if tokens and tokens[-1][0] == "[":
            tokens.pop()
            inner = _wanted(tokens)
            if not tokens or tokens.pop()[0] != "]":
                raise BadTreeError("a bracket is missing")
        found[name] = (inner, _part(tokens))
        if tokens and tokens[-1][0] == ",":
            tokens.pop()
    return found


def _part(tokens: list[re.Match[str]]) -> slice:
    if not tokens or not tokens[-1][0].startswith("{"):
        return slice(None)
    match = tokens.pop()
    return slice(int(match[3] or 0), int(match[4]) if match[4] else None)


def _cut(document: Any, wanted: _Wanted | None) -> Any:
    if isinstance(document, list):
        return [_cut(each, wanted) for each in document]
    if not isinstance(document, dict) or wanted is None:
        return document
    kept = {name: each for name, each in document.items() if name == "_class"}
    for name, (inner, part) in wanted.items():
        if name in document:
            value = document[name]
            kept[name] = _cut(value[part] if isinstance(value, list) else value, inner)
    return kept
