"""`replay:` of `lockstep.yaml`: how much of a system's budget replays take, and what needs a second person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from connectors.contract.written.edge import Strict


class ReplayModel(Strict):
    """How replays run. They go through the lanes like everything else; this keeps room for fresh changes."""

    share: float = Field(
        0.3,
        gt=0.0,
        le=1.0,
        description="Share of a connection's `rate` that a replay may take; live traffic keeps the rest.",
    )
    rate: float = Field(
        600.0, gt=0.0, description="Items a minute, where a connection has no `rate`, and at most anywhere."
    )
    approve_above: int = Field(100, ge=0, description="A plan that sends more items needs a second person's approval.")
    creates: int = Field(50, ge=0, description="A plan that creates more objects needs a second person's approval.")
    deletes: int = Field(0, ge=0, description="A plan that closes more objects needs a second person's approval.")
    ramp: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (1, 5, 20), description="Sizes of the first steps; each has to end well before the next begins."
    )
    wait_after: int = Field(0, ge=0, description="Wait for a person after this step of the ramp; 0: never.")
    failures: int = Field(3, ge=1, description="So many failures one after the other stop a run.")
    failed_share: float = Field(
        0.05, gt=0.0, le=1.0, description="So many failures of all that ended stop a run, from 20 on, and of any step."
    )


@dataclass(frozen=True, slots=True)
class Replays:
    """See `replay`."""

    share: float = 0.3
    rate: float = 600.0
    approve_above: int = 100
    creates: int = 50
    deletes: int = 0
    ramp: tuple[int, ...] = (1, 5, 20)
    wait_after: int = 0
    failures: int = 3
    failed_share: float = 0.05


def replays_of(model: ReplayModel) -> Replays:
    """The settings as the gateway uses them."""
    return Replays(**{name: getattr(model, name) for name in Replays.__dataclass_fields__})
