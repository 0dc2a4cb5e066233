"""Makes an event fit: first into what every form can say, then into the octets that there are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from gateway.siem.event import Event

_EXACT = 2**53
_NAMES = ("id", "link", "kind", "actor", "outcome", "record", "connection", "cause", "correlation", "trace")
_NAMED_CUT = 10
"""Cut details that are named one by one; of more it is said how many."""


def cleaned(event: Event) -> Event:
    """Without what some receiver would change: halves of surrogate pairs, NUL, and numbers that are not whole or
    above 2^53, which become texts. So the digest over it can be recomputed from what was stored.
    """
    texts = {name: _text(getattr(event, name)) for name in (*_NAMES, "sink", "text")}
    detail = {_key(name): _plain(value) for name, value in event.detail.items()}
    return msgspec.structs.replace(event, **texts, detail=detail)


def shortened(event: Event, room: int, octets: int) -> Iterator[tuple[Event, tuple[str, ...]]]:
    """The event shorter and shorter, with what was cut of it: first only as much detail as is too much."""
    whole = _octets(event.detail)
    for detail, text, name in (
        (whole - (octets - room) - 512, room, room),
        (room // 4, room // 4, 400),
        (room // 12, room // 12, 200),
        (320, 160, 72),
        (0, 96, 40),
    ):
        if detail >= 0:
            yield _shorter(event, detail, text, name)


def _shorter(event: Event, detail: int, text: int, name: int) -> tuple[Event, tuple[str, ...]]:
    told, cut = _details(event.detail, detail)
    texts = {}
    for field, most in (("text", text), *((field, name) for field in _NAMES)):
        texts[field] = _cut(getattr(event, field), most)
        if texts[field] != getattr(event, field):
            cut.append(field)
    return msgspec.structs.replace(event, **texts, detail=told), tuple(cut)


def _details(detail: Mapping[str, Any], room: int) -> tuple[dict[str, Any], list[str]]:
    """What is short stays as it is; what is long gives way, the longest most."""
    if _octets(detail) <= room:
        return dict(detail), []
    share = _share(sorted(_octets({name: value}) for name, value in detail.items()), room)
    told: dict[str, Any] = {}
    cut = []
    for name, value in detail.items():
        if _octets({name: value}) <= share:
            told[name] = value
            continue
        cut.append(f"detail.{_cut(name, 40)}")
        left = share - _octets({name: ""}) - 24
        if left > 0:
            text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
            told[name] = f"{_cut(text, left)} ({len(text.encode())} octets)"
    return told, cut if len(cut) <= _NAMED_CUT else [*cut[:_NAMED_CUT], f"{len(cut) - _NAMED_CUT} more of the detail"]


def _share(sizes: Sequence[int], room: int) -> int:
    """Octets that each may take so that all together have `room`: who needs less leaves the rest to the others."""
    left = room
    for place, size in enumerate(sizes):
        share = left // (len(sizes) - place)
        if size > share:
            return share
        left -= size
    return room


def _cut(text: str, room: int) -> str:
    """At most `room` octets as ASCII in JSON, an ellipsis at the end of what was longer."""
    if len(text) * 12 <= room or _octets(text) <= room:
        return text
    low, high = 0, min(len(text), room)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _octets(text[:middle]) + 6 <= room else (low, middle - 1)
    return text[:low] + "…"


def _octets(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":")))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < _EXACT else str(value)
    if isinstance(value, Mapping):
        return {_key(str(name)): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return _text(str(value))


def _text(text: str) -> str:
    whole = text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
    return whole.replace("\0", "\N{SYMBOL FOR NULL}")


def _key(name: str) -> str:
    """Of the basic plane, in which every language sorts alike."""
    return "".join(each if ord(each) < 0x10000 else "\N{REPLACEMENT CHARACTER}" for each in _text(name))
