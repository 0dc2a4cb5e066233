"""The poll of a server that counts its rows: nothing is passed over when rows move."""

from __future__ import annotations

from typing import Any

from connectors.scim.poll import MOST_ANEW, Cursor, Shown, begin, going_on, step


def round_of(pages: list[list[str]], total: int, cursor: Cursor) -> tuple[list[str], Cursor, bool]:
    told: list[str] = []
    more = True
    for ids in pages:
        rows: list[Any] = [{"id": each} for each in ids]
        done = step(cursor, Shown(rows=rows, total=total, count=3), {}, overlap_s=10.0, compares=True)
        told += [row["id"] for row in done.fresh]
        cursor, more = done.cursor, done.more
    return told, cursor, more


def loud() -> Cursor:
    return going_on(begin(1000.0, 10.0, compares=False), 1000.0)


def test_pages_overlap_by_a_row() -> None:
    told, cursor, more = round_of([["a", "b", "c"], ["c", "d", "e"]], 5, loud())
    assert (told, more) == (["a", "b", "c", "d", "e"], False)
    assert (cursor.at, cursor.started, cursor.bound) == (1, 0.0, 990.0)


def test_a_row_that_went_makes_the_round_begin_anew() -> None:
    told, cursor, more = round_of([["a", "b", "c"], ["d", "e"]], 4, loud())
    assert (told, cursor.at, cursor.anew, more) == (["a", "b", "c"], 1, 1, True)
    told, cursor, more = round_of([["b", "c", "d"], ["d", "e"]], 4, cursor)
    assert (told, more) == (["d", "e"], False), "d would have been passed over"


def test_a_server_without_any_order_is_read_to_its_end_all_the_same() -> None:
    cursor, more = loud(), True
    for _ in range(MOST_ANEW):
        _, cursor, more = round_of([["a", "b"], ["x", "y"]], 4, cursor)
        assert more
    _, cursor, more = round_of([["a", "b"], ["x", "y"], ["y", "z"]], 4, cursor)
    assert not more


def test_what_is_there_at_first_is_no_news_where_only_comparing_tells() -> None:
    first = going_on(begin(1000.0, 10.0, compares=True), 1000.0)
    told, cursor, _ = round_of([["a", "b"]], 2, first)
    assert told == []
    told, cursor, _ = round_of([["a", "b", "c"]], 3, going_on(cursor, 1001.0))
    assert told == ["c"]


def test_a_page_that_hides_its_rows_is_passed_over_and_not_taken_for_the_end() -> None:
    told, cursor, more = round_of([["a", "b", "c"], []], 8, loud())
    assert (told, cursor.at, cursor.last, more) == (["a", "b", "c"], 6, "", True)
    told, _, more = round_of([["f", "g", "h"]], 8, cursor)
    assert (told, more) == (["f", "g", "h"], False)
    told, _, more = round_of([[]], 3, loud())
    assert (told, more) == ([], False)
