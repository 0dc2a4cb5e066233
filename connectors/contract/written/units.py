"""Durations, sizes and rates as people write them: `30s`, `2m`, `1h`, `500ms`, `10MB`, `600/min`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|min|h)")
_PERIODS = {"s": 1.0, "min": 60.0, "h": 3600.0}
_SIZE = re.compile(r"(\d+)\s*(B|KB|MB|GB)")
_BYTES = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


def seconds(text: Any) -> float:
    """A duration in seconds. Raises ValueError for anything without a unit: nobody remembers which one was meant."""
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError("this should be a duration; try 30s, 2m, 1h or 7d")
    return float(match.group(1)) * _SECONDS[match.group(2)]


def size(text: Any) -> int:
    """A size in bytes."""
    match = _SIZE.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError("this should be a size; try 10MB")
    return int(match.group(1)) * _BYTES[match.group(2)]


def per_second(text: Any) -> float:
    """A rate, per second."""
    match = _RATE.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError("this should be a rate; try 10/s, 600/min or 5000/h")
    return float(match.group(1)) / _PERIODS[match.group(2)]


Duration = Annotated[
    float,
    BeforeValidator(seconds),
    WithJsonSchema({"type": "string", "pattern": rf"^{_DURATION.pattern}$", "examples": ["30s", "2m", "1h"]}),
]
Size = Annotated[
    int,
    BeforeValidator(size),
    WithJsonSchema({"type": "string", "pattern": rf"^{_SIZE.pattern}$", "examples": ["10MB"]}),
]
Rate = Annotated[
    float,
    BeforeValidator(per_second),
    WithJsonSchema({"type": "string", "pattern": rf"^{_RATE.pattern}$", "examples": ["10/s", "600/min", "5000/h"]}),
]
