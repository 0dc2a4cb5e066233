"""What a system's own headers say of its limits, by the file's patterns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from connectors.declared.model.file import Told
from connectors.rest.limits import Budget, ReadBudget, budget


def reader(told: Sequence[Told]) -> ReadBudget:
    """Reads what the file names; the usual headers where it names none. When a limit starts afresh none of these
    headers says, so delivery is told how much is used and does not spread the rest.
    """
    if not told:
        return budget
    patterns = [(each.header.lower(), re.compile(each.pattern)) for each in told]

    def read(headers: Mapping[str, str], before: Budget) -> Budget:
        found = [pattern.search(headers[name]) for name, pattern in patterns if name in headers]
        said = {name: int(text) for match in found if match for name, text in match.groupdict().items() if _whole(text)}
        if not said:
            return before
        limit = said.get("limit", before.limit)
        if "used" in said and limit is not None:
            return Budget(limit=limit, remaining=max(0, limit - said["used"]))
        return Budget(limit=limit, remaining=said.get("remaining"))

    return read


def _whole(text: str | None) -> bool:
    return text is not None and text.isascii() and text.isdecimal() and len(text) <= 18
