"""The keyset feed, against a table with second resolution, hidden rows and late commits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.servicenow import feed
from connectors.servicenow.feed import FeedSpec, Place
from connectors.servicenow.rows import format_time

SPEC = FeedSpec(name="incident", table="incident", time="sys_updated_on", base="active=true", fields="x", version="v")
OVERLAP_S = 30


class Table:
    """Rows by id; hidden ones take up room in a page and are not shown."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[str, int]] = {}
        self.hidden: set[str] = set()

    def page(self, place: Place, limit: int) -> tuple[list[dict[str, Any]], bool]:
        ordered = sorted((at, sys_id, version) for sys_id, (at, version) in self.rows.items())
        bounds: dict[str, Callable[[tuple[str, str, int]], bool]] = {
            "round": lambda row: row[0] >= place.start,
            "same": lambda row: row[0] == place.at and row[1] > place.id,
            "after": lambda row: row[0] > place.at,
        }
        bound = bounds[place.phase]
        found = [row for row in ordered if bound(row)]
        window = found[place.offset : place.offset + limit]
        shown = [
            {"sys_updated_on": at, "sys_id": sys_id, "v": str(version)}
            for at, sys_id, version in window
            if sys_id not in self.hidden
        ]
        return shown, len(found) > place.offset + limit


ACTIONS = st.lists(
    st.tuples(st.sampled_from("abcdefghij"), st.sampled_from([0, 0, 0, 1, 40]), st.integers(0, 4), st.booleans()),
    max_size=60,
)


@settings(deadline=None)
@given(actions=ACTIONS, limit=st.integers(1, 4))
def test_every_version_that_is_shown_at_the_end_was_told(actions: list[tuple[str, int, int, bool]], limit: int) -> None:
    table, now = Table(), 1_700_000_000
    told: dict[str, str] = {}
    place = feed.begin(now, OVERLAP_S)

    def read() -> bool:
        nonlocal place
        place = feed.going_on(place, now)
        size = feed.size(place, limit)
        rows, more = table.page(place, size)
        assert all(feed.within(SPEC, place, row) for row in rows)
        assert feed.ordered(SPEC, rows)
        step = feed.step(SPEC, place, rows, more=more, limit=size, overlap_s=OVERLAP_S)
        for row in step.fresh:
            told[row["sys_id"]] = row["v"]
        place = feed.from_cursor(msgspec.json.decode(msgspec.json.encode(step.place)))
        return step.more

    for sys_id, passes, pages, hide in actions:
        now += passes
        table.rows[sys_id] = (format_time(now), table.rows.get(sys_id, ("", 0))[1] + 1)
        (table.hidden.add if hide else table.hidden.discard)(sys_id)
        for _ in range(pages):
            read()
    for _ in range(2):  # the round under way may have begun before the last edit; the one after it did not
        for _ in range(300):
            if not read():
                break
        else:
            raise AssertionError("the round does not come to an end")
    expected = {each: str(version) for each, (_, version) in table.rows.items() if each not in table.hidden}
    assert {each: told.get(each) for each in expected} == expected


def test_a_row_committed_late_is_read_again() -> None:
    table, limit = Table(), 10
    place = feed.going_on(feed.begin(1_700_000_100, OVERLAP_S), 1_700_000_101)
    table.rows["b"] = (format_time(1_700_000_100), 1)
    rows, more = table.page(place, limit)
    place = feed.step(SPEC, place, rows, more=more, limit=limit, overlap_s=OVERLAP_S).place
    table.rows["a"] = (format_time(1_700_000_090), 1)
    rows, more = table.page(place, limit)
    step = feed.step(SPEC, place, rows, more=more, limit=limit, overlap_s=OVERLAP_S)
    assert [row["sys_id"] for row in step.fresh] == ["a"]


def test_a_hidden_page_is_widened_and_only_the_widest_is_passed_over() -> None:
    place = feed.begin(1_700_000_000, OVERLAP_S)
    for expected in (200, 400, 800, 1600, 3200, 6400, 10_000):
        assert feed.size(place, 200) == expected
        place = feed.step(SPEC, place, [], more=True, limit=expected, overlap_s=OVERLAP_S).place
    assert (place.offset, feed.size(place, 200)) == (5_000, 10_000)


def test_queries() -> None:
    place = Place(start="2026-01-01 00:00:00", at="2026-01-01 00:00:05", id="abc")
    stamp = "javascript:gs.dateGenerate('2026-01-01','00:00:{}')"
    assert feed.query(SPEC, place) == (
        f"active=true^sys_updated_on>={stamp.format('00')}^ORDERBYsys_updated_on^ORDERBYsys_id"
    )
    same = msgspec.structs.replace(place, phase="same")
    assert feed.query(SPEC, same) == f"active=true^sys_updated_on={stamp.format('05')}^sys_id>abc^ORDERBYsys_id"
    after = msgspec.structs.replace(place, phase="after")
    assert feed.query(SPEC, after).startswith(f"active=true^sys_updated_on>{stamp.format('05')}^ORDERBY")
