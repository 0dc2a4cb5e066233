"""The poll's cursor, against a list that shifts while it is read, as Jira's does."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.jira import poll
from connectors.jira.poll import Cursor

OVERLAP_S = 180.0


def shown(number: int, updated: float) -> dict[str, Any]:
    at = datetime.fromtimestamp(updated, UTC).isoformat(timespec="milliseconds")
    return {
        "id": str(number),
        "fields": {"updated": at},
        "changelog": {"histories": [{"id": str(int(updated * 1000))}]},
    }


class Site:
    """Issues in order of their update, as Jira's index shows them; the bound is in whole minutes."""

    def __init__(self) -> None:
        self.updated: dict[int, float] = {}

    def page(self, jql: str, now: float, size: int) -> tuple[list[dict[str, Any]], str]:
        minutes = int(jql.partition("updated >= -")[2].partition("m")[0])
        without = {int(each) for ids in re.findall(r"NOT IN \(([^)]*)\)", jql) for each in ids.split(", ")}
        oldest = (now // 60 - minutes) * 60
        found = sorted((at, number) for number, at in self.updated.items() if at >= oldest and number not in without)
        return [shown(number, at) for at, number in found[:size]], "more" if len(found) > size else ""


ACTIONS = st.lists(st.tuples(st.integers(0, 12), st.floats(0.001, 400.0), st.integers(0, 3)), min_size=1, max_size=60)


@settings(deadline=None, max_examples=300)
@given(actions=ACTIONS, size=st.integers(1, 4), away=st.floats(0, 20_000))
def test_every_edit_is_seen(actions: list[tuple[int, float, int]], size: int, away: float) -> None:
    """Edits and pages interleave in any way; when all is quiet, the last state of every issue has been told."""
    site, now = Site(), 1_700_000_000.0
    cursor = poll.begin(now, OVERLAP_S)
    told: dict[str, str] = {}

    def read() -> bool:
        nonlocal cursor
        stands = poll.going_on(cursor, now)
        rows, token = site.page(poll.query(stands, now, project="OPS", condition=""), now, size)
        step = poll.step(stands, rows, token, overlap_s=OVERLAP_S)
        told.update({str(issue["id"]): issue["fields"]["updated"] for issue in step.fresh})
        cursor = poll.from_cursor(msgspec.to_builtins(step.cursor))
        return step.more

    for number, passes, pages in actions:
        now += passes
        site.updated[number] = now
        for _ in range(pages):
            now += 0.01
            read()
    now += away
    for _ in range(2):  # the round under way may have begun before the last edit; the one after it did not
        for _ in range(400):
            now += 0.01
            if not read():
                break
        else:
            raise AssertionError("the poll does not come to an end")
    assert told == {str(number): shown(number, at)["fields"]["updated"] for number, at in site.updated.items()}


def test_an_issue_that_moves_while_one_pages_lets_no_other_slip_past() -> None:
    """After the first page its first issue is edited: all behind move up by one, and a page token would leave one
    out.
    """
    site, now = Site(), 1_700_000_000.0
    cursor = poll.begin(now, OVERLAP_S)
    for number in range(6):
        site.updated[number] = now + number
    now += 1000
    told, more, edited = set(), True, False
    while more:
        stands = poll.going_on(cursor, now)
        rows, token = site.page(poll.query(stands, now, project="OPS", condition=""), now, 2)
        step = poll.step(stands, rows, token, overlap_s=OVERLAP_S)
        told |= {issue["id"] for issue in step.fresh}
        cursor, more = step.cursor, step.more
        if not edited:
            site.updated[0], edited = now + 0.5, True
        now += 1
    assert told == {str(number) for number in range(6)}


def test_bound_is_relative_and_reaches_back_far_enough() -> None:
    stands = poll.going_on(Cursor(bound=1000.0), 1090.0)
    assert poll.query(stands, 1090.0, project="OPS", condition="labels = x OR labels = y") == (
        'project = "OPS" AND (labels = x OR labels = y) AND updated >= -3m ORDER BY updated ASC, key ASC'
    )


def test_what_was_shown_in_the_round_is_left_out_of_its_next_query() -> None:
    stands = poll.going_on(Cursor(bound=1000.0), 1500.0)
    step = poll.step(stands, [shown(7, 1010.0), shown(8, 1400.0)], "more", overlap_s=OVERLAP_S)
    asked = poll.query(step.cursor, 1500.0, project="", condition="")
    assert asked == "updated >= -3m AND id NOT IN (8) ORDER BY updated ASC, key ASC"


def test_a_page_that_shows_nothing_is_passed_over_by_its_token() -> None:
    stands = poll.going_on(Cursor(bound=1000.0), 1500.0)
    step = poll.step(stands, [], "t", overlap_s=OVERLAP_S)
    assert (step.more, step.cursor.token) == (True, "t")
    assert poll.step(step.cursor, [shown(1, 1100.0)], "u", overlap_s=OVERLAP_S).cursor.token == ""


def test_long_lists_are_split() -> None:
    stands = Cursor(bound=0.0, started=1.0, shown={str(number): 0.0 for number in range(1200)})
    assert poll.query(stands, 1.0, project="", condition="").count("NOT IN") == 3


def test_bound_never_goes_back() -> None:
    stands = poll.going_on(Cursor(bound=1000.0), 1010.0)
    assert poll.step(stands, [], "", overlap_s=OVERLAP_S).cursor.bound == 1000.0
