"""What a connector may tell of its system's fields and their options, so that a mapping can be written from it, and
what has changed since can be noticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec


class FieldInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One field of an object type, in the system's own words."""

    name: str
    kind: str = ""
    """What the system calls its kind; "" where it does not say."""
    label: str = ""
    """What people see; "" where the system does not say."""
    options: tuple[str, ...] = ()
    """The values that it takes, where it is a choice, as they are written."""
    labels: tuple[str, ...] = ()
    """Of each option its other spelling: a label, or an id. Empty, or as many as there are options."""
    required: bool = False


@runtime_checkable
class TellsFields(Protocol):
    """A connector that can ask its system for its fields."""

    async def fields(self, object: str) -> Sequence[FieldInfo]:
        """The fields of an object type as they are now, by name. Empty where the system does not tell."""
        ...
