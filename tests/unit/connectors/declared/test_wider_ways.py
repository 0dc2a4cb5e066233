"""Ways of systems that say things elsewhere: the time in a query language, pages in a posted body, several events in
one webhook, reasons and limits in headers of their own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import httpx
import orjson
import pytest

from connectors.contract.errors import MalformedError, Refused, SignatureError
from connectors.contract.values import ChangeKind, Received, Ref, Webhook, Write, WriteKind
from connectors.declared import poll
from connectors.declared.scripted import NOW
from connectors.declared.slots import fill_query
from connectors.declared.telling import to_items
from tests.unit.connectors.declared.support import URL, engine, file_of, told

SECRET = "s3cret"
UPSERT = {"patch": "/tickets/by-ref/${marker}", "once": "upsert", "returns": {"id": "$.id"}}
MARKER = {"at": "$.ref", "find": {"get": "/tickets/by-ref/${marker}", "pick": "$", "absent": [404]}}


def cursor(bound: float, **more: Any) -> dict[str, Any]:
    return {"records": {"ticket": {"bound": bound, **more}}, "gone": {}}


async def test_the_time_stands_in_the_query_where_the_list_says_so() -> None:
    seen: list[httpx.Request] = []
    listing = {"get": "/q", "query": {"q": "SELECT x WHERE stamp >= ${since} ORDER BY stamp"}, "pick": "$.items[*]"}
    since = {"as": "rfc3339_s", "order": "oldest_first", "overlap": "1s"}
    connector = engine(lambda r: {"items": []}, ("ticket.list", listing), ("ticket.since", since), seen=seen)
    await connector.changes(cursor(NOW + 0.7))
    assert seen[0].url.params["q"] == "SELECT x WHERE stamp >= 2026-11-21T12:00:00Z ORDER BY stamp"
    await connector.ids("ticket", None)
    assert "stamp >= 1970-01-01T00:00:00Z" in seen[-2].url.params["q"], "all ids are asked for, however old"


@pytest.mark.parametrize("value", ["O'Hara", "back\\slash"])
def test_a_value_does_not_end_the_quotation_it_stands_in(value: str) -> None:
    with pytest.raises(Refused, match="would end the quotation"):
        fill_query("Name = '${name}' AND a = 1", {"name": value})
    assert fill_query("name:${name}", {"name": value}) == f"name:{value}", (
        "outside quotation marks there is none to end"
    )
    assert fill_query("Name = '${name}'", {"name": 'a "b" c'}) == "Name = 'a \"b\" c'"


async def test_pages_and_time_go_into_the_body_of_a_search_and_the_time_moves_up() -> None:
    """A token that is a position misses rows that move, so the search begins anew behind what it has shown."""
    seen: list[Any] = []

    def answer(request: httpx.Request) -> Any:
        if request.url.path == "/me":
            return {}
        body = orjson.loads(request.content)
        seen.append(body)
        first = len(seen) == 1
        rows = [{"id": len(seen), "changed": f"2026-11-21T12:00:0{len(seen)}Z"}]
        return {"items": rows, "next": "2" if first else None}

    page = {"kind": "cursor", "from": "$.next", "to": "after", "counted": True, "size": {"param": "limit", "value": 2}}
    listing = {"post": "/search", "body": {"from": "${since}"}, "pick": "$.items[*]", "params_in": "body", "page": page}
    since = {"as": "epoch_ms", "order": "oldest_first"}
    changed = ("ticket.list", listing), ("ticket.since", since), ("ticket.version", None)
    connector = engine(answer, *changed)
    first = await connector.changes(cursor(NOW))
    await connector.changes(first.cursor)
    assert seen == [{"from": "1795262400000", "limit": 2}, {"from": "1795262401000", "limit": 2}]


async def test_a_size_may_be_said_by_a_header() -> None:
    seen: list[httpx.Request] = []
    size = {"header": "X-Options", "as": "batchSize=${size}", "value": 2000}
    page = ("ticket.list.page", {"kind": "next_url", "from": "$.next", "size": size})
    connector = engine(lambda r: {"items": []}, page, seen=seen, options={"page_size": 3})
    await connector.ids("ticket", None)
    assert seen[0].headers["x-options"] == "batchSize=3"


async def test_what_is_there_is_listed_elsewhere_than_what_changed() -> None:
    everything = ("ticket.all", {"get": "/everything", "pick": "$.items[*]"})
    connector = engine(lambda r: {"items": [{"id": 7}] if r.url.path == "/everything" else []}, everything)
    assert [each.id for each in (await connector.ids("ticket", None)).listed] == ["7"]


async def test_a_status_may_say_that_nothing_carries_the_marker() -> None:
    def answer(request: httpx.Request) -> Any:
        if request.url.path.endswith("c-1"):
            return {"id": 7, "ref": "c-1"}
        return {} if request.url.path == "/me" else httpx.Response(404, json={})

    connector = engine(answer, ("ticket.marker", MARKER), ("ticket.writes.create", UPSERT))
    assert [each.id for each in await connector.find("ticket", "c-1")] == ["7"]
    assert await connector.find("ticket", "c-2") == []


async def test_an_upsert_names_the_key_in_its_address_only() -> None:
    seen: list[httpx.Request] = []
    connector = engine(lambda r: {"id": 7}, ("ticket.marker", MARKER), ("ticket.writes.create", UPSERT), seen=seen)
    write = Write(kind=WriteKind.CREATE, object="ticket", operation="o", correlation="c-1", values={"title": "x"})
    assert (await connector.apply(write)).ref == Ref(object="ticket", id="7")
    assert (seen[0].url.path, orjson.loads(seen[0].content)) == ("/tickets/by-ref/c-1", {"title": "x"})
    spec = connector.specs["ticket"]
    assert spec.marker and spec.key_s > 1e9, "looked for first, and sent again without harm"


def test_an_upsert_without_its_key_is_no_proof() -> None:
    nameless = {**UPSERT, "patch": "/tickets/new"}
    said = told(("ticket.marker", MARKER), ("ticket.writes.create", nameless))
    assert len(said) == 1 and said[0].startswith("proof: an upsert names our key")
    assert "needs a place for it" in told(("ticket.writes.create", UPSERT))[0]


HOOKS: dict[str, Any] = {
    "verify": {"kind": "token", "header": "X-Token"},
    "delivery": {"at": ["$.sub", "$.when"]},
    "each": ["$.things", "$"],
    "events": [
        {"when": "body.kind == 'deleted'", "record": "ticket", "id": "$.ids[*]", "then": "deleted"},
        {"when": "body.kind == 'changed'", "record": "ticket", "id": "$.ids[*]"},
    ],
}


def receive(body: Any) -> Received:
    connector = engine(lambda r: {}, ("webhooks", HOOKS), webhook_secret=SECRET)
    return connector.receive(Webhook(headers={"x-token": SECRET}, body=orjson.dumps(body), received_at=NOW))


def thing(kind: str, *ids: Any, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "ids": list(ids), "sub": 1, "when": 2, **more}


@pytest.mark.parametrize("wrap", [lambda things: things, lambda things: {"things": things}])
def test_one_webhook_tells_of_several_things(wrap: Any) -> None:
    got = receive(wrap([thing("changed", 1, 2), thing("other", 3), thing("deleted", 4), thing("changed", 1, when=3)]))
    kinds = [(each.kind, each.snapshot.id, each.delivery_key.rpartition("delivery:")[2]) for each in got.changes]
    hint, gone = ChangeKind.HINT, ChangeKind.DELETED
    assert kinds == [(hint, "1", "1:2"), (hint, "2", "1:2"), (gone, "4", "1:2"), (hint, "1", "1:3")]


def test_a_single_thing_needs_no_list_around_it() -> None:
    assert [each.snapshot.id for each in receive(thing("changed", 7)).changes] == ["7"]


def test_nonsense_beside_something_that_is_understood_does_not_take_it_away() -> None:
    assert len(receive([thing("changed"), 7, thing("changed", 1)]).changes) == 1
    with pytest.raises(MalformedError):
        receive([thing("changed"), thing("other", 1)])
    assert receive([thing("other", 1)]).ignored == "the connector file names no such event"
    assert receive([]).ignored == "the body holds no events"


def test_several_things_of_one_delivery_have_keys_of_their_own() -> None:
    hooks = {**HOOKS, "delivery": {"header": "X-Id"}}
    connector = engine(lambda r: {}, ("webhooks", hooks), webhook_secret=SECRET)
    body = orjson.dumps([thing("changed", 1), thing("changed", 1)])
    webhook = Webhook(headers={"x-token": SECRET, "x-id": "d"}, body=body, received_at=NOW)
    assert len({each.delivery_key for each in connector.receive(webhook).changes}) == 2


@pytest.mark.parametrize(
    ("option", "called"), [("", URL), ("https://hooks.example.com/h", "https://hooks.example.com/h")]
)
def test_the_address_may_be_part_of_a_signature(option: str, called: str) -> None:
    verify = {"kind": "hmac_sha256", "header": "X-Sign", "as": "base64", "over": "POST${url}${raw}"}
    hooks = {"verify": verify, "events": [{"record": "ticket", "id": "$.id"}]}
    connector = engine(lambda r: {}, ("webhooks", hooks), webhook_secret=SECRET, options={"webhook_url": option})
    body = b'{"id": 7}'
    digest = hmac.new(SECRET.encode(), b"POST" + called.encode() + body, hashlib.sha256).digest()
    headers = {"x-sign": base64.b64encode(digest).decode()}
    assert connector.receive(Webhook(headers=headers, body=body, url=URL, received_at=NOW)).changes
    elsewhere = Webhook(headers=headers, body=body, url="https://elsewhere.test", received_at=NOW)
    if not option:
        with pytest.raises(SignatureError):
            connector.receive(elsewhere)


async def test_the_reason_may_stand_in_a_header() -> None:
    rule = {"when": "status == 400", "do": "reject", "say_header": "X-Why"}
    refusing = httpx.Response(400, headers={"X-Why": "no such field"})
    connector = engine(lambda r: refusing, ("errors", [rule]))
    with pytest.raises(Refused, match="no such field") as caught:
        await connector.read(Ref(object="ticket", id="7"))
    assert caught.value.said == "no such field"


@pytest.mark.parametrize(
    ("patterns", "headers", "left"),
    [
        ([("X-Info", r"usage=(?P<used>\d+)/(?P<limit>\d+)")], {"X-Info": "usage=18/5000"}, (5000, 4982)),
        ([("X-Max", r"(?P<limit>\d+)"), ("X-Left", r"(?P<remaining>\d+)")], {"X-Max": "100", "X-Left": "7"}, (100, 7)),
        ([("X-Info", r"usage=(?P<used>\d+)/(?P<limit>\d+)")], {"X-Info": "none"}, (None, None)),
    ],
)
async def test_headers_of_its_own_tell_what_is_left(patterns: Any, headers: Any, left: Any) -> None:
    told = [{"header": name, "pattern": pattern} for name, pattern in patterns]
    connector = engine(lambda r: httpx.Response(200, json={"id": 7}, headers=headers), ("budget", {"told": told}))
    await connector.read(Ref(object="ticket", id="7"))
    assert (connector.allowance().limit, connector.allowance().remaining) == left


async def test_a_key_may_be_the_user_of_basic_auth() -> None:
    seen: list[httpx.Request] = []
    connector = engine(
        lambda r: {"id": 7},
        ("auth", {"kind": "api_key", "basic": True}),
        auth={"api_key": {"key": "k-secret"}},
        seen=seen,
    )
    await connector.read(Ref(object="ticket", id="7"))
    assert base64.b64decode(seen[0].headers["authorization"].split()[1]) == b"k-secret:x"


THIN = ("ticket.whole", False), ("ticket.version", None), ("ticket.since", {"param": "from", "overlap": "60s"})


def test_a_thin_row_changed_again_within_its_second_is_told_again() -> None:
    """It shows the same time as before, so only the clock can say that it may be another state."""
    record = file_of(*THIN).records["ticket"]
    row = {"id": 7, "changed": "2026-11-21T12:00:00Z"}
    began = poll.going_on(record, poll.begin(record, NOW), NOW + 0.3)
    first = poll.step(record, began, [row], None)
    again = poll.step(record, poll.going_on(record, first.cursor, NOW + 5), [row], None)
    last = poll.step(record, poll.going_on(record, again.cursor, NOW + 10), [row], None)
    assert [len(each.fresh) for each in (first, again, last)] == [1, 1, 0]


def test_comments_may_say_who_sees_them_the_other_way_round() -> None:
    file = file_of(("ticket.comments", {"get": "/c", "text": "$.t", "public": "$.shown"}))
    shape = file.records["ticket"].comments
    assert shape is not None
    kinds = [each.kind for each in to_items(shape, [{"id": 1, "shown": True}, {"id": 2, "shown": False}, {"id": 3}])]
    assert kinds == ["comment", "work_note", "comment"]


async def test_a_systems_own_text_for_nothing_is_read_as_nothing() -> None:
    row = {"id": 7, "ends": "0000-00-00", "jobs": [{"ends": "0000-00-00", "begins": "2020-01-01"}]}
    connector = engine(lambda r: row, ("ticket.nothing", ["0000-00-00"]))
    raw = (await connector.read(Ref(object="ticket", id="7"))).raw
    assert raw == {"id": 7, "ends": None, "jobs": [{"ends": None, "begins": "2020-01-01"}]}


async def test_a_next_page_that_is_not_known_any_more_begins_the_round_anew_once() -> None:
    """Query locators end. A round that was stored over the night would be refused for ever."""

    def answer(request: httpx.Request) -> Any:
        if request.url.path == "/page2":
            return httpx.Response(400, json={})
        return {"items": [{"id": 7, "rev": 1, "changed": "2026-11-21T12:00:00Z"}], "next": "/page2"}

    page = ("ticket.list.page", {"kind": "next_url", "from": "$.next"})
    connector = engine(answer, page)
    first = await connector.changes(cursor(NOW))
    again = await connector.changes(first.cursor)
    assert (again.changes, again.more) == ((), True)
    told_before = await connector.changes(again.cursor)
    assert (told_before.changes, told_before.more) == ((), True), "told once, and the next page is asked for again"
    with pytest.raises(Refused):
        await connector.changes(told_before.cursor)


async def test_deletions_may_be_asked_for_in_a_query() -> None:
    seen: list[httpx.Request] = []
    gone = ("ticket.gone", {"get": "/gone", "query": {"q": "stamp >= ${since}"}, "as": "rfc3339_s", "pick": "$.items"})
    connector = engine(lambda r: {"items": []}, gone, seen=seen)
    await connector.changes({**cursor(NOW), "gone": {"ticket": NOW}})
    asked = next(each for each in seen if each.url.path == "/gone")
    assert asked.url.params["q"] == "stamp >= 2026-11-21T12:00:00Z"
