"""Passwords, links, sessions and cookies over HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer

from gateway.access import passwords, sessions
from gateway.access.rights import Role
from gateway.access.throttle import ACCOUNT, ADDRESS, wait_s
from gateway.work import people, tokens
from gateway.work.workplace import Workplace
from tests.support.access import GOOD, ROOT, Time, application, audited, configured, everything, principal

Client = TestClient[Any, Any]
SAME = {"Sec-Fetch-Site": "same-origin"}
JSON = {**SAME, "Accept": "application/json"}


@pytest.fixture(autouse=True)
async def bob(place: Workplace) -> None:
    await people.add_person(place, ROOT, "bob", roles=[Role.OPERATOR], password=GOOD)


@pytest.fixture
async def client(place: Workplace) -> AsyncIterator[Client]:
    async with TestClient(TestServer(application(place)), cookie_jar=CookieJar(unsafe=True)) as made:
        yield made


async def enter(client: Client, name: str = "bob", password: str = GOOD, **headers: str) -> Any:
    return await client.post("/sign-in", json={"name": name, "password": password}, headers={**JSON, **headers})


async def who(client: Client) -> str | None:
    answer = await client.get("/who")
    return (await answer.json())["id"] if answer.status == 200 else None


async def test_a_password_gives_a_session(client: Client) -> None:
    assert await who(client) is None
    answer = await enter(client)
    assert answer.status == 200
    assert await who(client) == "user:bob"
    cookie = answer.cookies["lockstep"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")


async def test_a_session_ends_however_much_it_is_used(client: Client, place: Workplace, time: Time) -> None:
    await enter(client)
    settings, began = place.config.access, time.at
    while time.at + settings.idle_s / 2 < began + settings.longest_s:
        time.at += settings.idle_s / 2
        assert await who(client) == "user:bob", "it is used all the time"
    time.at = began + settings.longest_s
    assert await who(client) is None


async def test_a_form_is_sent_on_inside_this_site_only(client: Client) -> None:
    for wanted, then in (
        ("/c/FO-17?a=b", "/c/FO-17?a=b"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\tx", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ):
        form = {"name": "bob", "password": GOOD, "next": wanted}
        answer = await client.post("/sign-in", data=form, headers=SAME, allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, then)
        client.session.cookie_jar.clear()


async def test_wrong_passwords_unknown_names_and_disabled_people_look_alike(place: Workplace, client: Client) -> None:
    await people.add_person(place, ROOT, "off", roles=[Role.VIEWER], password=GOOD)
    await people.disable_person(place, ROOT, "off")
    await people.add_person(place, ROOT, "nopass", roles=[Role.VIEWER])
    told = []
    for name, password in (("bob", "wrong"), ("nobody", GOOD), ("off", GOOD), ("nopass", ""), ("", "")):
        answer = await enter(client, name, password)
        told.append((answer.status, await answer.text()))
    assert told == [told[0]] * len(told)
    assert told[0][0] == 401
    form = {"name": "bob", "password": "wrong"}
    answer = await client.post("/sign-in", data=form, headers=SAME, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/sign-in?why=wrong")


async def test_an_unknown_name_costs_the_same_check(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    """Counts hash checks, not seconds: a name that is not there must not be answered without one."""
    checked: list[str] = []
    real = passwords._verified

    def counted(stored: str, given: str) -> bool:
        checked.append(stored)
        return real(stored, given)

    monkeypatch.setattr(passwords, "_verified", counted)
    for name in ("bob", "nobody"):
        await enter(client, name, "wrong")
    assert len(checked) == 2
    assert checked[1] == passwords.NOBODY


async def test_guessing_waits_ever_longer_and_never_for_good(place: Workplace, time: Time, client: Client) -> None:
    for _ in range(ACCOUNT.free + 1):
        assert (await enter(client, password="wrong")).status == 401
    refused = await enter(client)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    time.at += 1
    assert (await enter(client, password="wrong")).status == 401
    assert (await enter(client)).headers["Retry-After"] == "2"
    time.at += ACCOUNT.cap_s
    assert (await enter(client)).status == 200
    assert [wait_s(n, ACCOUNT) for n in (5, 6, 7, 8, 100, 10_000)] == [0, 1, 2, 4, 900, 900]


async def test_many_guesses_at_once_are_counted_before_they_are_tried(client: Client) -> None:
    answers = await asyncio.gather(*(enter(client, password=f"wrong {n}") for n in range(12)))
    assert sorted(answer.status for answer in answers) == [401] * (ACCOUNT.free + 1) + [429] * (11 - ACCOUNT.free)


async def test_strangers_do_not_lock_out_a_known_address(place: Workplace, time: Time) -> None:
    """The proxy tells where requests come from: only because it is one of ours."""
    trusted = await _behind_proxy(place)
    async with TestClient(TestServer(application(trusted)), cookie_jar=CookieJar(unsafe=True)) as client:
        home, stranger = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "203.0.113.7, 198.51.100.9"}
        assert (await enter(client, **home)).status == 200
        client.session.cookie_jar.clear()
        for _ in range(ACCOUNT.free + 1):
            await enter(client, password="wrong", **stranger)
        assert (await enter(client, **stranger)).status == 429
        assert (await enter(client, **home)).status == 200


async def _behind_proxy(place: Workplace) -> Workplace:
    return msgspec.structs.replace(place, config=configured(proxies=(ip_network("127.0.0.0/8"),)))


async def test_one_address_that_tries_many_names_waits_too(client: Client) -> None:
    for n in range(ADDRESS.free + 1):
        assert (await enter(client, f"name{n}", "wrong")).status == 401
    assert (await enter(client, "another", "wrong")).status == 429


async def test_a_session_ends_when_it_is_not_used_and_after_the_longest_time(
    place: Workplace, time: Time, client: Client
) -> None:
    idle_s, longest_s = place.config.access.idle_s, place.config.access.longest_s
    await enter(client)
    time.at += idle_s - 1
    assert await who(client) == "user:bob"
    time.at += idle_s - 1
    assert await who(client) == "user:bob", "a use begins the time anew"
    time.at += idle_s
    assert await who(client) is None
    await enter(client)
    began = time.at
    while time.at < began + longest_s - idle_s:
        time.at += idle_s / 2
        assert await who(client) == "user:bob"
    time.at = began + longest_s
    assert await who(client) is None


async def test_asking_for_the_time_that_is_left_is_no_use_and_extending_is(
    place: Workplace, time: Time, client: Client
) -> None:
    await enter(client)
    ends = time.at + place.config.access.idle_s
    time.at += 600
    told = await (await client.get("/session")).json()
    assert (told["ends_at"], told["now"], told["roles"]) == (ends, time.at, ["operator"])
    stream = await client.get("/who", headers={"Accept": "text/event-stream"})
    assert stream.status == 200
    assert (await (await client.get("/session")).json())["ends_at"] == ends
    headers = {**SAME, "X-CSRF-Token": told["csrf_token"]}
    longer = await (await client.post("/session/extend", headers=headers)).json()
    assert longer["ends_at"] == ends + 600


@pytest.mark.parametrize("change", ["roles", "password", "disabled", "ended", "all ended"])
async def test_sessions_end_when_what_they_stand_on_changes(place: Workplace, client: Client, change: str) -> None:
    await enter(client)
    assert await who(client) == "user:bob"
    (session,) = await people.list_sessions(place, principal("bob", Role.OPERATOR), holder="user:bob")
    if change == "roles":
        await people.change_person(place, ROOT, "bob", roles=[Role.VIEWER])
    elif change == "password":
        await people.set_password(place, ROOT, "bob", "something else altogether")
    elif change == "disabled":
        await people.disable_person(place, ROOT, "bob")
    elif change == "ended":
        assert not await people.end_session(place, principal("eve", Role.OPERATOR), session.id)
        assert await people.end_session(place, principal("bob", Role.OPERATOR), session.id)
    else:
        assert await people.end_sessions(place, ROOT, "user:bob") == 1
    assert await who(client) is None
    answer = await client.get("/session")
    assert "ended" in (await answer.json())["detail"]


async def test_signing_out_ends_the_session_itself(client: Client) -> None:
    cookie = (await enter(client)).cookies["lockstep"].value
    token = (await (await client.get("/who")).json())["csrf"]
    answer = await client.post("/sign-out", headers={**JSON, "X-CSRF-Token": token})
    assert answer.status == 204
    client.session.cookie_jar.clear()
    assert (await client.get("/who", cookies={"lockstep": cookie})).status == 401


async def test_signing_in_again_ends_the_session_before(place: Workplace, client: Client) -> None:
    first = (await enter(client)).cookies["lockstep"].value
    second = (await enter(client)).cookies["lockstep"].value
    assert first != second
    assert len(await people.list_sessions(place, ROOT)) == 1


async def test_a_link_works_once_within_five_minutes(place: Workplace, time: Time, client: Client) -> None:
    secret = await people.sign_in_link(place, ROOT)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Purpose": "prefetch"}):
        looked = await client.get("/sign-in/link", params={"token": secret}, headers=headers)
        assert looked.status == 403
    assert (await client.head("/sign-in/link", params={"token": secret})).status == 405
    answer = await client.get("/sign-in/link", params={"token": secret, "next": "/now"}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/now")
    assert await who(client) == "local:root"
    client.session.cookie_jar.clear()
    again = await client.get("/sign-in/link", params={"token": secret}, allow_redirects=False)
    assert again.headers["Location"] == "/sign-in?why=link"
    late = await people.sign_in_link(place, ROOT, name="bob")
    time.at += 300
    over = await client.get("/sign-in/link", params={"token": late}, allow_redirects=False)
    assert over.headers["Location"] == "/sign-in?why=link"
    assert await who(client) is None


async def test_of_two_who_open_a_link_at_once_one_gets_in(place: Workplace) -> None:
    secret = await people.sign_in_link(place, ROOT)

    async def opened() -> str | None:
        async with place.database.begin() as tx:
            return await sessions.open_link(tx, secret, now=place.now())

    assert sorted(map(str, await asyncio.gather(*(opened() for _ in range(4))))) == ["None"] * 3 + ["local:root"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://127.0.0.1:8080"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8080"}, 403),
        ({}, 403),
    ],
)
async def test_a_cookie_changes_things_from_our_pages_only(
    client: Client, headers: dict[str, str], status: int
) -> None:
    await enter(client)
    token = (await (await client.get("/who")).json())["csrf"]
    answer = await client.post("/change", headers={**headers, "X-CSRF-Token": token})
    assert answer.status == status
    if status == 403:
        assert (await answer.json())["code"] == "forged-request"


async def test_a_cookie_changes_things_with_the_sessions_token_only(place: Workplace, client: Client) -> None:
    await enter(client)
    token = (await (await client.get("/who")).json())["csrf"]
    for said in ("", "x", token[:-1], token + "x"):
        assert (await client.post("/change", headers={**SAME, "X-CSRF-Token": said})).status == 403
        assert (await client.post("/change", data={"csrf_token": said}, headers=SAME)).status == 403
    assert (await client.post("/change", data={"csrf_token": token}, headers=SAME)).status == 200
    assert (await client.delete("/change", headers=SAME)).status == 403
    client.session.cookie_jar.clear()
    await enter(client)
    assert (await client.post("/change", headers={**SAME, "X-CSRF-Token": token})).status == 403


async def test_a_bearer_token_needs_no_form_token_and_goes_before_the_cookie(place: Workplace, client: Client) -> None:
    made = await tokens.create_token(place, ROOT, "ci", roles=[Role.VIEWER])
    await enter(client)
    good = {"Authorization": f"Bearer {made.secret}", "Sec-Fetch-Site": "cross-site"}
    answer = await client.post("/change", headers=good)
    assert (await answer.json())["changed_by"] == f"token:{made.token.id}"
    for bad in ("Bearer lsk_wrong", "Basic Ym9iOng=", "Bearer ", "Bearer a.b.c"):
        assert (await client.post("/change", headers={"Authorization": bad})).status == 401


async def test_signing_in_is_not_done_for_a_page_of_another_site(client: Client) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        answer = await client.post("/sign-in", data={"name": "bob", "password": GOOD}, headers=headers)
        assert answer.status == 403


async def test_without_tls_only_this_machine_signs_in(client: Client) -> None:
    answer = await client.post(
        "/sign-in", json={"name": "bob", "password": GOOD}, headers={**JSON, "Host": "lockstep.example.com"}
    )
    assert answer.status == 403
    assert "TLS" in (await answer.json())["detail"]


async def test_with_tls_the_cookie_is_bound_to_the_host(place: Workplace) -> None:
    safe = msgspec.structs.replace(place, config=configured(url="https://lockstep.example.com"))
    async with TestClient(TestServer(application(safe)), cookie_jar=CookieJar(unsafe=True)) as client:
        answer = await enter(client)
        cookie = answer.cookies["__Host-lockstep"]
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
        assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
        origin = {"Origin": "https://lockstep.example.com"}
        body = {"name": "bob", "password": GOOD}
        assert (await client.post("/sign-in", json=body, headers=origin)).status == 200


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x", "application/json", "x/y"])
async def test_bodies_that_cannot_be_read_are_refused_and_no_defect(client: Client, kind: str) -> None:
    headers = {**SAME, "Content-Type": kind}
    for body in (b"\xff\xfe", b"--x\r\nno form", b"[1]", b""):
        answer = await client.post("/sign-in", data=body, headers=headers, allow_redirects=False)
        assert answer.status in (303, 401, 429)
    await enter(client, **{"X-Forwarded-For": "203.0.113.1"})
    for body in (b"\xff\xfe", b"--x\r\nno form", b"[1]", b""):
        assert (await client.post("/change", data=body, headers=headers)).status in (401, 403)


async def test_webhooks_are_not_asked_who_they_are(client: Client) -> None:
    answer = await client.post("/hooks/snow", headers={"Authorization": "Bearer the-vendors-own"})
    assert (await answer.json())["detail"].startswith("sign in")


async def test_every_answer_has_the_headers(client: Client) -> None:
    for path, status in (("/who", 401), ("/nowhere", 404), ("/sign-in", 405)):
        answer = await client.get(path)
        assert answer.status == status
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "'nonce-" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in answer.headers
    first, second = [(await client.get("/who")).headers["Content-Security-Policy"] for _ in range(2)]
    assert first != second


async def test_secrets_are_nowhere(place: Workplace, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """Passwords, cookies, links, form tokens: not in the database, the logs, or the answers to others."""
    caplog.set_level(logging.DEBUG)
    await enter(client, password="a wrong password that is long")
    await enter(client, "typed my password here", "x")
    cookie = (await enter(client)).cookies["lockstep"].value
    csrf = (await (await client.get("/who")).json())["csrf"]
    link = await people.sign_in_link(place, ROOT)
    listed = repr(await people.list_sessions(place, ROOT)) + repr(await people.list_people(place, ROOT))
    kept = await everything(place.database) + listed + caplog.text
    for secret in (GOOD, "a wrong password that is long", "typed my password here", cookie, csrf, link):
        assert secret not in kept


async def test_signing_in_is_in_the_trail(place: Workplace, client: Client, time: Time) -> None:
    time.at += 1
    await enter(client, password="wrong")
    time.at += 1
    await enter(client)
    kinds = await audited(place.database)
    assert kinds == [("person_added", "root"), ("sign_in_refused", "lockstep"), ("signed_in", "bob")]
