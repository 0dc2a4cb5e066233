"""Signing in with a provider, its tokens, and each way in which they may be forged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer

from gateway.access.issuer import AGAIN_S, KEEP_S
from gateway.access.oidc import OidcProvider, provider_of
from gateway.access.rights import Role
from gateway.config.access import Grant, Oidc
from gateway.work import people
from gateway.work.trail import note
from gateway.work.workplace import Workplace
from tests.support.access import ROOT, Time, application, audited, configured, everything
from tests.support.oidc import CLIENT, SECRET, Provider, changed, unsigned

Client = TestClient[Any, Any]
OPS = Grant(frozenset({"operator"}), frozenset({"snow"}))


@pytest.fixture
async def provider(time: Time) -> AsyncIterator[Provider]:
    made = Provider(now=time)
    made.people["u-1"] = {"preferred_username": "Bob", "name": "Bob B.", "groups": ["ops"]}
    async with made.serving():
        yield made


@pytest.fixture
def site(place: Workplace, provider: Provider) -> Workplace:
    oidc = Oidc(
        issuer=provider.url,
        client_id=CLIENT,
        client_secret=SECRET,
        label="Test",
        scopes=("openid", "profile"),
        audience="lockstep-api",
        name_claim="preferred_username",
        algorithms=("RS256", "ES256"),
        groups_claim="groups",
        groups={
            "ops": OPS,
            "watch": Grant(frozenset({"viewer"})),
            "jira": Grant(frozenset({"admin"}), frozenset({"jira"})),
        },
    )
    return msgspec.structs.replace(place, config=configured(oidc=oidc, internal=("127.0.0.1",)))


@pytest.fixture
def ours(site: Workplace) -> OidcProvider:
    made = provider_of(site.database, site.config.access, now=site.now, trail=note)
    assert made is not None
    return made


@pytest.fixture
async def client(site: Workplace, ours: OidcProvider) -> AsyncIterator[Client]:
    async with TestClient(TestServer(application(site, ours)), cookie_jar=CookieJar(unsafe=True)) as made:
        yield made


async def round_trip(client: Client, next: str = "/c/FO-1") -> str:
    """Goes to the provider and back as a browser does; where the browser ends."""
    away = await client.get("/sign-in/oidc", params={"next": next}, allow_redirects=False)
    assert away.status == 303, await away.text()
    back = await client.session.get(away.headers["Location"], allow_redirects=False)
    assert back.status == 302, await back.text()
    return await come_back(client, back.headers["Location"])


async def come_back(client: Client, location: str) -> str:
    parts = urlsplit(location)
    answer = await client.get(f"{parts.path}?{parts.query}", allow_redirects=False)
    assert answer.status == 303
    return answer.headers["Location"]


async def who(client: Client, **headers: str) -> tuple[str, list[str]] | None:
    answer = await client.get("/who", headers=headers)
    body = await answer.json()
    return (body["id"], body["roles"]) if answer.status == 200 else None


async def test_the_whole_way(site: Workplace, client: Client, provider: Provider) -> None:
    assert await round_trip(client) == "/c/FO-1"
    assert await who(client) == ("user:bob", ["operator"])
    (bob,) = await people.list_people(site, ROOT)
    assert (bob.label, bob.issuer, bob.subject) == ("Bob B.", provider.url, "u-1")
    assert bob.connections == frozenset({"snow"})
    assert {kind for kind, _ in await audited(site.database)} == {"person_added", "signed_in"}
    assert SECRET not in await everything(site.database)


async def test_the_provider_is_asked_as_the_standards_say(client: Client) -> None:
    away = await client.get("/sign-in/oidc", allow_redirects=False)
    query = parse_qs(urlsplit(away.headers["Location"]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert all(len(query[name][0]) >= 43 for name in ("state", "nonce", "code_challenge"))
    cookie = away.cookies["lockstep-oidc"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", "600")


@pytest.mark.parametrize(
    "lie",
    [
        *("nonce", "no nonce", "aud", "azp", "iss", "expired", "no exp", "not yet", "alg none", "alg HS256"),
        *("other key", "changed", "no sub", "mix-up", "denied", "issuer"),
    ],
)
async def test_a_provider_that_lies_lets_nobody_in(
    site: Workplace, client: Client, provider: Provider, lie: str
) -> None:
    """`issuer` is told before the browser leaves. Passes wrongly if the good round trip did not work: see above."""
    provider.lies = lie
    if lie == "issuer":
        away = await client.get("/sign-in/oidc", allow_redirects=False)
        assert away.headers["Location"] == "/sign-in?why=provider"
    else:
        assert await round_trip(client) == "/sign-in?why=provider"
    assert await who(client) is None
    assert await people.list_people(site, ROOT) == []


async def test_the_answer_has_to_come_back_to_the_browser_that_asked(client: Client, provider: Provider) -> None:
    away = await client.get("/sign-in/oidc", allow_redirects=False)
    back = (await client.session.get(away.headers["Location"], allow_redirects=False)).headers["Location"]
    cookie = away.cookies["lockstep-oidc"].value
    client.session.cookie_jar.clear()
    assert await come_back(client, back) == "/sign-in?why=provider", "no cookie: somebody else's browser"
    await client.get("/sign-in/oidc", allow_redirects=False)
    assert await come_back(client, back) == "/sign-in?why=provider", "the cookie of another sign-in"
    client.session.cookie_jar.clear()
    client.session.cookie_jar.update_cookies({"lockstep-oidc": cookie}, client.make_url("/"))
    assert await come_back(client, back) == "/"
    client.session.cookie_jar.update_cookies({"lockstep-oidc": cookie}, client.make_url("/"))
    assert await come_back(client, back) == "/sign-in?why=provider", "a code is used once"
    client.session.cookie_jar.update_cookies({"lockstep-oidc": "not ours"}, client.make_url("/"))
    assert await come_back(client, back) == "/sign-in?why=provider"


async def test_groups_may_come_from_userinfo_of_the_same_person_only(client: Client, provider: Provider) -> None:
    provider.in_userinfo = ("groups", "preferred_username")
    provider.lies = "userinfo"
    assert await round_trip(client) == "/sign-in?why=provider"
    provider.lies = ""
    assert await round_trip(client) == "/c/FO-1"
    assert await who(client) == ("user:bob", ["operator"])


async def test_groups_give_the_roles_each_time_and_end_other_sessions(
    site: Workplace, client: Client, provider: Provider, ours: OidcProvider
) -> None:
    await round_trip(client)
    provider.people["u-1"]["groups"] = ["watch", "other"]
    async with TestClient(TestServer(application(site, ours)), cookie_jar=CookieJar(unsafe=True)) as second:
        await round_trip(second)
        assert await who(second) == ("user:bob", ["viewer"])
    assert await who(client) is None
    provider.people["u-1"]["groups"] = ["nothing of ours"]
    assert await round_trip(client) == "/sign-in?why=provider"


async def test_rights_in_one_place_do_not_become_rights_in_another(client: Client, provider: Provider) -> None:
    """In `ops` (snow) and `jira`: an operator in both would be wrong, and an admin in snow even more so."""
    provider.people["u-1"]["groups"] = ["jira", "watch", "ops"]
    await round_trip(client)
    answer = await (await client.get("/session")).json()
    assert (answer["roles"], answer["connections"]) == (["operator", "viewer"], ["snow"])


async def test_a_name_that_somebody_else_has_is_not_taken_over(
    site: Workplace, client: Client, provider: Provider
) -> None:
    await people.add_person(site, ROOT, "bob", roles=[Role.ADMIN])
    assert await round_trip(client) == "/sign-in?why=provider"
    provider.people["u-1"]["preferred_username"] = "../bob"
    assert await round_trip(client) == "/sign-in?why=provider"


async def test_somebody_disabled_here_does_not_get_in(site: Workplace, client: Client, provider: Provider) -> None:
    await round_trip(client)
    await people.disable_person(site, ROOT, "bob")
    assert await who(client) is None
    assert await round_trip(client) == "/sign-in?why=provider"
    assert await who(client, Authorization=f"Bearer {provider.access_token()}") is None
    with pytest.raises(people.PersonRefused, match="come from"):
        await people.change_person(site, ROOT, "bob", roles=[Role.VIEWER])
    with pytest.raises(people.PersonRefused, match="no password here"):
        await people.set_password(site, ROOT, "bob", "four score and seven")


async def test_access_tokens_act_for_the_same_person(client: Client, provider: Provider) -> None:
    token = provider.access_token()
    assert await who(client, Authorization=f"Bearer {token}") == ("user:bob", ["operator"])
    await round_trip(client)
    assert await who(client) == ("user:bob", ["operator"]), "four eyes count people"
    narrower = provider.access_token(groups=["watch"])
    assert await who(client, Authorization=f"Bearer {narrower}") == ("user:bob", ["viewer"])
    assert await who(client) == ("user:bob", ["operator"]), "a token's groups count for its request only"


async def test_access_tokens_that_are_not_for_us_or_not_from_there(
    client: Client, provider: Provider, time: Time
) -> None:
    good = provider.access_token()
    now = int(time.at)
    forged = [
        provider.access_token(audience="another-api"),
        provider.access_token(audience=CLIENT),
        provider.access_token(iss="https://evil.example"),
        provider.access_token(exp=now - 61),
        provider.access_token(exp=None),
        provider.access_token(nbf=now + 120),
        provider.access_token(sub=None),
        provider.access_token(groups=[]),
        unsigned({"iss": provider.url, "aud": "lockstep-api", "sub": "u-1", "exp": now + 99, "groups": ["ops"]}),
        changed(good),
        good + "x",
        "a.b.c",
    ]
    for token in forged:
        assert await who(client, Authorization=f"Bearer {token}") is None, token
    assert await who(client, Authorization=f"Bearer {good}") == ("user:bob", ["operator"])


async def test_keys_may_rotate_and_made_up_ones_cost_the_provider_little(
    client: Client, provider: Provider, time: Time
) -> None:
    old = provider.access_token()
    assert await who(client, Authorization=f"Bearer {old}") is not None
    provider.rotate(keep=True)
    new = provider.access_token()
    time.at += AGAIN_S
    assert await who(client, Authorization=f"Bearer {new}") is not None
    assert await who(client, Authorization=f"Bearer {old}") is not None
    asked = provider.asked.count("/jwks")
    stranger = Provider(now=time, url=provider.url, people=provider.people)
    for _ in range(5):
        assert await who(client, Authorization=f"Bearer {stranger.access_token()}") is None
    assert provider.asked.count("/jwks") <= asked + 1


async def test_a_key_that_was_withdrawn_ends_and_an_outage_does_not_end_the_others(
    client: Client, provider: Provider, time: Time
) -> None:
    lasting = provider.access_token(exp=int(time.at) + 10 * int(KEEP_S))
    assert await who(client, Authorization=f"Bearer {lasting}") is not None
    provider.away = True
    time.at += KEEP_S
    assert await who(client, Authorization=f"Bearer {lasting}") is not None
    provider.away = False
    provider.rotate()
    time.at += AGAIN_S
    assert await who(client, Authorization=f"Bearer {lasting}") is None


async def test_while_the_provider_is_away_its_tokens_are_not_called_wrong(
    client: Client, provider: Provider, time: Time
) -> None:
    """401 would have a program throw a good token away; and not every request asks a provider that does not answer."""
    token = provider.access_token()
    provider.away = True
    for _ in range(3):
        answer = await client.get("/who", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
    away = await client.get("/sign-in/oidc", allow_redirects=False)
    assert away.headers["Location"] == "/sign-in?why=provider"
    provider.away = False
    time.at += AGAIN_S
    assert await who(client, Authorization=f"Bearer {token}") == ("user:bob", ["operator"])


async def test_without_an_audience_access_tokens_are_refused(site: Workplace, provider: Provider) -> None:
    assert site.config.access.oidc is not None
    closed = configured(oidc=replace(site.config.access.oidc, audience=""), internal=("127.0.0.1",))
    shut = msgspec.structs.replace(site, config=closed)
    ours = provider_of(shut.database, closed.access, now=shut.now, trail=note)
    async with TestClient(TestServer(application(shut, ours))) as client:
        assert await who(client, Authorization=f"Bearer {provider.access_token()}") is None
        assert await who(client, Authorization=f"Bearer {provider.access_token(audience='')}") is None


async def test_a_provider_inside_is_not_asked_unless_it_is_allowed(site: Workplace, provider: Provider) -> None:
    inside = configured(oidc=site.config.access.oidc)
    ours = provider_of(site.database, inside.access, now=site.now, trail=note)
    async with TestClient(TestServer(application(msgspec.structs.replace(site, config=inside), ours))) as client:
        away = await client.get("/sign-in/oidc", allow_redirects=False)
        assert away.headers["Location"] == "/sign-in?why=provider"
    assert provider.asked == []
