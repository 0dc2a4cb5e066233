"""What a route is: declared once; routing, validation, the description, the role matrix and the reference follow."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta

from gateway.access.rights import Principal, Right
from gateway.api.desk import Desk

T = TypeVar("T")
MOST = 200
LOOK = "look"
FREE = "key"
"""Name of the place that holds what a vendor calls an object."""
_PLACE = re.compile(r"{(\w+)}")


class Key(StrEnum):
    """Whether a route needs an Idempotency-Key, and how long the answer is kept."""

    NONE = "none"
    DAY = "day"
    FOR_GOOD = "for good"


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters of a route; each field is one."""


class Counting(StrEnum):
    """How a total is counted; without it there is none."""

    EXACT = "exact"
    ESTIMATE = "estimate"


Limit = Annotated[int, Meta(ge=1, le=MOST, description="Items on a page.")]
After = Annotated[str, Meta(max_length=600, pattern="^[A-Za-z0-9_-]*$", description="Cursor; follow `next` instead.")]


class Paged(Query, frozen=True, kw_only=True):
    """Query parameters of a list."""

    limit: Limit = 50
    after: After = ""


def pages(kind: type[Query]) -> bool:
    """Whether these are parameters of a list, inherited from `Paged` or beside another set."""
    return {"limit", "after"} <= set(kind.__struct_fields__)


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many there are in all."""

    value: int
    exact: bool
    """False: at least so many."""


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A page of a list."""

    items: tuple[T, ...]
    next: str | None = None
    """Address of the page after this one, as in `Link`; null at the end."""
    count: Count | None = None
    """Only where `count` was asked for."""


class Nothing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request that was understood: who asks, for what, on which version."""

    desk: Desk
    who: Principal
    request: web.Request
    path: Mapping[str, str]
    query: Any
    body: Any
    version: str = ""
    """Of `If-Match`: what was decided on."""
    position: Any = None
    """Of a list: where to go on, as the page before gave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a route answers beyond its value."""

    value: Any = None
    status: int = 0
    """0: as declared."""
    version: str = ""
    """What a decision may depend on; becomes the part of the ETag that If-Match compares."""
    headers: Mapping[str, str] = field(default_factory=dict)
    position: Any = None
    """Of a page: where the next one begins; None at the end."""


Do = Callable[[Ask], Awaitable[Any]]
"""Gives the value, an Answer around it, or a response that is sent as it is."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """One thing that can be asked for. `path` may hold `{names}` and end in `:verb`."""

    method: str
    path: str
    name: str
    """`operationId`: stable, clients are made from it."""
    tag: str
    summary: str
    do: Do
    right: Right | None
    """None: whoever is signed in."""
    answer: Any = None
    """Type of the value; None: the answer has no JSON body."""
    query: type[Query] = Query
    body: type[msgspec.Struct] | None = None
    status: int = 200
    others: Mapping[int, str] = field(default_factory=dict)
    """Other statuses that are no problems, and what they mean; their body is of the same type."""
    problems: tuple[str, ...] = ()
    """Codes beyond those that the layer itself gives."""
    key: Key = Key.NONE
    match: bool = False
    """Needs If-Match."""
    matched: str = "[0-9]{1,9}"
    """What is named there, as a pattern: the part of an ETag that decisions depend on."""
    media: str = "application/json"
    """Of an answer that has no JSON body."""

    @property
    def places(self) -> tuple[str, ...]:
        """Names in the path."""
        return tuple(_PLACE.findall(self.path))

    @cached_property
    def paged(self) -> bool:
        """Whether it is a list."""
        return pages(self.query)

    @property
    def served_at(self) -> str:
        """The path as aiohttp matches it. A `:verb` at its end belongs to no name; a vendor's key may have colons."""
        head, colon, verb = self.path.partition(":")
        free = r"[^/]+?" if verb else rf"[^/]+(?<!:{LOOK})"
        return _PLACE.sub(lambda at: f"{{{at[1]}:{free if at[1] == FREE else '[^/:]+'}}}", head) + colon + verb
