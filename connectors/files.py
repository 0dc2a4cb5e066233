"""How a copied file is named, the same in every system: its own name, and where the original is. Pure.

A file has no place for a marker but its name, and the name is what every list and every webhook shows.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from connectors.contract.values import File

LONGEST = 255
"""Characters of a name, in Jira and in ServiceNow [M]."""
_MARKED = re.compile(
    r"^(?P<stem>.*?) ?\[lockstep (?P<connection>[^\s\[\]:]+) (?P<item>[^\s\[\]]+)\](?P<ending>\.[^.\[\]]*)?$", re.DOTALL
)


class Unmarked(NamedTuple):
    """A file's own name and, for our copies, where the original is (`connection:item id`)."""

    name: str
    origin: str | None


def marked(name: str, origin: str) -> str:
    """`report [lockstep jira 10001].pdf`: what is too long is taken from the front part, never from the marker."""
    connection, _, item = origin.partition(":")
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending) > 20 or set(ending) & {"[", "]"}:
        stem, dot, ending = name, "", ""
    tail = f" [lockstep {connection} {item}]{dot}{ending}"
    return f"{stem[: LONGEST - len(tail)]}{tail}"


def unmarked(name: str) -> Unmarked:
    """The inverse of `marked`. A name without marker is a person's own and stays as it is."""
    found = _MARKED.match(name)
    if found is None:
        return Unmarked(name, None)
    return Unmarked(f"{found['stem']}{found['ending'] or ''}", f"{found['connection']}:{found['item']}")


def told(file: File, url: str) -> str:
    """What a comment says in place of a file that cannot go where the comment goes."""
    return f"{file.name}, {file.size} bytes" + (f": {url}" if url else "")
