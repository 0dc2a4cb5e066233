"""Who is told, and when."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.config.notifications import Rule, quiet_of
from gateway.notify.facts import Facts, Kind
from gateway.notify.routing import channels_for, end_of_quiet

BERLIN = "22:00-06:00 Europe/Berlin"


def at(text: str, zone: str = "Europe/Berlin") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def facts(**given: Any) -> Facts:
    return Facts(text="", path="/c/FO-1", **given)


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-03-10T21:59:59", None),
        ("2026-03-10T22:00:00", "2026-03-11T06:00:00"),
        ("2026-03-11T05:59:59", "2026-03-11T06:00:00"),
        ("2026-03-11T06:00:00", None),
        ("2026-03-28T23:00:00", "2026-03-29T06:00:00"),  # the night in which the clocks go forward
        ("2026-10-24T23:00:00", "2026-10-25T06:00:00"),  # and back
    ],
)
def test_quiet_hours_over_midnight(now: str, end: str | None) -> None:
    assert end_of_quiet(quiet_of(BERLIN), at(now)) == (at(end) if end else at(now))


def test_quiet_hours_within_a_day() -> None:
    noon = quiet_of("12:00-13:00 UTC")
    assert end_of_quiet(noon, at("2026-03-10T12:30", "UTC")) == at("2026-03-10T13:00", "UTC")
    assert end_of_quiet(noon, at("2026-03-10T13:00", "UTC")) == at("2026-03-10T13:00", "UTC")


@pytest.mark.parametrize("text", ["", "22-06 UTC", "22:00-06:00", "22:00-06:00 Nowhere/City", "25:00-06:00 UTC"])
def test_what_are_no_hours(text: str) -> None:
    with pytest.raises(ValueError, match="try '22:00-06:00 Europe/Berlin'"):
        quiet_of(text)


@pytest.mark.parametrize(
    ("kind", "level", "held"),
    [
        (Kind.OPENED, "high", True),
        (Kind.GROWING, "normal", True),
        (Kind.RECOVERED, "normal", True),
        (Kind.SLA_NEAR, "normal", True),
        (Kind.SLA_MISSED, "low", False),
        (Kind.ESCALATED, "low", False),
        (Kind.OPENED, "critical", False),
        (Kind.RECOVERED, "critical", False),
    ],
)
def test_only_what_is_urgent_wakes_people(kind: Kind, level: str, held: bool) -> None:
    night = at("2026-03-11T03:00")
    to = channels_for(kind, facts(level=level), [Rule("ops", quiet=quiet_of(BERLIN))], night)
    assert to == {"ops": at("2026-03-11T06:00") if held else night}


def test_rules_add_up_and_the_earliest_counts() -> None:
    night = at("2026-03-11T03:00")
    rules = [Rule("ops", quiet=quiet_of(BERLIN)), Rule("ops", connections=frozenset({"snow"})), Rule("log")]
    assert channels_for(Kind.OPENED, facts(connections=("jira",)), rules, night) == {
        "ops": at("2026-03-11T06:00"),
        "log": night,
    }
    assert channels_for(Kind.OPENED, facts(connections=("jira", "snow")), rules, night)["ops"] == night


@pytest.mark.parametrize(
    ("rule", "kind", "told"),
    [
        (Rule("ops", events=frozenset({"opened"})), Kind.GROWING, False),
        (Rule("ops", connections=frozenset({"jira"})), Kind.OPENED, False),
        (Rule("ops", connections=frozenset({"snow"})), Kind.OPENED, True),
        (Rule("ops", least="high"), Kind.OPENED, False),
        (Rule("ops", least="normal"), Kind.OPENED, True),
        (Rule("ops", least="critical"), Kind.RUN_FINISHED, True),  # a run has no level
        (Rule("ops"), Kind.CHANNEL_FAILED, False),  # goes to the fallback, by no rule
    ],
)
def test_a_rule_chooses(rule: Rule, kind: Kind, told: bool) -> None:
    assert bool(channels_for(kind, facts(connections=("snow",), level="normal"), [rule], 0.0)) is told


def test_a_rule_for_some_causes_hears_of_no_others() -> None:
    rule = Rule("security", causes=frozenset({"leaver.past_due"}))
    late, other = facts(level="high", cause="leaver.past_due"), facts(level="high", cause="target.refused")
    now = at("2026-03-10T12:00:00")
    assert channels_for(Kind.OPENED, late, [rule], now) == {"security": now}
    assert channels_for(Kind.OPENED, other, [rule], now) == {}
