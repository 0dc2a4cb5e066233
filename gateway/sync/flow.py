"""A flow, compiled from configuration: which systems hold a record type, through which mappings, under which
policies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from connectors.contract.values import ObjectSpec
from gateway.sync.stage import Stage
from mappings.compiler import CompiledMapping
from mappings.refers import Refers
from mappings.tasks import TaskPlan

Condition = Callable[[Mapping[str, Any]], bool]


class Merge(StrEnum):
    """Who wins when two systems changed one field, neither having seen the other's change."""

    LATEST = "latest"
    AUTHORITY = "authority"
    MANUAL = "manual"
    UNION = "union"
    APPEND_ONLY = "append_only"


class OnDelete(StrEnum):
    """What the deletion of an object in one system means for the record."""

    CLOSE = "close"
    CASE = "case"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Policy:
    """`order` lists connections, strongest first; used by AUTHORITY, and by LATEST when times cannot tell."""

    merge: Merge = Merge.LATEST
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """One connection's part in a flow."""

    connection: str
    object: str
    mapping: CompiledMapping
    spec: ObjectSpec
    settles_s: float
    """A negative look counts only this long after the attempt started."""
    label: str = ""
    where: Condition | None = None
    """Objects that do not meet it start no record. Called with canonical values."""
    read_before_write: bool = False
    """True: always. False: reads are skipped where SYNC.md section 5 allows it."""
    skew_s: float = 2.0
    """Bound on what is left of the clock difference after the measured offset was taken out."""
    every_change: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FanOut:
    """A template that makes tasks of this flow's records, and the flow that the tasks belong to."""

    plan: TaskPlan
    into: str


@dataclass(frozen=True, slots=True)
class Flow:
    """One record type kept in step."""

    name: str
    type: str
    members: Mapping[str, Member]
    policies: Mapping[str, Policy]
    default: Policy = Policy()
    create_in: frozenset[str] = frozenset()
    create_when: Condition | None = None
    natural: str | None = None
    """Canonical field that identifies the thing everywhere, if there is one."""
    on_delete: OnDelete = OnDelete.CASE
    latest_only: frozenset[str] = frozenset()
    """Fields of which only the present state is delivered; all others are delivered change by change."""
    sets: frozenset[str] = frozenset()
    max_tries: int = 8
    fan_out: tuple[FanOut, ...] = ()
    begins: Stage = Stage.LIVE
    """Where it stands until somebody moves it."""
    links: frozenset[str] = frozenset()
    """Fields that name other records; set with the mappings that know their connections (`links.bound`)."""
    awaits_s: float = 3600.0
    """So long a record waits for one that it names, before a case says so."""
    refers: tuple[Refers, ...] = ()
    ranks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Fields of kind enum -> their values in order."""

    def policy(self, name: str) -> Policy:
        """The policy of a field."""
        return self.policies.get(name, self.default)


def by_object_of(flows: Sequence[Flow]) -> dict[tuple[str, str], Flow]:
    """The flow of each (connection, object): a change of it can be a change of one flow's record only.

    Raises ValueError for two flows over the same object (ADR 0210).
    """
    owners: dict[tuple[str, str], Flow] = {}
    for flow in flows:
        for member in flow.members.values():
            other = owners.setdefault((member.connection, member.object), flow)
            if other is not flow:
                raise ValueError(f"{member.object} of {member.connection} is in {other.name} and in {flow.name}")
    return owners
