"""Settles an unknown outcome by the contract's reads alone, as the gateway does (SYNC.md rules 17 and 20): any positive
look ends it, a negative one counts only when it is late enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from connectors.contract.connector import Connector
from connectors.contract.fixture import Fixture
from connectors.contract.values import HistoryEntry, Ref, Write, WriteKind


class Verdict(StrEnum):
    """What the looks prove."""

    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    TWICE = "twice"
    UNKNOWN = "unknown"  # nothing the connector offers can prove it


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A verdict and how it was reached."""

    verdict: Verdict
    by: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """A write whose outcome is not known, and the state before it."""

    write: Write
    base_at: float = 0.0
    """When the object was last changed before (system's clock)."""
    known: frozenset[str] = frozenset()
    """History entries from before."""


_CANNOT = Settled(verdict=Verdict.UNKNOWN, by="nothing can be looked at")


async def settle(
    connector: Connector, fixture: Fixture, question: Question, late_enough: Callable[[], Awaitable[None]]
) -> Settled:
    """Looks at once, and again after `late_enough`."""
    found = await _look(connector, fixture, question)
    if found.verdict is Verdict.NOT_APPLIED:
        await late_enough()
        found = await _look(connector, fixture, question)
    return found


async def after(settles_s: float, landed: Callable[[], Awaitable[None]]) -> None:
    """Waits until nothing of ours is under way any more, and then as long as the connector declares."""
    await landed()
    await asyncio.sleep(settles_s)


async def _look(connector: Connector, fixture: Fixture, question: Question) -> Settled:
    write = question.write
    spec = connector.specs[fixture.object]
    match write.kind:
        case WriteKind.CREATE:
            return await _by_marker(connector, write) if spec.marker else _CANNOT
        case WriteKind.ITEM:
            return await _by_origin(connector, write) if spec.items and spec.readable else _CANNOT
        case WriteKind.DELETE:
            return await _by_absence(connector, write) if spec.readable else _CANNOT
    if spec.history and not spec.is_unrecorded(write.values):
        return await _by_history(connector, fixture, question)
    return await _by_value(connector, fixture, write) if spec.readable else _CANNOT


async def _by_marker(connector: Connector, write: Write) -> Settled:
    hits = {ref.id for ref in await connector.find(write.object, write.correlation)}
    verdict = Verdict.TWICE if len(hits) > 1 else Verdict.APPLIED if hits else Verdict.NOT_APPLIED
    return Settled(verdict=verdict, by="marker")


async def _by_origin(connector: Connector, write: Write) -> Settled:
    assert write.item is not None
    items = (await connector.read(_target(write), items=True)).items or ()
    hits = [item for item in items if item.origin == write.item.origin]
    verdict = Verdict.TWICE if len(hits) > 1 else Verdict.APPLIED if hits else Verdict.NOT_APPLIED
    return Settled(verdict=verdict, by="marker")


async def _by_absence(connector: Connector, write: Write) -> Settled:
    there = (await connector.read(_target(write))).exists
    return Settled(verdict=Verdict.NOT_APPLIED if there else Verdict.APPLIED, by="absence")


async def _by_history(connector: Connector, fixture: Fixture, question: Question) -> Settled:
    entries = await connector.history(_target(question.write), question.base_at)
    ours = [
        each for each in entries if each.by_us and each.id not in question.known and says(fixture, each, question.write)
    ]
    return Settled(verdict=Verdict.APPLIED if ours else Verdict.NOT_APPLIED, by="history")


async def _by_value(connector: Connector, fixture: Fixture, write: Write) -> Settled:
    snapshot = await connector.read(_target(write))
    shown = snapshot.exists and (
        fixture.state(snapshot.raw) == write.step.to if write.step else shows(snapshot.raw, write.values)
    )
    return Settled(verdict=Verdict.APPLIED if shown else Verdict.NOT_APPLIED, by="value")


def says(fixture: Fixture, entry: HistoryEntry, write: Write) -> bool:
    """Whether an entry of a history tells of this write."""
    if write.step is not None:
        return bool(entry.after) and _state(fixture, entry.after) == write.step.to
    return shows(entry.after, write.values)


def _state(fixture: Fixture, after: Mapping[str, Any]) -> str:
    try:
        return fixture.state(after)
    except (KeyError, TypeError):
        return ""  # an entry about other fields


def shows(raw: Any, wanted: Any) -> bool:
    """Whether everything of a fragment stands in `raw`."""
    if isinstance(wanted, Mapping):
        return isinstance(raw, Mapping) and all(name in raw and shows(raw[name], each) for name, each in wanted.items())
    return bool(raw == wanted)


def _target(write: Write) -> Ref:
    assert write.ref is not None
    return write.ref
