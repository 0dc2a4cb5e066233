"""What a file says of access is done: nobody else is touched, and nothing left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import orjson
import pytest

from connectors.contract.access import Account, Ending, EndsAccess, Grant, GrantKind, Whom
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import CredentialsError, OutcomeUnknown, Refused, Throttled
from connectors.declared.ending import Ends
from connectors.declared.model.file import ConnectorFile
from connectors.declared.scripted import Clock
from tests.unit.connectors.declared.departing import ANN, BOB, STILL, block, ended, part
from tests.unit.connectors.declared.support import URL, engine, file_of


def ends(answer: Any, access: Mapping[str, Any] | None = None, *more: tuple[str, Any], seen: Any = None) -> Ends:
    def reply(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        said = answer(request)
        return said if isinstance(said, httpx.Response) else httpx.Response(200, content=orjson.dumps(said))

    file: ConnectorFile = file_of(("access", access or block()), *more)
    settings = ConnectionSettings(name="desk", connector="desk", url=URL, auth={"bearer": {"token": "t-secret"}})
    return Ends(file, settings, clock=Clock(), transport=httpx.MockTransport(reply))


def system(request: httpx.Request) -> Any:
    """Ann, and what she has: five tasks on three pages."""
    path, query = request.url.path, request.url.params
    if path == "/users":
        return [{"id": 7, "mail": "Ann@x.test"}, {"id": 9, "mail": "ann@x.test.evil"}]
    if path in ("/users/7", "/me"):
        return {"id": 7, "login": "ann", "mail": "ann@x.test", "on": True}
    if path == "/groups":
        return [{"id": "g1", "name": "Desk"}]
    if path == "/tasks":
        begin = int(query.get("offset", 0))
        return [{"id": f"t{n}", "title": f"Task {n}"} for n in range(5)][begin : begin + 2]
    if path.startswith("/tasks/"):
        return {"id": path[7:], "owner": "7"}
    return httpx.Response(404)


def work(id: str = "t1") -> Grant:
    return Grant(kind=GrantKind.WORK, id=f"task:{id}", name=id)


GROUP = Grant(kind=GrantKind.GROUP, id="group:g1", name="Desk")


def ending(grant: Grant, to: Account | None = BOB) -> Ending:
    return Ending(account=ANN, grant=grant, operation="o1", to=to, note="was Ann's")


def test_only_a_file_with_the_block_ends_access() -> None:
    assert isinstance(ends(system), EndsAccess)
    assert not isinstance(engine(system), EndsAccess)


async def test_what_is_found_is_compared_once_more_letter_case_aside() -> None:
    assert [each.id for each in await ends(system).accounts(Whom(email="aNN@x.test"))] == ["7"]
    assert [each.id for each in await ends(system).accounts(Whom(account="7", email="bob@x.test"))] == ["7"]
    assert await ends(system).accounts(Whom(user_name="ann")) == []


async def test_every_page_is_read_and_the_order_is_that_of_a_departure() -> None:
    grants = (await ends(system).holdings("7")).grants
    assert [(each.kind.value, each.id) for each in grants] == [
        ("group", "group:g1"),
        ("account", "7"),
        *(("work", f"task:t{n}") for n in range(5)),
    ]


async def test_a_part_that_cannot_be_listed_fails_the_whole_unless_the_file_says_why() -> None:
    def hidden(request: httpx.Request) -> Any:
        return httpx.Response(403) if request.url.path == "/groups" else system(request)

    with pytest.raises(Refused):
        await ends(hidden).holdings("7")
    told_why = block(group=part("group", unseen_on={403: "only owners see it"}))
    found = await ends(hidden, told_why).holdings("7")
    assert found.unseen == {GrantKind.GROUP: "only owners see it"}
    assert len(found.grants) == 6

    def busy(request: httpx.Request) -> Any:
        return httpx.Response(429) if request.url.path == "/groups" else system(request)

    with pytest.raises(Throttled):
        await ends(busy, block(group=part("group", unseen_on={429: "x"}))).holdings("7")


@pytest.mark.parametrize("row", [{"name": "no id"}, {"id": "", "name": "x"}])
async def test_a_row_without_an_id_is_not_left_out(row: Any) -> None:
    def answer(request: httpx.Request) -> Any:
        return [row] if request.url.path == "/groups" else system(request)

    with pytest.raises(Refused, match="no id"):
        await ends(answer).holdings("7")


async def test_a_condition_that_cannot_be_decided_hides_nothing() -> None:
    with pytest.raises(Refused, match="cannot be decided"):
        await ends(system, block(group=part("group", where="row.owner.id == account.id"))).holdings("7")
    with pytest.raises(Refused, match="cannot be decided"):
        await ends(system, block(account={"active": "row.enabled"})).holdings("7")


async def test_nothing_there_is_believed_only_while_signed_in() -> None:
    with pytest.raises(CredentialsError):
        await ends(lambda request: httpx.Response(404)).holdings("7")


async def test_the_request_hands_over_and_says_whose_it_was() -> None:
    seen: list[httpx.Request] = []
    connector = ends(lambda request: system(request) if request.method == "GET" else {}, seen=seen)
    await connector.end(ending(work()))
    assert [(each.method, each.url.path) for each in seen] == [("GET", "/tasks/t1"), ("PUT", "/tasks/t1")]
    assert orjson.loads(seen[-1].content) == {"owner": "8", "note": "was Ann's"}
    assert seen[-1].headers["x-lockstep-operation"] == "o1"


@pytest.mark.parametrize("now", [{"id": "t1", "owner": "9"}, httpx.Response(404), httpx.Response(410)])
async def test_what_is_not_the_persons_any_more_is_left_alone(now: Any) -> None:
    seen: list[httpx.Request] = []
    await ends(lambda request: now, seen=seen).end(ending(work()))
    assert [each.method for each in seen] == ["GET"]


async def test_what_cannot_be_without_an_owner_is_refused_before_anything_is_sent() -> None:
    seen: list[httpx.Request] = []
    with pytest.raises(Refused, match="takes it over"):
        await ends(system, seen=seen).end(ending(work(), None))
    assert seen == []


@pytest.mark.parametrize("status", [404, 410])
async def test_what_is_gone_is_no_error(status: int) -> None:
    await ends(lambda request: httpx.Response(status)).end(ending(GROUP))


@pytest.mark.parametrize(
    ("status", "error"), [(403, Refused), (500, OutcomeUnknown), (429, Throttled), (401, CredentialsError)]
)
async def test_any_other_answer_is_what_it_is_elsewhere(status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        await ends(lambda request: httpx.Response(status)).end(ending(GROUP))


async def test_an_id_from_elsewhere_stays_in_its_segment() -> None:
    seen: list[httpx.Request] = []
    await ends(lambda request: {}, seen=seen).end(ending(Grant(kind=GrantKind.GROUP, id="group:a/../b?x", name="x")))
    assert seen[0].url.raw_path == b"/groups/a%2F..%2Fb%3Fx/members/7"
    with pytest.raises(Refused):
        await ends(lambda request: {}).end(ending(Grant(kind=GrantKind.GROUP, id="group:..", name="x")))


HANDED = ended(
    "task",
    first={"post": "/tasks/${grant.id}/owners", "body": {"add": "${to.id}"}, "shows": "to.id in body.owners"},
    put=None,
    body=None,
    delete="/tasks/${grant.id}/owners/${account.id}",
)


@pytest.mark.parametrize(("owners", "methods"), [(["7", "8"], ["GET", "POST", "DELETE"]), (["7"], ["GET", "POST"])])
async def test_nothing_is_taken_before_it_was_seen_to_be_taken_over(owners: list[str], methods: list[str]) -> None:
    seen: list[httpx.Request] = []
    connector = ends(lambda request: {"owner": "7", "owners": owners}, block(task=HANDED), seen=seen)
    if len(methods) == 2:
        with pytest.raises(Refused, match="not taken over by bob"):
            await connector.end(ending(work()))
    else:
        await connector.end(ending(work()))
    assert [each.method for each in seen] == methods
    await connector.end(ending(work(), None))
    assert [each.method for each in seen[len(methods) :]] == ["GET", "DELETE"]


SECRET = part(
    "group",
    kind="token",
    id="$.key",
    secret_id=True,
    end={"still": "listed", "post": "/revoke", "query": {"key": "${row.key}"}, "form": True, "from_root": True},
)


async def test_an_id_that_is_a_secret_is_told_to_nobody_and_found_again() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> Any:
        return [{"key": "k-1", "name": "a"}, {"key": "k-2", "name": "b"}] if request.url.path == "/api/groups" else {}

    def answered(request: httpx.Request) -> Any:
        if request.url.path == "/api/users/7":
            return {"id": 7, "login": "ann", "mail": "", "on": True}
        return [] if request.url.path == "/api/tasks" else answer(request)

    connector = ends(answered, block(group=SECRET), ("http", {"base": "/api"}), seen=seen)
    first, second = [each for each in (await connector.holdings("7")).grants if each.kind is GrantKind.TOKEN]
    assert "k-2" not in repr(second)
    assert first.id != second.id
    await connector.end(ending(second))
    assert seen[-1].url.raw_path == b"/revoke?key=k-2"
    await connector.end(ending(Grant(kind=GrantKind.TOKEN, id="group:" + "0" * 24, name="old")))
    assert seen[-1].url.path == "/api/groups"


async def test_what_comes_along_is_not_ended_by_itself() -> None:
    with pytest.raises(Refused, match="by way of"):
        await ends(system).end(ending(Grant(kind=GrantKind.GROUP, id="group:g1", name="Desk", through="group:g2")))


async def test_what_the_file_does_not_know_is_refused() -> None:
    for id in ("g1", "team:g1", "task:g1"):
        with pytest.raises(Refused, match="says nothing of"):
            await ends(system).end(ending(Grant(kind=GrantKind.GROUP, id=id, name="x")))


async def test_what_a_person_has_to_end_is_refused_in_words_that_say_where() -> None:
    by_hand = block(group={**part("group", end=None), "by_hand": "at the desk, room 3"})
    connector = ends(system, by_hand)
    assert connector.ends == {GrantKind.ACCOUNT: "", GrantKind.GROUP: "at the desk, room 3", GrantKind.WORK: ""}
    with pytest.raises(Refused, match="room 3"):
        await connector.end(ending(GROUP))


@pytest.mark.parametrize(("quotes", "asked"), [("backslash", r"mail = 'o\'n\\eil'"), ("doubled", r"mail = 'o''n\eil'")])
async def test_quotation_marks_in_a_value_do_not_end_the_quotation(quotes: str, asked: str) -> None:
    seen: list[httpx.Request] = []
    await ends(system, None, ("http", {"quotes": quotes}), seen=seen).accounts(Whom(email=r"o'n\eil"))
    assert seen[0].url.params["q"] == asked
    with pytest.raises(Refused, match="would end the quotation"):
        await ends(system).accounts(Whom(email="o'neil"))


async def test_whoever_has_left_may_be_shown_elsewhere_and_a_sort_may_be_of_some_connections_only() -> None:
    def answer(request: httpx.Request) -> Any:
        if request.url.path == "/gone/7":
            return {"id": 7, "login": "ann", "mail": "ann@x.test", "on": False}
        return httpx.Response(404) if request.url.path == "/users/7" else system(request)

    left = block(account={"otherwise": {"get": "/gone/${account.id}"}}, group=part("group", when="false"))
    connector = ends(answer, left)
    found = await connector.holdings("7")
    assert (found.account and found.account.active, {each.kind for each in found.grants}) == (False, {GrantKind.WORK})
    assert GrantKind.GROUP not in connector.ends


async def test_others_who_have_it_are_computed() -> None:
    task = ended(
        "task",
        compute={"owners": "row.owners.filter(each, each != account.id) + (to == null ? [] : [to.id])"},
        still={**STILL, "holds": "account.id in row.owners"},
        body={"owners": "${computed.owners}"},
    )
    seen: list[httpx.Request] = []
    connector = ends(lambda request: {"id": "t1", "owners": ["7", "9"]}, block(task=task), seen=seen)
    for to, owners in ((BOB, ["9", "8"]), (None, ["9"])):
        await connector.end(ending(work(), to))
        assert orjson.loads(seen[-1].content) == {"owners": owners}


async def test_nobody_who_cannot_have_it_takes_it_over() -> None:
    for to in (ANN, Account(id="9", name="cara", active=False)):
        with pytest.raises(Refused, match="cannot be handed over"):
            await ends(system).end(ending(work(), to))
