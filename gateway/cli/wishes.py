"""What was typed besides a command's own words: which gateway, how to show the answer. One set per command line."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wishes:
    """Empty: not typed."""

    url: str = ""
    """Of a gateway elsewhere."""
    ca_file: Path | None = None
    """Who may vouch for it, instead of those the system trusts."""
    timeout_s: float = 120.0
    """Patience with one answer of it."""
    key: str = ""
    """Idempotency-Key of what is changed there."""
    fields: tuple[str, ...] = ()
    jsonl: bool = False
    watch_s: float = 0.0
    words: tuple[str, ...] = ()
    """The command line, to say how it is repeated."""


_typed: ContextVar[Wishes] = ContextVar("lockstep.cli.wishes", default=Wishes())  # noqa: B039 - it is frozen


def wishes() -> Wishes:
    """Those of the command that runs."""
    return _typed.get()


def keep(typed: Wishes) -> None:
    """From now on these are the wishes."""
    _typed.set(typed)


def names(text: str) -> tuple[str, ...]:
    """Words between commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def line(words: Sequence[str]) -> str:
    """A command line as it can be typed again."""
    import shlex

    return shlex.join(["lockstep", *words])
