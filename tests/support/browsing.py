"""The browser of Debian: its shell without windows where there is one, which costs two thirds of the whole program."""

from __future__ import annotations

import shutil

PROGRAMS = ("chromium-headless-shell", "chromium")
ABSENT = "Chromium is not installed (Debian: apt-get install chromium-headless-shell)"


def program() -> str | None:
    """Its path; None: there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)
