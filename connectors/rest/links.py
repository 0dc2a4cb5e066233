"""The header `Link` (RFC 8288), as far as paging needs it."""

from __future__ import annotations

import re

_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[\w!#$&+.^`|~*-]+\s*(?:=\s*(?:\"[^\"]*\"|[^\s\";,]+))?)*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s\";,]+))", re.IGNORECASE)


def next_link(header: str) -> str:
    """The target of the relation `next`; "" where there is none."""
    for match in _LINK.finditer(header):
        rel = _REL.search(match.group(2))
        if rel and "next" in (rel.group(1) or rel.group(2)).lower().split():
            return match.group(1)
    return ""
