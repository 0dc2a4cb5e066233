"""Nothing that changed is left out, whatever moves while one pages, and what was told is not told again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract.errors import CredentialsError, Refused
from connectors.contract.values import ChangeKind
from connectors.declared.connector import Declared
from connectors.declared.scripted import NOW
from tests.unit.connectors.declared.support import URL, engine

SIZE = {"param": "limit", "value": 3}
PAGES: dict[str, dict[str, Any]] = {
    "page": {"kind": "page", "size": SIZE},
    "offset": {"kind": "offset", "size": SIZE},
    "cursor": {"kind": "cursor", "from": "$.next", "to": "after", "size": SIZE},
    "next_url": {"kind": "next_url", "from": "$.next_url", "size": SIZE},
    "link_header": {"kind": "link_header", "size": SIZE},
    "id_after": {"kind": "id_after", "param": "id_after", "of": "$.id", "size": SIZE},
}


def shown(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


class Desk:
    """Tickets sorted by time of change, as most systems list them: `edit` moves one to the end, between two pages."""

    def __init__(self, count: int, edits: list[int]) -> None:
        self.tickets: list[dict[str, Any]] = [
            {"id": n, "rev": 1, "changed": shown(NOW - 100 + n // 2)} for n in range(1, count + 1)
        ]
        self.edits, self.clock = edits, NOW
        self.asked = 0

    def __call__(self, request: httpx.Request) -> Any:
        if request.url.path == "/me":
            return {}
        if self.asked and self.edits:
            self.edit(self.edits.pop(0))
        self.asked += 1
        query = request.url.params
        since = query.get("from", "")
        by_id = "id_after" in query or query.get("sort") == "id"
        rows = sorted(self.tickets, key=lambda each: each["id"] if by_id else (each["changed"], each["id"]))
        rows = [
            row for row in rows if not since or datetime.fromisoformat(row["changed"]) >= datetime.fromisoformat(since)
        ]
        begin = self._begin(query, rows)
        page = rows[begin : begin + 3]
        more = begin + 3 < len(rows)
        # A cursor holds the place itself, not a count: what moves on is met again later.
        last = page[-1] if page else {}
        token = f"{last.get('changed')}|{last.get('id')}" if more else None
        url = f"/tickets?limit=3&from={since}&after={token}".replace("+", "%2B") if more else None
        headers = {"link": f'<{URL}{url}>; rel="next"'} if more else {}
        return httpx.Response(200, json={"items": page, "next": token, "next_url": url}, headers=headers)

    def _begin(self, query: httpx.QueryParams, rows: list[dict[str, Any]]) -> int:
        if "page" in query:
            return (int(query["page"]) - 1) * 3
        if "offset" in query:
            return int(query["offset"])
        if "id_after" in query:
            return sum(row["id"] <= int(query["id_after"]) for row in rows)
        if query.get("after"):
            changed, _, id = query["after"].partition("|")
            return sum((row["changed"], row["id"]) <= (changed, int(id)) for row in rows)
        return 0

    def edit(self, number: int) -> None:
        ticket = next(each for each in self.tickets if each["id"] == number)
        self.clock += 1
        ticket["rev"] += 1
        ticket["changed"] = shown(self.clock)


def polled(page: str, desk: Desk) -> Declared:
    query = {"sort": "id"} if page == "id_after" else {}
    listing = {"get": "/tickets", "pick": "$.items[*]", "page": PAGES[page], "query": query}
    order = "none" if page == "id_after" else "oldest_first"
    # Hardly any overlap: a row that is lost while paging would not come again by itself.
    since = {"param": "from", "order": order, "overlap": "1s"}
    return engine(desk, ("ticket.list", listing), ("ticket.since", since))


async def round_of(connector: Declared, cursor: Any) -> tuple[list[tuple[str, int | None]], Any]:
    told = []
    for _ in range(100):
        page = await connector.changes(cursor)
        told += [(each.snapshot.id, each.snapshot.version) for each in page.changes]
        cursor = page.cursor
        if not page.more:
            return told, cursor
    raise AssertionError("the round does not end")


BEFORE = {"records": {"ticket": {"bound": NOW - 200}}, "gone": {}}


@pytest.mark.parametrize("page", PAGES)
@settings(deadline=None, max_examples=40)
@given(count=st.integers(0, 14), edits=st.lists(st.integers(1, 14), max_size=6))
def test_every_ticket_is_told_in_its_last_state_and_none_twice(page: str, count: int, edits: list[int]) -> None:
    async def run() -> None:
        desk = Desk(count, [each for each in edits if each <= count])
        connector = polled(page, desk)
        told, cursor = await round_of(connector, BEFORE)
        while desk.edits:
            more, cursor = await round_of(connector, cursor)
            told += more
        quiet, cursor = await round_of(connector, cursor)
        told += quiet
        assert len(told) == len(set(told)), "a state was told twice"
        assert {(str(each["id"]), each["rev"]) for each in desk.tickets} <= set(told)
        assert (await round_of(connector, cursor))[0] == []

    asyncio.run(run())


async def test_the_first_poll_tells_nothing_old_and_asks_from_there_on() -> None:
    seen: list[httpx.Request] = []
    desk = Desk(3, [])
    desk.tickets[0]["changed"] = shown(NOW - 9000)
    connector = engine(desk, ("ticket.since", {"param": "from", "order": "oldest_first"}), seen=seen)
    page = await connector.changes(None)
    assert [each.snapshot.id for each in page.changes] == ["2", "3"]
    assert dict(seen[1].url.params)["from"] == "2026-11-21T11:58:00.000Z"


async def test_without_times_what_differs_is_told() -> None:
    rows: list[dict[str, Any]] = [{"id": 1, "title": "a"}, {"id": 2, "title": "b"}]
    connector = engine(lambda request: {"items": rows}, ("ticket.version", None), ("ticket.updated", None))
    first, cursor = await round_of(connector, None)
    rows[1]["title"] = "c"
    rows.append({"id": 3, "title": "new"})
    second, cursor = await round_of(connector, cursor)
    third, _ = await round_of(connector, cursor)
    assert (first, second, third) == ([], [("2", None), ("3", None)], [])


async def test_newest_first_ends_at_what_was_told_before() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> Any:
        if request.url.path == "/me":
            return {}
        page = int(request.url.params.get("page", "1"))
        return {"items": [{"id": page * 10 + n, "rev": 1, "changed": shown(NOW - page * 100 - n)} for n in range(3)]}

    listing = {"get": "/tickets", "pick": "$.items[*]", "page": PAGES["page"]}
    connector = engine(answer, ("ticket.list", listing), ("ticket.since", {"order": "newest_first"}), seen=seen)
    told, _ = await round_of(connector, {"records": {"ticket": {"bound": NOW - 150}}})
    assert [each for each, _ in told] == ["10", "11", "12"]
    assert len([each for each in seen if each.url.path == "/tickets"]) == 2, "older pages are not read"


async def test_an_empty_round_of_a_dead_token_moves_nothing() -> None:
    """Systems that serve a dead token as nobody's answer with fewer rows, or none."""

    def answer(request: httpx.Request) -> Any:
        return (
            httpx.Response(200, json={"items": []}) if request.url.path == "/tickets" else httpx.Response(403, json={})
        )

    with pytest.raises(CredentialsError):
        await engine(answer).changes(BEFORE)


@pytest.mark.parametrize(
    "url", ["https://evil.test/tickets?page=2", "//evil.test/x", "https://desk.test:444/", "http://desk.test/"]
)
@pytest.mark.parametrize("how", ["link_header", "next_url"])
async def test_a_next_page_on_another_host_is_not_followed(how: str, url: str) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200, json={"items": [{"id": 1}], "next_url": url}, headers={"link": f'<{url}>; rel="next"'}
        )

    listing = {"get": "/tickets", "pick": "$.items[*]", "page": PAGES[how]}
    with pytest.raises(Refused, match="another host"):
        await engine(answer, ("ticket.list", listing), seen=seen).changes(BEFORE)
    assert {each.url.host for each in seen} == {"desk.test"}


async def test_redirects_are_not_followed() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": "https://evil.test/"})

    with pytest.raises(Exception, match="302"):
        await engine(answer, seen=seen).changes(BEFORE)
    assert {each.url.host for each in seen} == {"desk.test"}


async def test_what_was_deleted_is_told_with_one_key() -> None:
    def answer(request: httpx.Request) -> Any:
        return {"ids": [4, 5]} if request.url.path == "/gone" else {"items": []}

    gone = {"get": "/gone", "pick": "$.ids[*]", "id": "$", "param": "since", "as": "epoch_s"}
    connector = engine(answer, ("ticket.gone", gone))
    keys = []
    cursor: Any = BEFORE
    for _ in range(2):
        page = await connector.changes(cursor)
        cursor = page.cursor
        assert [each.kind for each in page.changes] == [ChangeKind.DELETED] * 2
        keys += [each.delivery_key for each in page.changes]
    assert keys[:2] == keys[2:] == ["ticket:4:deleted", "ticket:5:deleted"]


async def test_ids_go_over_every_page_whatever_their_time() -> None:
    desk = Desk(7, [])
    connector = polled("page", desk)
    found, cursor = [], None
    while True:
        page = await connector.ids("ticket", cursor)
        found += [each.id for each in page.listed]
        cursor = page.cursor
        if cursor is None:
            break
    assert sorted(found, key=int) == [str(n) for n in range(1, 8)]


async def test_a_page_that_shows_nothing_is_not_the_end_where_the_system_says_so() -> None:
    """Systems that hide what one may not see after they have cut the pages show empty ones in between."""
    pages = [["a"], [], ["b"]]

    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page", "1"))
        rows = [{"id": each} for each in pages[number - 1]]
        return httpx.Response(200, json={"items": rows}, headers={"x-next": str(number + 1) if number < 3 else ""})

    listing = {"get": "/tickets", "pick": "$.items[*]", "page": PAGES["page"], "more_header": "X-Next"}
    connector = engine(answer, ("ticket.list", listing))
    found, cursor = list[str](), None
    for _ in pages:
        page = await connector.ids("ticket", cursor)
        found += [each.id for each in page.listed]
        cursor = page.cursor
    assert (found, cursor) == (["a", "b"], None)
