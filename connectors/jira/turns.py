"""What each object of the site offers, and how their polls take turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from connectors.contract.fields import FieldInfo
from connectors.contract.values import (
    Finding,
    HistoryEntry,
    IdPage,
    ObjectSpec,
    Page,
    Receipt,
    Ref,
    Snapshot,
    Step,
    Write,
)


class Part(Protocol):
    """One object type: the verbs of the contract, for it alone."""

    @property
    def spec(self) -> ObjectSpec: ...
    async def check(self) -> Sequence[Finding]: ...
    async def changes(self, cursor: Mapping[str, Any] | None) -> Page: ...
    async def ids(self, cursor: Mapping[str, Any] | None) -> IdPage: ...
    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot: ...
    async def find(self, correlation: str) -> Sequence[Ref]: ...
    async def find_by(self, fragment: Mapping[str, Any]) -> Sequence[Ref]: ...
    async def history(self, ref: Ref, since: float) -> Sequence[HistoryEntry]: ...
    async def steps(self, ref: Ref) -> Sequence[Step]: ...
    async def apply(self, write: Write) -> Receipt: ...
    async def fields(self) -> Sequence[FieldInfo]: ...


async def page(parts: Mapping[str, Part], cursor: Mapping[str, Any] | None) -> Page:
    """One page of one object, and whose turn is next. A cursor from before there was more than issues is theirs."""
    stored = dict(cursor or {})
    kept: dict[str, Any] = stored.get("objects", {"issue": stored} if stored else {})
    order = list(parts)
    name = turn if (turn := stored.get("turn", "")) in parts else order[0]
    shown = await parts[name].changes(kept.get(name))
    after = order[order.index(name) + 1 :]
    following = name if shown.more else next(iter(after), "")
    return Page(
        changes=shown.changes,
        cursor={"objects": {**kept, name: shown.cursor}, "turn": following},
        more=bool(following),
    )
