"""What can stand in the audit trail, and how much each kind matters to security as long as nobody says otherwise.

The reference page is made of this list, and a test walks the program for kinds that it lacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

NONE, LOW, MEDIUM, HIGH, CRITICAL = 0, 2, 3, 4, 5
"""OCSF's severities; NONE: no high-risk action."""
WORDS: Mapping[str, int] = {"off": NONE, "low": LOW, "medium": MEDIUM, "high": HIGH, "critical": CRITICAL}
UNKNOWN = MEDIUM
"""Of a kind that is not in the list: what is forgotten here must not be what nobody hears of."""
BULK = 10
"""One act on more things than this counts as one on many, unless the policy says another number."""
OPEN, APPLIED, FAILED, SUPERSEDED = "open", "applied", "failed", "superseded"
"""Outcomes of an entry. Open: its effect comes later, and an entry that closes it tells. Empty: said and done."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of entry."""

    name: str
    area: str
    """Heading of the reference page."""
    severity: int
    says: str
    """What happened, as a sentence without a subject where people are meant."""
    field: str = ""
    """Of the detail: its value may matter, see `among`."""
    among: Mapping[str, int] = {}
    """Value of `field` -> severity."""
    counted: str = ""
    """Of the detail: a number of things. Above the threshold for acts on many the entry is at least high."""
    opens: bool = False
    """Its effect may come later: then its outcome is `open`, and a later entry closes it."""

    @property
    def most(self) -> int:
        """The highest severity that it can have by itself."""
        return max(self.severity, *self.among.values(), HIGH if self.counted else NONE, NONE)


def severity_of(kind: Kind | None, detail: Mapping[str, Any], *, bulk: int) -> int:
    """What an entry is worth without any rule of an installation."""
    if kind is None:
        return UNKNOWN
    found = kind.among.get(str(detail.get(kind.field)), kind.severity) if kind.field else kind.severity
    return max(found, HIGH) if kind.counted and count_in(detail, kind.counted) > bulk else found


def count_in(detail: Mapping[str, Any], field: str) -> int:
    """A number of things, also where they are listed."""
    found = detail.get(field)
    if isinstance(found, list | tuple):
        return len(found)
    return int(found) if isinstance(found, int | float) and not isinstance(found, bool) else 0


def word_of(severity: int) -> str:
    """As policies and people say it."""
    return next((word for word, each in WORDS.items() if each == severity), "low")
