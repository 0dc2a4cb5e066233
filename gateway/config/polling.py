"""How often a connection is polled: more often while much happens there, less often at night."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from connectors.contract.written.edge import Strict
from connectors.contract.written.units import Duration
from gateway.config.hours import Hours, HoursModel, holding

FASTER, SLOWER = 0.5, 1.5
"""Times the last pause, after a poll that found something new, and after one that did not."""


class Peak(HoursModel):
    """Hours in which much happens."""

    every: Duration = Field(gt=0, description="Longest pause between two polls then.")


class Poll(Strict):
    every: Duration = Field(default=60.0, description="Pause between two polls.", validate_default=False, gt=0)
    fastest: Duration | None = Field(
        default=None, gt=0, description="Shortest pause, come to while polls find changes. Default: `every`."
    )
    slowest: Duration | None = Field(
        default=None, gt=0, description="Longest pause, come to while they find none. Default: `every`."
    )
    business: HoursModel | None = Field(
        default=None, description="Hours in which people work there; outside of them the pause is `slowest`."
    )
    peaks: list[Peak] = Field(default=[], description="Hours in which the pause is no longer than their `every`.")


@dataclass(frozen=True, slots=True)
class PollRules:
    """Of one connection; see `connections.*.poll`."""

    every_s: float
    fastest_s: float
    slowest_s: float
    business: Hours | None = None
    peaks: tuple[tuple[Hours, float], ...] = ()

    def next_s(self, last_s: float, new: int, now: float) -> float:
        """The pause after a poll that found so many new changes; `last_s`: the one before it."""
        wanted = last_s * (FASTER if new else SLOWER)
        if not new and self.business is not None and holding([self.business], now) is None:
            wanted = self.slowest_s
        wanted = min(max(wanted, self.fastest_s), self.slowest_s)
        return min([wanted, *(every_s for hours, every_s in self.peaks if hours.at(now) is not None)])


def rules_of(given: Poll) -> PollRules:
    """What is left out is as `every`."""
    return PollRules(
        given.every,
        min(given.fastest or given.every, given.every),
        max(given.slowest or given.every, given.every),
        given.business.hours() if given.business else None,
        tuple((each.hours(), each.every) for each in given.peaks),
    )
