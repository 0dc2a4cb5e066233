"""Which names say that somebody may do what others may not. Counting one too many costs an earlier deadline, one too
few a late one.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_WORDS = re.compile(r"(?<![a-z])(super[ _-]?)?(admins?|administrators?|owners?|superusers?|root)(?![a-z])")


def listed(name: str, names: Collection[str]) -> bool:
    """Whether a name is one of these, letter case aside."""
    return bool(name) and name.casefold() in {each.casefold() for each in names}


def sounds(name: str) -> bool:
    """Whether a word of the name says so, in a system that has no fixed names: `Global Administrator`, `org-owners`."""
    return _WORDS.search(name.casefold()) is not None
