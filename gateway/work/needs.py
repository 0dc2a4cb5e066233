"""What needs people, as a group of cases that tells whether it grows and what to do next."""

from __future__ import annotations

from dead_letter.values import CaseGroup
from dead_letter.wording import next_step

LATELY_S = 3600.0


class Need(CaseGroup, frozen=True, kw_only=True):
    """A group of open cases."""

    last_hour: int
    """How many of them were opened within the last hour: whether it grows."""
    next_step: str
    """What to do, in one or two sentences."""


def need_of(group: CaseGroup, fresh: int) -> Need:
    """The group, of which `fresh` cases came within the hour."""
    told = {name: getattr(group, name) for name in group.__struct_fields__}
    step = next_step(group.cls, group.cause, connection=group.connection)
    return Need(**told, last_hour=min(fresh, group.count), next_step=step)


def trend(count: int, fresh: int) -> str:
    """Whether it is getting worse, in words. `fresh`: of the last hour."""
    if not fresh:
        return "not growing: none in the last hour"
    if fresh == count:
        return "growing: all of them in the last hour"
    return f"growing: {fresh:,} in the last hour"
