"""`leavers.guard` and `leavers.assignments`: how many departures may begin before people are asked, and what becomes of
work that is meant for somebody who has left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from connectors.contract.written.edge import Strict
from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem, nearest
from gateway.config.budget import Allowed, Window

ACROSS = (Window(3600.0, 20), Window(86400.0, 60))
URGENT = Window(3600.0, 10)
BATCH = 20


class GuardModel(Strict):
    """How many people may begin to lose access before two people are asked. `20/h`: in any hour, not by the clock."""

    across: list[Allowed] = Field(
        default=list(ACROSS), min_length=1, max_length=8, description="In all systems together.", validate_default=False
    )
    system: list[Allowed] = Field(
        default=list(ACROSS), min_length=1, max_length=8, description="In any one system.", validate_default=False
    )
    systems: dict[str, list[Allowed]] = Field(default={}, description="By connection, instead of `system`.")
    batch: int = Field(
        default=BATCH, ge=1, le=100_000, description="People that one import, or a flow in a day, may tell of."
    )
    urgent: Allowed = Field(
        default=URGENT,
        description="People who are taken out at once by name; a flood of others never delays them.",
        validate_default=False,
    )


class AssignmentsModel(Strict):
    """Work that is given to somebody who has left."""

    without: Literal["hold", "nobody"] = Field(
        default="hold", description="Where nobody takes over: a case asks, or the field is left empty in the others."
    )
    undo: bool = Field(
        default=False, description="Also in the system where somebody gave it to them, once a successor is known."
    )


@dataclass(frozen=True, slots=True)
class Guard:
    """See `GuardModel`. Windows count people; the shortest first."""

    across: tuple[Window, ...] = ACROSS
    system: tuple[Window, ...] = ACROSS
    systems: Mapping[str, tuple[Window, ...]] = field(default_factory=dict)
    batch: int = BATCH
    urgent: Window = URGENT

    def windows(self, connection: str) -> tuple[Window, ...]:
        """Of a connection; empty: of all of them together."""
        return self.systems.get(connection, self.system) if connection else self.across


@dataclass(frozen=True, slots=True)
class Assignments:
    """See `AssignmentsModel`."""

    without: Literal["hold", "nobody"] = "hold"
    undo: bool = False


USUAL = Assignments()


def guard_of(model: GuardModel) -> Guard:
    """The values of a checked block."""
    return Guard(
        across=tuple(sorted(set(model.across))),
        system=tuple(sorted(set(model.system))),
        systems={name: tuple(sorted(set(each))) for name, each in model.systems.items()},
        batch=model.batch,
        urgent=model.urgent,
    )


def assignments_of(model: AssignmentsModel) -> Assignments:
    """The values of a checked block."""
    return Assignments(model.without, model.undo)


def check_guard(source: Source, model: GuardModel, connections: Collection[str]) -> Iterator[Problem]:
    """Systems that are not there."""
    for name in model.systems:
        if name not in connections:
            text = f"there is no connection '{name}'"
            at = ("leavers", "guard", "systems", name)
            yield source.problem(at, "unknown-connection", text, nearest(name, connections), key=True)
