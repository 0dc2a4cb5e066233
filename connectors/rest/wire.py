"""How bodies are written and read: JSON unless a system speaks something else. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson


class Wire(NamedTuple):
    """A format of bodies. `decode` gives whether the bytes were of this format, and what they say; it never raises."""

    content_type: str
    accept: str
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], tuple[bool, Any]]


def decode_json(content: bytes) -> tuple[bool, Any]:
    """The document; (False, None) for anything that is none."""
    try:
        return True, orjson.loads(content)
    except orjson.JSONDecodeError:
        return _half_characters(content)


def _half_characters(content: bytes) -> tuple[bool, Any]:
    """JSON with half of a character pair in it, as systems write that cut a text in the middle of an emoji.

    The half is replaced. Refused as no JSON, one such text would stop every poll at its page for ever.
    """
    if b"\\u" not in content:
        return False, None
    try:
        whole = json.dumps(json.loads(content), ensure_ascii=False).encode("utf-8", "replace")
        return True, orjson.loads(whole)
    except (ValueError, RecursionError):
        return False, None


JSON = Wire("application/json", "application/json", orjson.dumps, decode_json)
