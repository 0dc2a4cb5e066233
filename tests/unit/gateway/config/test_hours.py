"""Stretches of the week by the clock of a place, and how the pause between polls follows them and what happens."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from gateway.config.hours import HoursModel, MaintenanceModel, maintenance_of
from gateway.config.polling import Poll, rules_of
from gateway.delivery.pauses import maintained_at

BERLIN = ZoneInfo("Europe/Berlin")


def at(day: int, hour: int, minute: int = 0, month: int = 3) -> float:
    """2026-03-29 is the Sunday on which Berlin's clocks go from 2 to 3."""
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN).timestamp()


def model(**given: object) -> HoursModel:
    return HoursModel.model_validate({"zone": "Europe/Berlin", "for": "4h", **given})


def test_a_stretch_holds_from_its_beginning_until_just_before_its_end() -> None:
    hours = model(days="sun", **{"from": "22:00"}).hours()
    assert hours.at(at(22, 21, 59)) is None
    assert hours.at(at(22, 22)) == (at(22, 22), at(23, 2))
    assert hours.at(at(23, 1, 59)) == (at(22, 22), at(23, 2)), "past midnight"
    assert hours.at(at(23, 2)) is None
    assert hours.next(at(22, 22)) == (at(29, 22), at(29, 22) + 4 * 3600)


def test_the_wall_clock_of_the_place_counts_when_clocks_are_set() -> None:
    hours = model(days="mon-sun", **{"from": "08:00"}).hours()
    assert hours.at(at(28, 8)) is not None
    assert hours.at(at(29, 8)) is not None
    assert at(29, 8) - at(28, 8) == 23 * 3600


@pytest.mark.parametrize(("days", "wanted"), [("mon-fri", 5), ("sat-mon", 3), (["sat", "sun"], 2), ("wed", 1)])
def test_days_are_written_as_people_do(days: object, wanted: int) -> None:
    assert len(model(days=days, **{"from": "08:00"}).hours().days) == wanted


@pytest.mark.parametrize(
    "wrong", [{"from": "24:00"}, {"from": "8:00"}, {"days": "someday"}, {"zone": "Mars/Base"}, {"for": "8d"}]
)
def test_what_is_no_time_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HoursModel.model_validate({"from": "08:00", "for": "4h", **wrong})


def test_a_maintenance_is_a_pause_with_an_end_that_the_configuration_makes() -> None:
    given = [{"days": "sun", "from": "22:00", "for": "4h", "zone": "Europe/Berlin", "direction": "out"}]
    planned = {"snow": maintenance_of(map(MaintenanceModel.model_validate, given)), "jira": ()}
    assert maintained_at(planned, at(22, 21)) == []
    (pause,) = maintained_at(planned, at(22, 23))
    assert (pause.connection, pause.direction, pause.until) == ("snow", "out", at(23, 2))


def poll(**given: object) -> Poll:
    return Poll.model_validate({"every": "60s", **given})


def test_without_more_words_the_pause_is_always_the_same() -> None:
    rules = rules_of(poll())
    assert [rules.next_s(60.0, new, at(22, 12)) for new in (0, 1, 100)] == [60.0, 60.0, 60.0]


def test_the_pause_becomes_shorter_while_polls_find_something_and_longer_while_they_do_not() -> None:
    rules = rules_of(poll(fastest="10s", slowest="5m"))
    pauses = [60.0]
    for _ in range(4):
        pauses.append(rules.next_s(pauses[-1], 3, at(22, 12)))
    assert pauses == [60.0, 30.0, 15.0, 10.0, 10.0]
    for _ in range(20):
        pauses.append(rules.next_s(pauses[-1], 0, at(22, 12)))
    assert pauses[5] == 15.0
    assert pauses[-1] == 300.0


def test_at_night_a_quiet_system_is_asked_seldom_and_a_busy_one_is_not() -> None:
    business = {"days": "mon-fri", "from": "08:00", "for": "10h", "zone": "Europe/Berlin"}
    rules = rules_of(poll(fastest="10s", slowest="5m", business=business))
    assert rules.next_s(20.0, 0, at(24, 3)) == 300.0
    assert rules.next_s(20.0, 1, at(24, 3)) == 10.0
    assert rules.next_s(20.0, 0, at(24, 12)) == 30.0


def test_in_a_peak_the_pause_is_no_longer_than_the_peaks() -> None:
    peak = {"days": "mon-fri", "from": "08:00", "for": "2h", "zone": "Europe/Berlin", "every": "15s"}
    rules = rules_of(poll(slowest="5m", peaks=[peak]))
    assert rules.next_s(300.0, 0, at(24, 9)) == 15.0
    assert rules.next_s(300.0, 0, at(24, 11)) == 300.0
