"""`cases:` of the configuration: when work is done, how long a case may take, what needs a second person."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from connectors.contract.written.edge import Strict
from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem, nearest
from connectors.contract.written.units import Duration
from dead_letter.business import PLAIN_SPANS, Calendar, Deadlines
from mappings.model import TypeFile

Level = Literal["critical", "high", "normal", "low"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Guarded = Literal[
    "discard", "bulk_discard", "declare_applied", "declare_not_applied", "accept", "correct", "resolve", "close"
]
Corrector = Literal["operator", "admin"]
_WEEK: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DEFAULT_GUARDED: tuple[Guarded, ...] = ("correct", "declare_applied", "declare_not_applied", "bulk_discard")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("this is not a time zone; try Europe/Berlin or UTC") from error
    return name


def _place(name: str) -> str:
    if name:
        _holidays(name)
    return name


def _holidays(name: str) -> Container[date]:
    country, _, part = name.partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None)
    except NotImplementedError as error:
        raise ValueError(f"the holidays of {name} are not known; try DE, or DE-BY with a part of it") from error


def _days(value: Any) -> Any:
    """`mon-fri` is short for the list."""
    if not isinstance(value, str) or "-" not in value:
        return [value] if isinstance(value, str) else value
    first, _, last = value.partition("-")
    if first not in _WEEK or last not in _WEEK:
        return [value]
    begin, end = _WEEK.index(first), _WEEK.index(last)
    return list(_WEEK[begin : end + 1] if begin <= end else _WEEK[begin:] + _WEEK[: end + 1])


class CalendarModel(Strict):
    """When people work. Without it every hour counts."""

    zone: Annotated[str, AfterValidator(_zone)] = Field(default="UTC", description="For example Europe/Berlin.")
    days: Annotated[list[Day], BeforeValidator(_days, json_schema_input_type=str | list[Day])] = Field(
        default=["mon", "tue", "wed", "thu", "fri"], min_length=1, description="`mon-fri`, or a list."
    )
    hours: Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")] = Field(
        default="09:00-17:00", description="Wall-clock hours of the zone."
    )
    holidays: Annotated[str, AfterValidator(_place)] = Field(
        default="", description="A country, or a part of one: DE, DE-BY, US-CA. None by default."
    )

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        begin, _, end = self.hours.partition("-")
        if begin >= end:
            raise ValueError(f"the hours {self.hours} end before they begin; try 09:00-17:00")
        return self


class UrgentModel(Strict):
    """Records that are urgent by themselves: a field and the values that make them so."""

    field: str
    values: list[str] = Field(min_length=1)


class CasesModel(Strict):
    """How cases are worked."""

    calendar: CalendarModel | None = None
    sla: dict[Level, Duration] = Field(
        default={}, description="How long a case may stay open, in working time. Default: 1h, 4h, 16h, 40h."
    )
    always: list[Level] = Field(default=["critical"], description="Levels for which every hour counts.")
    warn: float = Field(default=0.75, gt=0, lt=1, description="Share of the time after which the end is near.")
    four_eyes: list[Guarded] = Field(
        default=list(DEFAULT_GUARDED), description="Actions that another person has to approve."
    )
    escalate_to: str = Field(
        default="", max_length=100, description="Who gets a case whose due time passed. Empty: it stays where it is."
    )
    urgent: UrgentModel | None = None
    correct: list[Corrector] = Field(
        default=["operator", "admin"], min_length=1, description="Roles that may enter a value no system holds."
    )


@dataclass(frozen=True, slots=True)
class Cases:
    """How cases are worked, filled in."""

    deadlines: Deadlines = field(default_factory=Deadlines)
    four_eyes: frozenset[str] = frozenset(DEFAULT_GUARDED)
    escalate_to: str = ""
    """Empty: a missed due time is noted, and nobody gets the case by it."""
    urgent_field: str = ""
    urgent_values: frozenset[str] = frozenset()
    correct: frozenset[str] = frozenset({"operator", "admin"})
    """Roles that may correct values, as far as they have the right; no other gets it by this."""


def cases_of(model: CasesModel) -> Cases:
    """The values of a checked block."""
    said: dict[str, float] = {str(level): each for level, each in model.sla.items()}
    return Cases(
        deadlines=Deadlines({**PLAIN_SPANS, **said}, _calendar(model.calendar), frozenset(model.always), model.warn),
        four_eyes=frozenset(model.four_eyes),
        escalate_to=model.escalate_to.strip(),
        urgent_field=model.urgent.field if model.urgent else "",
        urgent_values=frozenset(model.urgent.values) if model.urgent else frozenset(),
        correct=frozenset(model.correct),
    )


def check_cases(source: Source, model: CasesModel, types: Mapping[str, TypeFile]) -> Iterator[Problem]:
    """A field that no record type has, and values that it never holds. `types`: those of all flows."""
    if model.urgent is None:
        return
    at, name = ("cases", "urgent"), model.urgent.field
    having = [each.fields[name] for each in types.values() if name in each.fields]
    if not having:
        known = sorted({field for each in types.values() for field in each.fields})
        text = f"no record type of a flow has a field '{name}'"
        yield source.problem((*at, "field"), "unknown-field", text, nearest(name, known))
        return
    if any(each.kind != "enum" for each in having):
        return
    values = list(dict.fromkeys(value for each in having for value in each.values))
    for index, value in enumerate(model.urgent.values):
        if value not in values:
            text = f"{name} is never '{value}'"
            yield source.problem((*at, "values", index), "unknown-value", text, nearest(value, values))


def _calendar(model: CalendarModel | None) -> Calendar | None:
    if model is None:
        return None
    begin, _, end = model.hours.partition("-")
    return Calendar(
        zone=ZoneInfo(model.zone),
        days=frozenset(_WEEK.index(day) for day in model.days),
        opens=time.fromisoformat(begin),
        closes=time.fromisoformat(end),
        holidays=_holidays(model.holidays) if model.holidays else frozenset(),
    )
