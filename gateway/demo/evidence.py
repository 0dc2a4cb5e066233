"""What the judge looks at: the stand-ins' own edit logs and objects, the conflict ledger and the cases. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

Thing: TypeAlias = tuple[str, str]
"""An object of a system: (connection, the system's immutable id)."""


class Rule(Protocol):
    """What the judge needs to know of one mapped field."""

    @property
    def kind(self) -> str: ...
    @property
    def stepped(self) -> bool: ...
    @property
    def readable(self) -> bool: ...
    @property
    def writable(self) -> bool: ...
    @property
    def gate(self) -> tuple[str, frozenset[Any]] | None: ...


class Translator(Protocol):
    """The pure part of a compiled mapping: vendor document to external values to canonical values, and back."""

    @property
    def fields(self) -> Mapping[str, Rule]: ...
    def read(self, raw: Mapping[str, Any]) -> dict[str, Any]: ...
    def history(self, fragment: Mapping[str, Any]) -> dict[str, Any]: ...
    def from_ext(self, field: str, ext: Any) -> Any: ...
    def to_ext(self, field: str, value: Any) -> Any: ...
    def norm(self, field: str, ext: Any) -> Any: ...
    def open(self, field: str, shown: Mapping[str, Any]) -> bool: ...


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment or work note as the stand-in shows it."""

    id: str
    kind: str
    body: str
    origin: str | None = None
    """`connection:item id` of the original, where the stand-in found our marker."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a stand-in's append-only edit log. `before` and `after` are fragments of the vendor document."""

    seq: int
    at: float
    id: str
    key: str
    by_human: bool
    user: str
    kind: str
    """create, update, comment or delete."""
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    comment: Comment | None = None
    object: str = ""
    """Its type, as the stand-in calls it."""


@dataclass(frozen=True, slots=True)
class Object:
    """An object as it stands at the end."""

    id: str
    key: str
    raw: Mapping[str, Any]
    correlation: str | None = None
    object: str = ""


COMMENT = frozenset({"comment"})


@dataclass(frozen=True, slots=True)
class Side:
    """One member of a flow: its mapping, its log in its own order, its objects."""

    connection: str
    translator: Translator
    log: tuple[Entry, ...]
    objects: tuple[Object, ...]
    comment_kinds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By connection, the kinds of comments that the mappings carry there; where it is not named, plain comments."""
    made: bool = True
    """A record that started elsewhere gets an object here."""

    def tells(self, kind: str, connection: str) -> bool:
        """Whether a comment of this kind is carried to that connection."""
        return kind in self.comment_kinds.get(connection, COMMENT)


@dataclass(frozen=True, slots=True)
class Flow:
    """Systems that are kept in step in one thing."""

    name: str
    sides: tuple[Side, ...]


@dataclass(frozen=True, slots=True)
class Chores:
    """Tasks that are made of the objects of one side."""

    of: Side
    side: Side
    """Where they are made."""
    field: str
    """The field of `of` that says which are due."""
    due: Mapping[Any, tuple[str, ...]]
    """By each of its canonical values: the first words of their summaries."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A value that lost, as the gateway keeps it."""

    things: frozenset[Thing]
    """The object it was typed on, and the objects linked with it."""
    field: str
    value: Any
    at: float


@dataclass(frozen=True, slots=True)
class CaseRow:
    """An open case. `fields` None: it holds the whole record."""

    id: str
    things: frozenset[Thing]
    fields: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a verdict is made from."""

    flows: tuple[Flow, ...]
    ledger: tuple[LedgerRow, ...] = ()
    cases: tuple[CaseRow, ...] = ()
    chores: Chores | None = None
    besides: tuple[Entry, ...] = ()
    """Lines of the logs that are of no member of a flow: groups, roles, approvals. They are counted, and no more."""

    @property
    def sides(self) -> tuple[Side, ...]:
        """All members of all flows, and where tasks are made."""
        found = [side for flow in self.flows for side in flow.sides]
        return tuple([*found, self.chores.side] if self.chores else found)
