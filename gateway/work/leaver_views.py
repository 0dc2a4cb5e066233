"""Departures as people see them. Who may not know who it is sees the number, and how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.offboarding.allowed import allowed
from gateway.offboarding.values import (
    OVER,
    SETTLED,
    WORDS,
    Evidence,
    Leaver,
    Place,
    Step,
    StepDoc,
    StepState,
    SystemState,
)


class LeaverCell(msgspec.Struct, frozen=True, kw_only=True):
    """One person in one system."""

    connection: str
    state: str
    """planned, doing, gone, failed, unknown, by hand, waiting, held, which, none (no account there), not applicable."""
    open: int
    """Steps that are not over."""
    steps: int
    due_at: float
    past_due: bool
    privileged: bool
    checked_at: float | None
    """When it was last read that all is gone."""
    why: str = ""
    """Why it waits."""
    by: str = ""
    """By hand: who has to do it; once it is done, who said so."""
    said_at: float | None = None
    """By hand: when somebody said that it is done."""
    proof: str = ""
    """By hand: what was said, or that there is a file."""


class LeaverView(msgspec.Struct, frozen=True, kw_only=True):
    """A departure in a list."""

    number: int
    label: str
    """LV-17."""
    name: str
    """Empty for whoever lacks the right `people`."""
    kind: str
    """leaver, mover or absence."""
    state: str
    """planned, asks, held, open, done, closed, cancelled or returned."""
    ends_at: float
    last_day: str
    zone: str
    due_at: float | None
    """The nearest deadline of what is open."""
    past_due: bool
    privileged: bool
    urgent: bool
    guarded: str
    """Why a flood keeps it from beginning."""
    hold_ends_at: float | None
    hold_reason: str
    question: str
    """What a person has to answer."""
    choices: tuple[str, ...]
    source: str
    said_by: str
    made_at: float
    begun_at: float | None
    done_at: float | None
    closed_at: float | None
    version: int
    actions: tuple[str, ...]
    """What may be decided as it stands: urgent, hold, release, recheck, answer, cancel. Without the right: nothing."""
    systems: tuple[LeaverCell, ...]


class LeaverStep(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to take away."""

    id: str
    connection: str
    account: str
    kind: str
    name: str
    state: str
    privileged: bool
    due_at: float
    past_due: bool
    gone_at: float | None
    checked_at: float | None
    checks: int
    why: str
    owner: str
    instruction: str
    error: str
    to: str
    """Who took it over."""
    said_by: str
    """By hand: who says that it is done, when and with which words."""
    said_at: float | None
    note: str
    file: str
    """Id of the file that shows it."""
    drifted_at: float | None


class LeaverAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account, and how it was found; or one that a person has to choose among."""

    connection: str
    id: str
    name: str
    email: str
    active: bool
    privileged: bool
    by: str
    """Empty: nobody has chosen yet."""


class LeaverProof(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence, without its content."""

    id: str
    connection: str
    step: str
    at: float
    kind: str
    digest: str


class LeaverHappened(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened."""

    at: float
    kind: str
    actor: str
    connection: str
    step: str
    text: str


class LeaverDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A departure with everything that is known of it."""

    leaver: LeaverView
    person: dict[str, Any]
    accounts: tuple[LeaverAccount, ...]
    steps: tuple[LeaverStep, ...]
    unseen: dict[str, dict[str, str]]
    """Connection -> kinds that it does not show us, and why."""
    evidence: tuple[LeaverProof, ...]
    history: tuple[LeaverHappened, ...]


class LeaverPage(msgspec.Struct, frozen=True, kw_only=True):
    """Part of a list."""

    leavers: tuple[LeaverView, ...]
    next: int
    """Where the next part begins; 0: there is none."""


def view_of(leaver: Leaver, places: Sequence[Place], steps: Sequence[Step], now: float, *, named: bool) -> LeaverView:
    """`places` and `steps`: those that the reader may see."""
    doc = leaver.doc
    return LeaverView(
        number=leaver.number,
        label=leaver.label,
        name=(doc.person.name or doc.person.email or doc.person.user_name) if named else "",
        kind=str(leaver.kind),
        state=str(leaver.state),
        ends_at=leaver.ends_at,
        last_day=doc.last_day,
        zone=doc.zone,
        due_at=leaver.due_at,
        past_due=_past(leaver, leaver.due_at, now),
        privileged=leaver.privileged,
        urgent=leaver.urgent,
        guarded=leaver.guarded,
        hold_ends_at=leaver.hold_until,
        hold_reason=doc.hold.reason if doc.hold and named else "",
        question=doc.question.text if doc.question else "",
        choices=doc.question.choices if doc.question else (),
        source=doc.source,
        said_by=doc.said_by if named else "",
        made_at=leaver.made_at,
        begun_at=leaver.begun_at,
        done_at=leaver.done_at,
        closed_at=leaver.closed_at,
        version=leaver.version,
        actions=allowed(leaver) if named else (),
        systems=tuple(
            cell_of(leaver, each, [one for one in steps if one.connection == each.connection], now, named=named)
            for each in places
        ),
    )


def _past(leaver: Leaver, due_at: float | None, now: float) -> bool:
    return due_at is not None and due_at < now and leaver.state not in OVER and leaver.done_at is None


_WORST = (
    StepState.FAILED,
    StepState.UNKNOWN,
    StepState.DOING,
    StepState.HELD,
    StepState.WAITING,
    StepState.HAND,
    StepState.PLANNED,
)


def cell_of(leaver: Leaver, place: Place, steps: Sequence[Step], now: float, *, named: bool = True) -> LeaverCell:
    """The worst of the steps, in one word."""
    left = [each for each in steps if each.state not in SETTLED]
    checked = [each.checked_at or each.gone_at for each in steps if each.gone_at]
    return LeaverCell(
        connection=place.connection,
        state=_word(place, steps, held=leaver.state == "held"),
        open=len(left),
        steps=len(steps),
        due_at=place.due_at,
        past_due=bool(left or place.state in _LOOKING) and _past(leaver, place.due_at, now),
        privileged=place.privileged,
        checked_at=max([each for each in checked if each], default=None),
        why=place.waits if named else "",
        **(_hand(steps) if named else {}),
    )


def _hand(steps: Sequence[Step]) -> dict[str, Any]:
    """Of what is done by hand: the first that is open, else the last that was said to be done."""
    if left := [each for each in steps if each.state is StepState.HAND]:
        return {"by": left[0].doc.owner}
    done = [each.doc for each in steps if each.state is StepState.DONE and each.doc.done is not None]
    if not done or done[-1].done is None:
        return {}
    last, said = done[-1], done[-1].done
    return {"by": said.by, "said_at": said.at, "proof": said.reason or ("a file" if last.file else "")}


_LOOKING = (SystemState.FIND, SystemState.READ, SystemState.WHICH)


def _word(place: Place, steps: Sequence[Step], *, held: bool) -> str:
    if place.state is SystemState.WHICH:
        return "which"
    for state in _WORST:
        if any(each.state is state for each in steps):
            return "held" if held and state in (StepState.PLANNED, StepState.WAITING) else WORDS[state]
    if place.state in _LOOKING:
        return "held" if held else "waiting" if place.waits else "planned"
    if any(each.state is StepState.GONE for each in steps):
        return "gone"
    if any(each.state is StepState.DONE for each in steps):
        return "done by hand"
    return "none" if place.state in (SystemState.NONE, SystemState.DONE) and not steps else "not applicable"


def step_of(leaver: Leaver, step: Step, now: float, *, named: bool = True) -> LeaverStep:
    """One step. Where nobody is named, it is told what kind of thing it is, and not what."""
    doc = step.doc if named else StepDoc()
    return LeaverStep(
        id=step.id,
        connection=step.connection,
        account=step.account if named else "",
        kind=step.kind,
        name=step.name if named else "",
        state=WORDS[step.state],
        privileged=step.privileged,
        due_at=step.due_at,
        past_due=step.state not in SETTLED and _past(leaver, step.due_at, now),
        gone_at=step.gone_at,
        checked_at=step.checked_at,
        checks=step.checks,
        why=doc.why,
        owner=doc.owner,
        instruction=doc.instruction,
        error=doc.error,
        to=doc.to,
        said_by=doc.done.by if doc.done else "",
        said_at=doc.done.at if doc.done else None,
        note=doc.done.reason if doc.done else "",
        file=doc.file,
        drifted_at=step.doc.drifted_at or None,
    )


def accounts_of(places: Sequence[Place]) -> tuple[LeaverAccount, ...]:
    """Those that were found, then those to choose among."""
    found = []
    for place in places:
        known = [(each.account, each.by) for each in place.doc.accounts]
        open_ones = [(each, "") for each in place.doc.choices] if place.state is SystemState.WHICH else []
        for account, by in (*known, *open_ones):
            values = {name: getattr(account, name) for name in ("id", "name", "email", "active", "privileged")}
            found.append(LeaverAccount(connection=place.connection, by=by, **values))
    return tuple(found)


def proof_of(evidence: Evidence) -> LeaverProof:
    """Without its content."""
    values = {name: getattr(evidence, name) for name in ("id", "connection", "step", "at", "digest")}
    return LeaverProof(kind=str(evidence.kind), **values)
