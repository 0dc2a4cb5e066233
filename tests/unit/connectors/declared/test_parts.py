"""Objects whose parts, times and lists are not where one would like them: put together, looked for, read back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from connectors.contract.errors import ConfigError
from connectors.contract.values import Ref
from connectors.declared.connector import Declared
from connectors.declared.scripted import NOW
from tests.unit.connectors.declared.support import engine

DAY = 86_400.0
BEFORE = {"records": {"ticket": {"bound": NOW - 200}}, "gone": {}}
NOTES = [{"by": "us", "text": "new"}, {"by": "them", "text": "newest"}, {"by": "us", "text": "old"}]
ALSO = {
    "first": {"get": "/tickets/${id}/notes", "where": "row.by == setting.name", "take": "first"},
    "all": {"get": "/tickets/${id}/notes", "where": "row.by != setting.name"},
    "none": {"get": "/nothing/${key}", "take": "first"},
}


def shown(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


async def told(connector: Declared, cursor: Any) -> tuple[list[str], Any]:
    """One whole round: the ids it tells of."""
    ids = list[str]()
    while True:
        page = await connector.changes(cursor)
        ids += [each.snapshot.id for each in page.changes]
        cursor = page.cursor
        if not page.more:
            return ids, cursor


async def test_an_object_is_put_together_from_the_answers_that_show_its_parts() -> None:
    """`where` chooses, `first` takes one, and what is not there leaves its place empty."""
    answers = {"/tickets/7": {"id": 7, "name": "T-7"}, "/tickets/7/notes": NOTES, "/nothing/T-7": []}
    needs = {"name": {"default": "us"}}
    one = ("ticket.one", {"get": "/tickets/${id}", "also": ALSO})
    made = engine(
        lambda request: answers[request.url.path],
        *(one, ("needs", needs), ("ticket.key", "$.name"), ("ticket.whole", False)),
    )
    raw = (await made.read(Ref(object="ticket", id="7"))).raw
    assert (raw["first"]["text"], [each["text"] for each in raw["all"]], raw["none"]) == ("new", ["newest"], None)


async def test_an_object_without_an_address_is_looked_for_in_the_list() -> None:
    """On whatever page it is; what the list does not show is not there, if the sign-in still is."""
    pages = {"1": [{"id": 1}, {"id": 2}], "2": [{"id": 3}]}
    listing = {"get": "/all", "pick": "$", "page": {"kind": "page", "size": {"param": "n", "value": 2}}}

    def answer(request: httpx.Request) -> Any:
        return {} if request.url.path == "/me" else pages[request.url.params.get("page", "1")]

    made = engine(answer, ("ticket.list", listing), ("ticket.one", {"listed": True}))
    assert (await made.read(Ref(object="ticket", id="3"))).exists
    assert not (await made.read(Ref(object="ticket", id="4"))).exists


async def test_what_is_listed_and_is_no_such_object_is_passed_over_everywhere() -> None:
    rows = [{"id": 1, "rev": 1, "changed": shown(NOW)}, {"id": 2, "rev": 1, "changed": shown(NOW), "pull": {}}]
    made = engine(
        lambda request: {} if request.url.path == "/me" else rows[1] if request.url.path != "/t" else rows,
        *(("ticket.list", {"get": "/t", "pick": "$"}), ("ticket.skip", "has(row.pull)")),
    )
    assert (await told(made, BEFORE))[0] == ["1"]
    assert [each.id for each in (await made.ids("ticket", None)).listed] == ["1"]
    assert not (await made.read(Ref(object="ticket", id="2"))).exists


async def test_values_are_shown_where_mappings_write_them() -> None:
    """Also the list that our marker is one of: it is found, and hidden."""
    row = {"id": 7, "tags": [{"name": "mail"}, {"name": "lockstep-k1"}], "who": {"mail": "a@b.c"}}
    marker = {"at": "$.tags", "kind": "label", "as": "lockstep-${correlation}", "find": {"get": "/t?tag=${marker}"}}
    shows = {"tags": "$.tags[*].name", "mail": "$.who.mail"}
    made = engine(
        lambda request: [row] if request.url.path == "/t" else row, ("ticket.marker", marker), ("ticket.shows", shows)
    )
    snapshot = await made.read(Ref(object="ticket", id="7"))
    assert (snapshot.raw["tags"], snapshot.raw["mail"], snapshot.correlation) == (["mail"], "a@b.c", "k1")
    assert [each.id for each in await made.find("ticket", "k1")] == ["7"]


class Shop:
    """Objects listed newest first by when they were made, two a page; an etag for each page if asked for."""

    def __init__(self, ages: list[float]) -> None:
        self.rows = [{"id": n, "made": shown(NOW - age), "state": 0} for n, age in enumerate(ages, start=1)]
        self.asked = list[tuple[str, str, int]]()

    def __call__(self, request: httpx.Request) -> Any:
        if request.url.path == "/me":
            return {}
        number, size = int(request.url.params.get("page", 1)), int(request.url.params.get("n", 2))
        page = self.rows[(number - 1) * size : number * size]
        etag = f'"{hash(str(page))}"'
        known = request.headers.get("if-none-match", "")
        answer = httpx.Response(304 if known == etag else 200, headers={"etag": etag}, json=page)
        self.asked.append((str(number), request.url.params.get("from", ""), answer.status_code))
        return answer

    def polled(self, since: dict[str, Any], *more: tuple[str, Any], size: int = 2) -> Declared:
        page = {"kind": "page", "size": {"param": "n", "value": size}}
        listing = ("ticket.list", {"get": "/t", "pick": "$", "page": page})
        about = {"at": "$.made", "order": "newest_first", "overlap": "1s", **since}
        return engine(self, listing, ("ticket.since", about), ("ticket.version", None), *more)


async def test_a_list_by_time_of_making_is_read_back_as_far_as_objects_still_change() -> None:
    """The third was made two days ago and changed now; what is older than three days is not asked for."""
    shop = Shop([DAY / 2, DAY, 2 * DAY, 3.5 * DAY, 4 * DAY, 5 * DAY, 6 * DAY])
    for row in shop.rows:
        row["changed"] = shown(NOW if row["id"] == 3 else NOW - 10 * DAY)
    ids, _ = await told(shop.polled({"reaches_back": "3d"}), BEFORE)
    assert (ids, [number for number, *_ in shop.asked]) == (["3"], ["1", "2"])


async def test_what_shows_no_time_of_change_is_told_when_it_comes_into_sight_and_when_it_looks_otherwise() -> None:
    """A commit made yesterday and pushed now; once, however often it is listed."""
    shop = Shop([DAY, 9 * DAY])
    made = shop.polled({"param": "from", "reaches_back": "7d"}, ("ticket.updated", None))
    first, cursor = await told(made, None)
    shop.rows.insert(0, {"id": 3, "made": shown(NOW - DAY / 2), "state": 0})
    second, cursor = await told(made, cursor)
    shop.rows[1]["state"] = 1
    third, cursor = await told(made, cursor)
    fourth, _ = await told(made, cursor)
    assert (first, second, third, fourth) == ([], ["3"], ["1"], [])
    assert datetime.fromisoformat(shop.asked[-1][1]).timestamp() == pytest.approx(NOW - 7 * DAY - 1, abs=2)


async def test_a_list_that_is_as_before_is_not_sent_again() -> None:
    shop = Shop([DAY])
    made = shop.polled({"etag": True, "reaches_back": "3d"}, ("ticket.updated", None), size=50)
    _, cursor = await told(made, None)
    again, cursor = await told(made, cursor)
    assert (again, shop.asked[-1][2]) == ([], 304)
    shop.rows[0]["state"] = 1
    assert (await told(made, cursor))[0] == ["1"]
    assert shop.asked[-1][2] == 200


async def test_an_etag_stands_for_a_list_of_one_page_only() -> None:
    """The first page may be as before while the second is not."""
    shop = Shop([DAY / 4, DAY / 3, DAY / 2])
    made = shop.polled({"etag": True, "reaches_back": "3d"}, ("ticket.updated", None))
    _, cursor = await told(made, None)
    shop.rows[2]["state"] = 1
    assert (await told(made, cursor))[0] == ["3"]
    assert {status for *_, status in shop.asked} == {200}


async def test_a_request_says_from_which_object_to_which() -> None:
    asked = list[str]()

    def answer(request: httpx.Request) -> Any:
        if request.url.path == "/me":
            return {}
        asked.append(request.url.params["tree"])
        first, last = (int(each) for each in asked[-1][7:-1].split(","))
        return [{"id": n} for n in range(1, 6)][first:last]

    page = {"kind": "range", "size": {"value": 2}}
    listing = {"get": "/t", "query": {"tree": "builds{${page.from},${page.to}}"}, "pick": "$", "page": page}
    made = engine(answer, ("ticket.list", listing))
    first = await made.ids("ticket", None)
    second = await made.ids("ticket", first.cursor)
    third = await made.ids("ticket", second.cursor)
    assert asked == ["builds{0,2}", "builds{2,4}", "builds{4,6}"]
    assert [each.id for page in (first, second, third) for each in page.listed] == list("12345")
    assert third.cursor is None


@pytest.mark.parametrize(("link", "more"), [('</t?page=2>; rel="next"', True), ('</t?page=1>; rel="prev"', False)])
async def test_the_header_link_says_whether_there_is_more(link: str, more: bool) -> None:
    """An empty page with a next one is not the end, and a full one without is."""
    rows = [] if more else [{"id": 1}]
    page = {"kind": "page", "size": {"param": "n", "value": 1}}
    made = engine(
        lambda request: httpx.Response(200, headers={"link": link}, json=rows),
        ("ticket.list", {"get": "/t", "pick": "$", "page": page, "more_header": "Link"}),
    )
    assert ((await made.ids("ticket", None)).cursor is not None) is more


@pytest.mark.parametrize("path", ["a//b", "../b", "a/./b", "/a", "a/", ""])
def test_a_setting_that_is_a_path_is_seen_to_be_whole(path: str) -> None:
    needs = {"place": {"type": "path"}}
    with pytest.raises(ConfigError, match=r"without '\.', '\.\.' and empty parts"):
        engine(lambda request: {}, ("needs", needs), options={"place": path})


async def test_a_path_keeps_its_slashes_and_nothing_else() -> None:
    seen = list[httpx.Request]()
    made = engine(
        lambda request: {"id": 7},
        *(("needs", {"place": {"type": "path"}}), ("ticket.one", {"get": "/${place}/${id}"})),
        options={"place": "a b/c?d#e/%2e%2e"},
        seen=seen,
    )
    await made.read(Ref(object="ticket", id="7/8"))
    assert seen[0].url.raw_path == b"/a%20b/c%3Fd%23e/%252e%252e/7%2F8"
