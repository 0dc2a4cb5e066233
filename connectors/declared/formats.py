"""Bodies that are not JSON: forms and XML. Pure.

XML is read by expat with everything refused that a document could do besides being one: a document type, entities of
its own, references to outside. A nested document deeper than anybody writes is refused, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NoReturn
from urllib.parse import quote, urlencode
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

import orjson

from connectors.declared.slots import as_text
from connectors.rest.wire import JSON, Wire, decode_json

DEEPEST = 200
_FORM = "application/x-www-form-urlencoded"


class _NotAllowed(Exception):
    """The document wants more than to be read."""


def wire(body: Literal["json", "form", "xml"], answers: Literal["json", "xml"]) -> Wire:
    """How a system's bodies are written and read."""
    if (body, answers) == ("json", "json"):
        return JSON
    written: dict[str, tuple[str, Callable[[Any], bytes]]] = {
        "json": ("application/json", orjson.dumps),
        "form": (_FORM, encode_form),
        "xml": ("application/xml", encode_xml),
    }
    content_type, encode = written[body]
    if answers == "xml":
        return Wire(content_type, "application/xml", encode, decode_xml)
    return Wire(content_type, "application/json", encode, decode_json)


def encode_form(body: Any) -> bytes:
    """A block of texts; lists repeat their key, blocks inside are written `outer[inner]`."""
    return urlencode(list(_pairs("", body)), quote_via=quote).encode()


def _pairs(name: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        inside = [(f"{name}[{key}]" if name else str(key), each) for key, each in value.items()]
        return [pair for key, each in inside for pair in _pairs(key, each)]
    if isinstance(value, list):
        return [pair for each in value for pair in _pairs(f"{name}[]", each)]
    return [(name, as_text(value))]


def encode_xml(body: Any) -> bytes:
    """A block with one key, which becomes the root. `@name` is an attribute, `#text` the text beside attributes."""
    if not isinstance(body, Mapping) or len(body) != 1:
        raise ValueError("an XML body has one root; try body: {ticket: ...}")
    name, value = next(iter(body.items()))
    return ('<?xml version="1.0" encoding="UTF-8"?>' + _element(str(name), value)).encode()


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, each) for each in value)
    if not isinstance(value, Mapping):
        return f"<{name}>{escape(as_text(value))}</{name}>"
    attributes = "".join(f" {key[1:]}={quoteattr(as_text(each))}" for key, each in value.items() if key[:1] == "@")
    inside = "".join(_element(key, each) for key, each in value.items() if key[:1] not in "@#")
    return f"<{name}{attributes}>{escape(as_text(value.get('#text')))}{inside}</{name}>"


def decode_xml(content: bytes) -> tuple[bool, Any]:
    """The inverse: `{root: ...}`. An element that comes more than once becomes a list, an empty one None."""
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)
    except (expat.ExpatError, _NotAllowed, ValueError, LookupError):
        return False, None
    return True, reader.root


class _Reader:
    """Builds the document while expat reads it."""

    def __init__(self) -> None:
        self.root: dict[str, Any] = {}
        self._above: list[tuple[str, dict[str, Any], list[str]]] = []
        parser = self.parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        parser.ExternalEntityRefHandler = _refuse
        parser.UnparsedEntityDeclHandler = _refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._above) >= DEEPEST:
            raise _NotAllowed
        self._above.append((_plain(name), {f"@{_plain(key)}": each for key, each in attributes.items()}, []))

    def _text(self, text: str) -> None:
        if self._above:
            self._above[-1][2].append(text)

    def _end(self, _: str) -> None:
        name, block, texts = self._above.pop()
        text = "".join(texts)
        value: Any = block
        if not block:
            value = text or None
        elif text.strip():
            block["#text"] = text
        into = self._above[-1][1] if self._above else self.root
        if name in into:
            known = into[name]
            into[name] = [*known, value] if isinstance(known, list) else [known, value]
        else:
            into[name] = value


def _plain(name: str) -> str:
    """Without its namespace prefix."""
    return name.rpartition(":")[2]


def _refuse(*_: Any) -> NoReturn:
    raise _NotAllowed
