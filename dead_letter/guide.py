"""What a case tells in two sentences, and the steps to certainty about an outcome that nobody answered. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from dead_letter.values import Case, CaseClass, CaseState, Step


class GuideStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step. `action` is to be taken for it; empty: wait."""

    name: str
    done: bool
    text: str
    action: str = ""


def verdict(case: Case) -> tuple[str, str]:
    """What is known, and what is not; the second is empty where nothing is in doubt."""
    known = f"{case.title}."
    if case.state is CaseState.CLOSED:
        ending = case.ending.replace("_", " ")
        return known, f"It ended as {ending}, by {case.closed_by}{f': {case.reason}' if case.reason else ''}."
    if case.cls is CaseClass.UNKNOWN_OUTCOME:
        until = _settles(case)
        doubt = "Nobody knows whether the write took effect"
        looked = f"; it was looked at {_looks(case)} times" if _looks(case) else ""
        trust = f"; that it is not there proves nothing before {_clock(until)}" if until else ""
        return known, f"{doubt}{looked}{trust}."
    if case.cls is CaseClass.OVERWRITE:
        return known, "Whether somebody's edit was lost is not known: only its author can tell."
    if case.state is CaseState.IN_RUN:
        return known, "What was decided is on its way; its outcome is not known yet."
    return known, ""


def steps(case: Case, history: Sequence[Step], *, now: float) -> list[GuideStep]:
    """The way out of an unknown outcome: look, wait until a look proves something, then say what was seen."""
    if case.cls is not CaseClass.UNKNOWN_OUTCOME or case.state is CaseState.CLOSED:
        return []
    until = _settles(case)
    looked = [step for step in history if step.action == "look"]
    late = until == 0.0 or now >= until
    seen_late = any(step.at >= until for step in looked)
    wait = f"Wait until {_clock(until)}: before, the request may still take effect" if until else "Nothing to wait for"
    return [
        GuideStep(name="look", done=bool(looked), text="Look at both systems now", action="look"),
        GuideStep(name="settle", done=late, text=wait),
        GuideStep(
            name="look_again",
            done=seen_late and late,
            text="Look again after that: what is not there then was not written",
            action="look",
        ),
        GuideStep(
            name="declare",
            done=False,
            text="Declare what you saw, with what shows it; another person may have to agree",
            action="declare_applied",
        ),
    ]


def due_in_words(case: Case, *, now: float) -> str:
    """The clock of a case: how long is left, or since when it is late."""
    if case.state is CaseState.CLOSED or not case.due_at:
        return ""
    span = _span(abs(case.due_at - now))
    return f"due in {span} ({_clock(case.due_at)})" if case.due_at >= now else f"late by {span}"


def _looks(case: Case) -> int:
    looks = case.evidence.get("looks")
    return looks if isinstance(looks, int) else len(looks) if isinstance(looks, list) else 0


def _settles(case: Case) -> float:
    at = case.evidence.get("settles_at")
    return float(at) if isinstance(at, int | float) else 0.0


def _span(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
