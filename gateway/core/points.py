"""Names for the places where what the gateway does becomes durable, or leaves it. In production nobody listens.

Tests listen: a process that is killed at a place, over and over, shows what a crash there does (`make crash`). This is
for watching only. A listener is never told what happens, and nothing here can change or leave out a step.
"""

from __future__ import annotations

from collections.abc import Callable

BEFORE, AFTER = "before_commit", "after_commit"

Listener = Callable[[str], None]

_listener: Listener | None = None


def reached(point: str) -> None:
    """Says that the program is at this place now. Called in whichever thread does the step."""
    if _listener is not None:
        _listener(point)


def listen(listener: Listener | None) -> None:
    """Has every place told to `listener`, or to nobody. For a process that a test made."""
    global _listener  # noqa: PLW0603 - one process, one listener: a parameter would go through every layer
    _listener = listener
