"""Which objects are the same thing? Told by our correlation marker, and by the reference people typed into the text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.demo.evidence import Entry, Flow, Object, Side, Thing

REFERENCE = re.compile(r"\bref ([0-9a-z]+-[0-9]+)\b")
"""Every thing the demo's people make carries one of these in its first text, in every version of that text."""
LAST_DAY = "ends"
"""The field of a person's mapping that has it."""
NO_DAY = "0000-00-00"


@dataclass(frozen=True, slots=True)
class Member:
    """One object of a record: its whole history, and how it stands (None: deleted)."""

    side: Side
    id: str
    key: str
    log: tuple[Entry, ...]
    object: Object | None

    @property
    def thing(self) -> Thing:
        """Where it is."""
        return self.side.connection, self.id

    @property
    def made_by_human(self) -> bool:
        """Whether a person created it; an object that was there before the log began counts as theirs."""
        return next((entry.by_human for entry in self.log if entry.kind == "create"), True)

    @property
    def name(self) -> str:
        """How to call it in a report."""
        return f"{self.side.connection} {self.key or self.id}"

    def standing(self) -> dict[str, Any]:
        """The external values of its mapped fields as they are now; none for a deleted object."""
        return self.side.translator.read(self.object.raw) if self.object else {}


@dataclass(frozen=True, slots=True)
class Record:
    """All objects, in all systems, that are one thing."""

    members: tuple[Member, ...]

    @property
    def things(self) -> frozenset[Thing]:
        """The objects, for matching cases and ledger rows."""
        return frozenset(member.thing for member in self.members)

    @property
    def name(self) -> str:
        """How to call it in a report."""
        return " = ".join(member.name for member in self.members)

    @property
    def departed(self) -> bool:
        """A person deleted one of its objects, or somebody has left: there is nothing to keep in step any more."""
        entries = [(member.side, entry) for member in self.members for entry in member.log if entry.by_human]
        return any(entry.kind == "delete" or _tells_of_leaving(side, entry) for side, entry in entries)

    def of(self, side: Side) -> list[Member]:
        """Its objects in one system."""
        return [member for member in self.members if member.side is side]


def records(flow: Flow) -> list[Record]:
    """All objects that ever existed, grouped; an object without a partner is a record of its own."""
    members = [member for side in flow.sides for member in members_of(side)]
    groups = _Groups()
    first: dict[str, Thing] = {}
    for member in members:
        groups.add(member.thing)
        for sign in _signs(member):
            groups.join(first.setdefault(sign, member.thing), member.thing)
    together: dict[Thing, list[Member]] = defaultdict(list)
    for member in members:
        together[groups.root(member.thing)].append(member)
    return [Record(tuple(group)) for group in together.values()]


def members_of(side: Side) -> Iterator[Member]:
    """All objects that ever were there."""
    logs: dict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(side.log, key=lambda entry: entry.seq):
        logs[entry.id].append(entry)
    standing = {one.id: one for one in side.objects}
    for number in dict.fromkeys([*logs, *standing]):
        log, found = tuple(logs.get(number, ())), standing.get(number)
        key = found.key if found else next((entry.key for entry in log if entry.key), "")
        yield Member(side, number, key, log, found)


def _signs(member: Member) -> Iterator[str]:
    if member.object and member.object.correlation:
        yield f"marker {member.object.correlation}"
    for found in references(member):
        yield f"reference {found}"


def references(member: Member) -> set[str]:
    """What stood in its texts when it was made."""
    made = [entry.after for entry in member.log if entry.kind == "create"]
    if not made and member.object:
        made = [member.object.raw]
    return {found for text in texts(made) for found in REFERENCE.findall(text)}


def _tells_of_leaving(side: Side, entry: Entry) -> bool:
    """A last day that is over. While it is not, the person is kept in step like any other."""
    if LAST_DAY not in side.translator.fields:
        return False
    told = str(side.translator.history(entry.after).get(LAST_DAY) or "")
    return NO_DAY < told[:10] < datetime.fromtimestamp(entry.at, UTC).date().isoformat()


def texts(value: Any) -> Iterator[str]:
    """All texts in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, Iterable):
        for part in value:
            yield from texts(part)


class _Groups:
    """Union-find."""

    def __init__(self) -> None:
        self._up: dict[Thing, Thing] = {}

    def add(self, thing: Thing) -> None:
        self._up.setdefault(thing, thing)

    def root(self, thing: Thing) -> Thing:
        while self._up[thing] != thing:
            self._up[thing] = self._up[self._up[thing]]
            thing = self._up[thing]
        return thing

    def join(self, one: Thing, other: Thing) -> None:
        self._up[self.root(other)] = self.root(one)
