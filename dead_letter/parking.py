"""What a parked case waits for: a time, a count of further occurrences, or an event. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from dead_letter.values import CaseSummary

DEPLOY, MAPPING, CONNECTION = "deploy", "mapping:", "connection:"
WORKS = "works"
"""The mark of a connection that can be written to."""

_UNITS = {"m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SPAN = re.compile(r"(\d{1,5})\s*(min|m|h|d|w)")
_TIMES = re.compile(r"(\d{1,7})\s*x")

Marks = Mapping[str, str]
"""Event -> how things stand there now: `deploy` and `mapping:<flow>` a digest, `connection:<name>` a state."""


class Until(msgspec.Struct, frozen=True, kw_only=True):
    """The first of these to come true ends the parking."""

    at: float | None = None
    count: int | None = None
    """The case's count at which it ends."""
    events: dict[str, str] = {}
    """Event -> its mark when the case was parked."""
    text: str = ""

    def over(self, case: CaseSummary, marks: Marks, now: float) -> str:
        """What came true, in words; empty while nothing did."""
        if self.at is not None and now >= self.at:
            return f"the time came ({_words(self.at)})"
        if self.count is not None and case.count >= self.count:
            return f"it happened {case.count} times"
        for event, mark in self.events.items():
            present = marks.get(event, mark)
            if event.startswith(CONNECTION) and present == WORKS:
                return f"{event.removeprefix(CONNECTION)} works again"
            if not event.startswith(CONNECTION) and present != mark:
                return "another version was deployed" if event == DEPLOY else f"the {event.replace(':', ' ')} changed"
        return ""


class NotAnEnd(ValueError):
    """What was typed names no end of a parking; the message says what would."""


def until_of(text: str, case: CaseSummary, marks: Marks, now: float) -> Until:
    """`7d`, `2026-12-01T08:00Z`, `100x` (so many more), `deploy`, `mapping` or `mapping:<flow>`, `connection` or
    `connection:<name>`; several with commas. Raises NotAnEnd, also for what is true already.
    """
    at: float | None = None
    count: int | None = None
    events: dict[str, str] = {}
    words = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        if match := _TIMES.fullmatch(part):
            count = case.count + int(match[1])
            words.append(f"{match[1]} more times")
        elif (moment := _moment(part, now)) is not None:
            if moment <= now:
                raise NotAnEnd(f"{part} is over already")
            at = moment if at is None else min(at, moment)
            words.append(_words(moment))
        else:
            event = _event(part, case, marks)
            events[event] = marks[event]
            words.append(_event_words(event))
    if not words:
        raise NotAnEnd("say until when: 7d, a date, 100x, deploy, mapping:<flow> or connection")
    return Until(at=at, count=count, events=events, text=" or ".join(words))


def _event(part: str, case: CaseSummary, marks: Marks) -> str:
    filled = {"mapping": MAPPING + case.flow, "connection": CONNECTION + case.connection}.get(part, part)
    if filled not in marks:
        known = ", ".join(sorted(marks)) or "none"
        raise NotAnEnd(f"{part} is no time, no count like 100x and no event; events are: {known}")
    if filled.startswith(CONNECTION) and marks[filled] == WORKS:
        raise NotAnEnd(f"{filled.removeprefix(CONNECTION)} works, so there is nothing to wait for")
    return filled


def _event_words(event: str) -> str:
    if event == DEPLOY:
        return "another version is deployed"
    name = event.partition(":")[2]
    return f"the mapping of {name} changes" if event.startswith(MAPPING) else f"{name} works again"


def _moment(part: str, now: float) -> float | None:
    if match := _SPAN.fullmatch(part):
        return now + int(match[1]) * _UNITS[match[2]]
    try:
        at = datetime.fromisoformat(part)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _words(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
