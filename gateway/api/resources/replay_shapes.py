"""What replays look like from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from gateway.api.declare import Paged
from replay.values import Action, Limits, Outcome, Source

Text = Annotated[str, Meta(max_length=200)]
Id = Annotated[str, Meta(min_length=1, max_length=40)]
Moment = Annotated[datetime, Meta(tz=True)]
Reason = Annotated[str, Meta(max_length=2000)]
Facts = dict[str, Any]


class Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body."""


class NewSelection(Said, frozen=True, kw_only=True):
    """What is to be replayed; every member narrows it. Of cases the time is when they were first seen."""

    source: Source = Source.CASES
    numbers: Annotated[tuple[Text, ...], Meta(max_length=10_000)] = ()
    cause: Text = ""
    group: Text = ""
    flow: Text = ""
    connection: Text = ""
    record: Text = ""
    text: Text = ""
    person: Text = ""
    mapping: Text = ""
    through: Annotated[str, Meta(max_length=160, description="Of the journal: a stored mapping version, name@2.")] = ""
    since: Moment | None = None
    until: Moment | None = None


class Wanted(Said, frozen=True, kw_only=True):
    """Limits; what is left out is as configured, or as the plan says."""

    rate: Annotated[float, Meta(gt=0, le=1_000_000, description="Items a minute.")] | None = None
    ramp: Annotated[tuple[Annotated[int, Meta(ge=1, le=1_000_000)], ...], Meta(max_length=20)] | None = None
    wait_after: Annotated[int, Meta(ge=0, le=20)] | None = None
    in_a_row: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    share_failed: Annotated[float, Meta(ge=0, le=1)] | None = None


class NewPlan(Said, frozen=True, kw_only=True):
    """A plan of a selection, or an old plan made anew (`again`), without what is dropped."""

    selection: Annotated[str, Meta(max_length=40)] = ""
    again: Annotated[str, Meta(max_length=40)] = ""
    drop: Annotated[tuple[Text, ...], Meta(max_length=10_000, description="With `again`: subjects to leave out.")] = ()
    limits: Annotated[Wanted | None, Meta(description="Bolder ones than configured need a second person.")] = None


class Yes(Said, frozen=True, kw_only=True):
    """A second person's agreement to exactly this digest."""

    digest: Annotated[str, Meta(min_length=1, max_length=100)]
    reason: Reason = ""


class NewRun(Said, frozen=True, kw_only=True):
    """Starts exactly the plan that was looked at."""

    plan: Id
    digest: Annotated[str, Meta(min_length=1, max_length=100)]
    limits: Wanted | None = None
    reason: Reason = ""


class Turn(Said, frozen=True, kw_only=True):
    """Why."""

    reason: Reason = ""


class PlanItems(Paged, frozen=True, kw_only=True):
    """Of the items of a plan."""

    action: Action | None = None
    alike: Annotated[str, Meta(max_length=1000)] = ""


class RunItems(Paged, frozen=True, kw_only=True):
    """Of the items of a run."""

    outcome: Outcome | None = None


class RunList(Paged, frozen=True, kw_only=True):
    """Of the runs."""

    open: Annotated[bool, Meta(description="Only those that have not ended.")] = False


class SelectionView(msgspec.Struct, frozen=True, kw_only=True):
    """A pinned list; what came in later is not in it."""

    selection: str
    count: int
    at: float
    by: str
    wish: Facts


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a second person has to look, and who did."""

    needed: bool
    why: str
    by: str
    at: float | None


class PlanBrief(msgspec.Struct, frozen=True, kw_only=True):
    """A plan as a list shows it."""

    plan: str
    state: str
    digest: str
    at: float
    by: str
    good_until: float
    totals: dict[str, int]
    """Action -> items; they add up to `count`."""
    count: int
    sends: int
    approval: Agreement
    runs: tuple[str, ...]


class PlanView(PlanBrief, frozen=True, kw_only=True):
    """A plan: nothing of it was sent."""

    selection: str
    wish: Facts | None
    pins: Facts
    first: tuple[Facts, ...]
    """Look at these first."""
    alike: tuple[Facts, ...]
    """What does the same, folded."""
    not_in: tuple[Facts, ...]
    """What would not be sent, and why."""
    later: int
    """What came in after the selection and is not in it."""
    cost: Facts
    told: Facts
    """Who would be told, by the systems and by us."""
    live: tuple[Facts, ...]
    """How live traffic fares, and what a run would do to it."""
    limits: Facts
    again: str
    """The plan that this one was made anew of."""
    stale_by_time: bool


class PlanItem(msgspec.Struct, frozen=True, kw_only=True):
    """What would come of one item."""

    seq: int
    subject: str
    action: str
    alike: str
    decision: str
    reason: str
    record: str
    flow: str
    connection: str
    object: str
    object_key: str
    cause: str
    diffs: tuple[Facts, ...]
    calls: int


class PlanDiff(msgspec.Struct, frozen=True, kw_only=True):
    """How a plan differs from the one it was made anew of."""

    plan: str
    again: str
    added: tuple[Facts, ...]
    dropped: tuple[Facts, ...]
    changed: tuple[Facts, ...]
    same: int


class PlanMoved(msgspec.Struct, frozen=True, kw_only=True):
    """What is not as the plan says any more."""

    plan: str
    moved: tuple[Facts, ...]


class RunBrief(msgspec.Struct, frozen=True, kw_only=True):
    """A run as a list shows it."""

    run: str
    plan: str
    state: str
    word: str
    """How it stands, by the worst of its outcomes."""
    at: float
    by: str
    count: int
    counts: dict[str, int]
    """Outcome -> items; they add up to `count`."""
    ended: int
    ended_at: float | None


class RunView(RunBrief, frozen=True, kw_only=True):
    """A run."""

    digest: str
    reason: str
    stopped_by: str
    applied_by: dict[str, int]
    step: int
    steps: tuple[Facts, ...]
    limits: Facts
    rate: float
    left_s: float
    in_hand: int
    waits: int
    troubles: tuple[Facts, ...]
    lag_s: dict[str, float]
    lag_before_s: dict[str, float]
    """As `lag_s`, when the run began."""
    log: tuple[Facts, ...]
    """What became of it, the newest first: each tenth that ended, steps of the ramp, what people said."""


class RunItem(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one item."""

    seq: int
    step: int
    subject: str
    record: str
    connection: str
    object_key: str
    action: str
    state: str
    outcome: str
    by: str
    reason: str
    case: str
    handed_at: float | None
    ended_at: float | None


def narrower(limits: Wanted | None, before: Facts) -> Limits | None:
    """The plan's limits with what was asked for; None: nothing was."""
    if limits is None:
        return None
    told = {name: value for name, value in msgspec.structs.asdict(limits).items() if value is not None}
    return msgspec.convert({**before, **told}, Limits)
