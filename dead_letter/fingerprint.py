"""Which cases are alike: cause, place and shape of the value, as readable text so that a group can explain itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from typing import Any

MAX_SHAPE = 80
_WORDY = 32

_MASKS = (
    (re.compile(r"[^\s@<>\"']{1,64}@[\w.-]{1,255}"), "<email>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b[0-9a-f]{24,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b[A-Z]{2,10}-?\d{2,}\b"), "<key>"),
    (re.compile(r"\d{5,}"), "<number>"),
)
_DIGITS = re.compile(r"\d+")


def shape(value: Any, *, personal: bool = False) -> str:
    """What is alike in values that fail alike. Short values stay as they are (an unknown state is a group of its own);
    addresses, ids and object keys are masked; in long text every number is. A personal value leaves only its kind.
    """
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(map(str, value)))[:MAX_SHAPE] + "}"
    if isinstance(value, Sequence | Set) and not isinstance(value, str | bytes):
        return "[" + ",".join(sorted({shape(each, personal=personal) for each in value}))[:MAX_SHAPE] + "]"
    if personal:
        return "<personal>"
    text = " ".join(str(value).split())
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    if len(text) > _WORDY:
        text = _DIGITS.sub("#", text)
    return text[:MAX_SHAPE].casefold()


def fingerprint(
    cause: str, *, flow: str = "", connection: str = "", field: str = "", value: Any = None, personal: bool = False
) -> str:
    """Cause, flow, connection, field and value shape: `value.unknown connection=jira field=status value=review`.
    Equal parts give equal text; a part that is not given is left out.
    """
    parts = {"flow": flow, "connection": connection, "field": field}
    if value is not None:
        parts["value"] = shape(value, personal=personal)
    return " ".join([cause, *(f"{name}={part}" for name, part in parts.items() if part)])
