"""What a parked case waits for, as people type it."""

from __future__ import annotations

import msgspec
import pytest

from dead_letter.parking import WORKS, NotAnEnd, Until, until_of
from tests.support.cases import NOW, case

MARKS = {"deploy": "v1", "mapping:incidents": "a", "connection:jira": "open", "connection:snow": WORKS}


@pytest.mark.parametrize(
    ("text", "at", "count", "events"),
    [
        ("7d", NOW + 7 * 86400, None, {}),
        ("30min", NOW + 1800, None, {}),
        ("2027-01-01", 1798761600.0, None, {}),
        ("2027-01-01T00:00+01:00", 1798758000.0, None, {}),
        ("100x", None, 103, {}),
        ("deploy", None, None, {"deploy": "v1"}),
        ("mapping", None, None, {"mapping:incidents": "a"}),
        ("connection", None, None, {"connection:jira": "open"}),
        ("7d, 100x, connection:jira", NOW + 7 * 86400, 103, {"connection:jira": "open"}),
        ("7d, 1h", NOW + 3600, None, {}),
    ],
)
def test_ends(text: str, at: float | None, count: int | None, events: dict[str, str]) -> None:
    found = until_of(text, case(count=3), MARKS, NOW)
    assert (found.at, found.count, found.events) == (at, count, events)
    assert found.text
    assert msgspec.json.decode(msgspec.json.encode(found), type=Until) == found


@pytest.mark.parametrize("text", ["", " , ", "soon", "2001-01-01", "connection:snow", "mapping:nothing", "0", "-1d"])
def test_what_is_no_end(text: str) -> None:
    with pytest.raises(NotAnEnd):
        until_of(text, case(), MARKS, NOW)


def test_nothing_came_true_yet() -> None:
    until = until_of("7d, 100x, deploy, connection", case(), MARKS, NOW)
    assert until.over(case(count=100), MARKS, NOW + 86400) == ""


@pytest.mark.parametrize(
    ("text", "count", "marks", "later", "why"),
    [
        ("1h", 1, {}, 3600, "the time came"),
        ("10x", 11, {}, 0, "it happened 11 times"),
        ("deploy", 1, {"deploy": "v2"}, 0, "another version was deployed"),
        ("mapping", 1, {"mapping:incidents": "b"}, 0, "the mapping incidents changed"),
        ("connection", 1, {"connection:jira": WORKS}, 0, "jira works again"),
    ],
)
def test_each_end_comes_true(text: str, count: int, marks: dict[str, str], later: float, why: str) -> None:
    until = until_of(text, case(), MARKS, NOW)
    assert until.over(case(count=count), {**MARKS, **marks}, NOW + later).startswith(why)


def test_what_is_not_there_any_more_does_not_end_it() -> None:
    """A connection that was taken out of the configuration has no mark: the case stays parked, and a person sees it."""
    assert until_of("connection", case(), MARKS, NOW).over(case(), {}, NOW) == ""
