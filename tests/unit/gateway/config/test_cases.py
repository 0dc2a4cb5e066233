"""`cases:` of the configuration: calendars, deadlines, and what needs a second person."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from dead_letter.classify import ActionName
from gateway.config.cases import DEFAULT_GUARDED, Cases, CasesModel, Guarded, cases_of


def made(**said: Any) -> Cases:
    return cases_of(CasesModel.model_validate(said))


def test_without_a_word_every_hour_counts_and_dangerous_things_need_two() -> None:
    found = made()
    assert found.deadlines.calendar is None
    assert found.deadlines.of("high", 0.0) == (4 * 3600.0, 3 * 3600.0)
    assert found.four_eyes == frozenset(DEFAULT_GUARDED)


def test_a_calendar_of_a_place() -> None:
    said = {"zone": "Europe/Berlin", "days": "mon-fri", "hours": "08:00-18:00", "holidays": "DE-BY"}
    calendar = made(calendar=said).deadlines.calendar
    assert calendar is not None
    assert (calendar.days, calendar.opens, calendar.closes) == (frozenset(range(5)), time(8), time(18))
    assert not calendar.works_on(date(2026, 1, 6)), "Epiphany is a holiday in Bavaria"
    assert calendar.works_on(date(2026, 1, 7))
    friday = datetime(2026, 11, 20, 17, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    monday = datetime(2026, 11, 23, 11, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    assert made(calendar=said, sla={"high": "4h"}).deadlines.of("high", friday)[0] == monday


@pytest.mark.parametrize(
    ("days", "found"),
    [("sat-mon", {5, 6, 0}), ("wed", {2}), (["mon", "thu"], {0, 3}), ("mon-sun", set(range(7)))],
)
def test_days(days: Any, found: set[int]) -> None:
    calendar = made(calendar={"days": days}).deadlines.calendar
    assert calendar is not None and calendar.days == found


def test_one_span_of_several_may_be_said() -> None:
    deadlines = made(sla={"critical": "30m"}, warn=0.5).deadlines
    assert deadlines.of("critical", 0.0) == (1800.0, 900.0)
    assert deadlines.of("low", 0.0)[0] == 40 * 3600.0


@pytest.mark.parametrize(
    "said",
    [
        {"calendar": {"zone": "Atlantis"}},
        {"calendar": {"zone": "../etc/passwd"}},
        {"calendar": {"days": "mon-someday"}},
        {"calendar": {"days": []}},
        {"calendar": {"hours": "17:00-09:00"}},
        {"calendar": {"hours": "9-5"}},
        {"calendar": {"holidays": "Atlantis"}},
        {"calendar": {"holidays": "DE-Atlantis"}},
        {"sla": {"urgent": "1h"}},
        {"sla": {"high": "soon"}},
        {"warn": 1.5},
        {"four_eyes": ["dance"]},
        {"urgent": {"field": "priority", "values": []}},
    ],
)
def test_what_cannot_be_meant(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        made(**said)


def test_every_guarded_action_exists() -> None:
    known = {*ActionName, "bulk_discard"}
    assert set(Guarded.__args__) <= known  # type: ignore[attr-defined]
