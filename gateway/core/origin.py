"""From where the running task was asked, and by whom: what every entry of the audit trail says beside what was done."""

from __future__ import annotations

from contextvars import ContextVar

import msgspec

CONSOLE, CLI, API, SYSTEM = "console", "cli", "api", "system"
COMMAND = "lockstep-cli/"
"""How the User-Agent of a command begins."""
SOURCES = (CONSOLE, CLI, API, SYSTEM)


class Origin(msgspec.Struct, frozen=True):
    """Who asked, and how."""

    source: str = SYSTEM
    """One of SOURCES: a page, a command, a program over HTTP, or nobody: the gateway does it by itself."""
    by: str = ""
    """Id of the person or token; names may change hands, ids do not."""
    name: str = ""
    """As histories show it."""
    behalf: str = ""
    """Id of the person for whom a token acts, where it is one."""


_NOBODY = Origin()
_CURRENT = ContextVar[Origin]("lockstep_origin", default=_NOBODY)


def current() -> Origin:
    """Of the running task."""
    return _CURRENT.get()


def enter(origin: Origin) -> None:
    """The running task, and what it starts from now on, was asked from there."""
    _CURRENT.set(origin)


def acts(by: str, name: str, person: str) -> None:
    """It is known by now who asked. `person`: who is behind it."""
    behalf = person if person not in ("", by) else ""
    _CURRENT.set(Origin(_CURRENT.get().source, by, name, behalf))
