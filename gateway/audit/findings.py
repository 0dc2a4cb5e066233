"""What a check of the trail finds, and how it says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What is wrong."""

    CHANGED = "changed"
    MISSING = "missing"
    TRUNCATED = "truncated"
    REORDERED = "reordered"
    ADDED = "added"
    ERASED = "erased"  # without an entry that says so
    UNREADABLE = "unreadable"
    SIGNATURE = "signature"
    CHECKPOINT = "checkpoint"  # was there once, and is not any more
    TAMPERED = "tampered"  # the gateway found it so, and nobody has answered for it


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing, in one stretch of the chain."""

    kind: Kind
    first: int
    last: int
    text: str


class Report(msgspec.Struct, kw_only=True):
    """What a check came to. It is whole if there is no finding."""

    first: int = 1
    """The entry it began with; those before it went by their age, or were not asked for."""
    last: int = 0
    entries: int = 0
    """That were read."""
    link: str = ""
    """Of the newest entry."""
    key: str = ""
    """Fingerprint of the key that the newest entry is signed with."""
    checkpoints: int = 0
    """That were compared, those of files with them."""
    erased: int = 0
    """Details that are gone and whose erasure is in the chain."""
    findings: list[Finding] = []
    notices: list[str] = []
    """What is no fault, and what a reader of the result should know."""
    seconds: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def stretches(places: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Places next to each other as one stretch."""
    first = last = None
    for place in sorted(set(places)):
        if first is not None and last is not None and place == last + 1:
            last = place
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = place
    if first is not None and last is not None:
        yield first, last


def named(kind: Kind, first: int, last: int, text: str) -> Finding:
    """A finding that begins with its stretch. `text` begins with a verb, for one and for many: `was|were changed`."""
    one, _, many = text.partition(" ")[0].partition("|")
    rest = text.partition(" ")[2]
    told = f"entry {first} {one} {rest}" if first == last else f"entries {first}-{last} {many or one} {rest}"
    return Finding(kind=kind, first=first, last=last, text=told)
