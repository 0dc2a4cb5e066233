"""How one person wants the pages shown, kept in a cookie of theirs: theme, clock, and keys of a single letter."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

COOKIE = "lockstep_display"
CHOICES = {"theme": ("system", "light", "dark"), "clock": ("utc", "local"), "keys": ("on", "off")}


@dataclass(frozen=True, slots=True)
class Display:
    """What was chosen."""

    theme: str = "system"
    clock: str = "utc"
    keys: str = "on"

    def text(self) -> str:
        """As the cookie holds it."""
        return f"{self.theme}.{self.clock}.{self.keys}"


def display_of(request: web.Request) -> Display:
    """The person's choice; what is not known is as at first."""
    return read(request.cookies.get(COOKIE, ""))


def read(text: str) -> Display:
    """From the cookie's text."""
    given = dict(zip(CHOICES, text.split("."), strict=False))
    return Display(**{name: value for name, value in given.items() if value in CHOICES[name]})
