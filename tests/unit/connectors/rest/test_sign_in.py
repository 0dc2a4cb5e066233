"""Every way to sign in, as it stands on the wire; tokens got, renewed and refused; what is new after a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import httpx
import msgspec
import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from connectors.contract.connector import ConnectionSettings
from connectors.contract.credentials import Material, RenewalUnanswered
from connectors.contract.errors import ConfigError, CredentialsError, OutcomeUnknown, Retryable, Throttled
from connectors.rest import RestClient
from connectors.rest.kinds import KINDS, secrets_of
from gateway.delivery.breaker import Gate
from gateway.delivery.sending import concluded
from gateway.sync.attempts import Outcome
from tests.unit.connectors.clocks import SteppingClock

URL = "https://system.example"
CLIENT = {"token_url": "/oauth/token", "client_id": "us", "client_secret": "s3cret"}
RSA = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-256")


class Ring:
    """A keyring that a test turns."""

    def __init__(self, *auths: dict[str, Any]) -> None:
        self.known = [Material(version=f"v{at}", auth=each) for at, each in enumerate(auths)]
        self.at, self.before = 0, -1

    def current(self) -> Material:
        return self.known[self.at]

    def former(self) -> Material | None:
        return self.known[self.before] if self.before >= 0 else None


class System:
    """A system that gives tokens `t1`, `t2`, ... and accepts what `accepts` says; a token request gets `answer`."""

    def __init__(self, auth: dict[str, Any] | None = None, **settings: Any) -> None:
        self.asked: list[httpx.Request] = []
        self.calls: list[httpx.Request] = []
        self.accepts: Callable[[httpx.Request], bool] = lambda request: True
        self.told: dict[str, Any] = {"expires_in": 100}
        self.answer: Callable[[int], httpx.Response] = self.give
        self.clock = SteppingClock()
        usual = settings["keyring"].current().auth if "keyring" in settings else {}
        given: Any = {"name": "sys", "connector": "x", "url": URL, "auth": auth or usual} | settings
        self.client = RestClient(
            ConnectionSettings(**given), clock=self.clock, transport=httpx.MockTransport(self.handle)
        )

    def give(self, number: int) -> httpx.Response:
        return httpx.Response(200, json={"access_token": f"t{number}", "token_type": "Bearer", **self.told})

    async def handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path in ("/oauth/token", "/login"):
            self.asked.append(request)
            await asyncio.sleep(0)  # others may come meanwhile
            return self.answer(len(self.asked))
        self.calls.append(request)
        return httpx.Response(200, json={}) if self.accepts(request) else httpx.Response(401, json={"no": "entry"})

    def form(self, at: int = -1) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.asked[at].content.decode()).items()}

    @property
    def shown(self) -> list[str]:
        return [call.headers.get("authorization", "") for call in self.calls]


def only(token: str) -> Callable[[httpx.Request], bool]:
    return lambda request: request.headers.get("authorization") == f"Bearer {token}"


@pytest.mark.parametrize(
    ("settings", "header", "value"),
    [
        ({"key": "k3y", "header": "X-Api-Key"}, "x-api-key", "k3y"),
        ({"key": "k3y", "header": "Authorization", "prefix": "Token token="}, "authorization", "Token token=k3y"),
    ],
)
async def test_a_key_in_a_header(settings: dict[str, str], header: str, value: str) -> None:
    system = System({"api_key": settings})
    await system.client.read("/things")
    assert system.calls[0].headers[header] == value


async def test_a_key_in_the_query_is_in_no_evidence() -> None:
    system = System({"api_key": {"key": "k3y&=", "query": "hapikey"}})
    await system.client.read("/things", {"a": 1})
    await system.client.read("/things")
    assert [str(call.url.query, "ascii") for call in system.calls] == ["a=1&hapikey=k3y%26%3D", "hapikey=k3y%26%3D"]
    system.accepts = lambda request: False
    with pytest.raises(CredentialsError) as caught:
        await system.client.read("/things")
    assert "k3y" not in f"{caught.value}{caught.value.evidence}"


async def test_client_credentials_in_the_body() -> None:
    system = System({"oauth2_client_credentials": {**CLIENT, "scopes": ["a", "b"], "extra": {"audience": "x"}}})
    await system.client.read("/things")
    expected = {"grant_type": "client_credentials", "client_id": "us", "client_secret": "s3cret"}
    assert system.form() == expected | {"scope": "a b", "audience": "x"}
    assert system.asked[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert system.shown == ["Bearer t1"]


async def test_client_credentials_in_the_header_are_coded_before_they_are_joined() -> None:
    system = System({"oauth2_client_credentials": {**CLIENT, "client_id": "u:s", "client_in": "header"}})
    await system.client.read("/things")
    assert system.asked[0].headers["authorization"] == "Basic dSUzQXM6czNjcmV0"  # u%3As:s3cret
    assert "client_secret" not in system.form()


@pytest.mark.parametrize(("algorithm", "key"), [("RS256", RSA), ("ES256", EC)])
async def test_an_assertion_in_the_form(algorithm: str, key: Any) -> None:
    pem = key.as_pem(private=True).decode()
    kind = {"token_url": "https://login.example/oauth/token", "issuer": "app", "subject": "ann@x", "audience": "aud"}
    system = System({"jwt_assertion": {**kind, "private_key": pem, "algorithm": algorithm, "claims": {"k": "v"}}})
    await system.client.read("/things")
    assert str(system.asked[0].url) == "https://login.example/oauth/token"
    form = system.form()
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    told = jwt.decode(form["assertion"], key, algorithms=[algorithm]).claims
    assert (told["iss"], told["sub"], told["aud"], told["k"]) == ("app", "ann@x", "aud", "v")
    assert told["iat"] < system.clock.now() < told["exp"] <= told["iat"] + 300


async def test_an_assertion_as_bearer_and_an_end_as_a_time() -> None:
    """As a GitHub App signs in (facts.md 3 [OAS-GH]): 201, `token`, `expires_at`; the end is measured by `Date`."""
    pem = RSA.as_pem(private=True).decode()
    kind = {"token_url": "/oauth/token", "issuer": "7", "private_key": pem, "send": "bearer"}
    system = System({"jwt_assertion": kind})
    date, end = "Sat, 21 Nov 2026 10:00:00 GMT", "2026-11-21T11:00:00Z"
    system.answer = lambda n: httpx.Response(201, json={"token": f"ghs{n}", "expires_at": end}, headers={"Date": date})
    await system.client.read("/things")
    assert system.asked[0].headers["authorization"].startswith("Bearer ey")
    assert system.shown == ["Bearer ghs1"]
    system.clock.advance(2690)
    await system.client.read("/things")
    assert len(system.asked) == 1
    system.clock.advance(11)  # three quarters of an hour are over
    await system.client.read("/things")
    assert len(system.asked) == 2


async def test_a_key_that_cannot_sign_is_a_credential_that_does_not_work() -> None:
    kind = {"token_url": "/oauth/token", "issuer": "7", "private_key": "not a key"}
    system = System({"jwt_assertion": kind})
    with pytest.raises(CredentialsError, match="cannot sign") as caught:
        await system.client.read("/things")
    assert "not a key" not in str(caught.value)
    assert system.asked == []


@pytest.mark.parametrize(
    ("settings", "answer", "header", "value"),
    [
        (
            {"cookie": "JSESSIONID", "form": True},
            httpx.Response(
                200,
                headers=[
                    ("set-cookie", "a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT"),
                    ("set-cookie", "JSESSIONID=x7; Path=/"),
                ],
                json={},
            ),
            "cookie",
            "JSESSIONID=x7",
        ),
        (
            {"field": "data.token", "header": "X-Session", "prefix": ""},
            httpx.Response(200, json={"data": {"token": "x7"}}),
            "x-session",
            "x7",
        ),
    ],
)
async def test_a_session(settings: dict[str, Any], answer: httpx.Response, header: str, value: str) -> None:
    login = {"login_url": "/login", "user": "us", "password": "s3cret", "user_field": "name"}
    system = System({"session": {**login, **settings}})
    system.answer = lambda n: answer
    await system.client.read("/things")
    sent = system.form() if settings.get("form") else orjson.loads(system.asked[0].content)
    assert sent == {"name": "us", "password": "s3cret"}
    assert system.calls[0].headers[header] == value


async def test_a_token_is_used_until_it_is_due() -> None:
    system = System({"oauth2_client_credentials": {**CLIENT, "renew_at": 0.5}})
    for _ in range(3):
        await system.client.read("/things")
    system.clock.advance(49)
    await system.client.read("/things")
    assert len(system.asked) == 1
    system.clock.advance(1)
    await system.client.read("/things")
    assert (len(system.asked), system.shown[-1]) == (2, "Bearer t2")


async def test_a_token_without_an_end_is_used_until_it_is_refused() -> None:
    """As Salesforce gives them (facts.md 5 [HAR-SF])."""
    system = System({"oauth2_client_credentials": CLIENT})
    system.told = {}
    await system.client.read("/things")
    system.clock.advance(10**6)
    await system.client.read("/things")
    assert len(system.asked) == 1
    system.accepts = only("t2")
    await system.client.write("POST", "/things", {})
    assert system.shown[-2:] == ["Bearer t1", "Bearer t2"]


async def test_many_calls_at_once_ask_for_one_token() -> None:
    system = System({"oauth2_client_credentials": CLIENT})
    await asyncio.gather(*(system.client.read("/things") for _ in range(20)))
    assert (len(system.asked), set(system.shown)) == (1, {"Bearer t1"})
    system.accepts = only("t2")
    await asyncio.gather(*(system.client.read("/things") for _ in range(20)))
    assert len(system.asked) == 2


async def test_a_refresh_token_is_replaced_by_the_one_that_came_with_the_answer() -> None:
    system = System({"oauth2_refresh": {**CLIENT, "refresh_token": "first"}})
    system.told = {"expires_in": "100", "refresh_token": "second"}
    await system.client.read("/things")
    system.told = {"expires_in": 100}
    system.clock.advance(80)
    await system.client.read("/things")
    system.clock.advance(80)
    await system.client.read("/things")
    assert [system.form(at)["refresh_token"] for at in range(3)] == ["first", "second", "second"]
    assert system.form(0)["grant_type"] == "refresh_token"


async def test_a_fresh_token_that_is_refused_too_is_the_end() -> None:
    system = System({"oauth2_client_credentials": CLIENT})
    system.accepts = lambda request: False
    with pytest.raises(CredentialsError) as caught:
        await system.client.write("POST", "/things", {"x": 1})
    assert (system.shown, len(system.asked)) == (["Bearer t1", "Bearer t2"], 2)
    assert "s3cret" not in f"{caught.value}{caught.value.evidence}"


REFUSALS = [
    (httpx.Response(400, json={"error": "invalid_grant", "error_description": "s3cret"}), CredentialsError),
    (httpx.Response(401, text="<html>no</html>"), CredentialsError),
    (httpx.Response(404, json={}), CredentialsError),
    (httpx.Response(401, json={"error": "server_error"}), CredentialsError),
    (httpx.Response(429, headers={"retry-after": "7"}), Throttled),
    (httpx.Response(503, json={}), RenewalUnanswered),
    (httpx.Response(400, json={"error": "temporarily_unavailable"}), Retryable),
    (httpx.Response(200, json={"error": "odd"}), RenewalUnanswered),
    (httpx.Response(200, json={"data": {"access_token": "s3cret-t0ken"}}), RenewalUnanswered),
    (httpx.Response(200, text="<html>Maintenance</html>"), RenewalUnanswered),
]


@pytest.mark.parametrize(("answer", "error"), REFUSALS)
async def test_a_token_that_is_not_given(answer: httpx.Response, error: type[Exception]) -> None:
    """Nothing of the write itself was sent, so its outcome is never unknown."""
    system = System({"oauth2_client_credentials": CLIENT})
    system.answer = lambda n: answer
    with pytest.raises(error) as caught:
        await system.client.write("POST", "/things", {})
    assert not isinstance(caught.value, OutcomeUnknown)
    assert type(caught.value) is error
    conclusion = concluded(caught.value, Gate(system.clock))
    assert (conclusion.outcome, conclusion.counts) == (Outcome.NOT_APPLIED, False), (
        "it would use up a try of the record"
    )
    assert "s3cret" not in f"{caught.value}{getattr(caught.value, 'evidence', '')}"
    assert system.calls == []


async def test_a_new_credential_is_taken_and_calls_under_way_keep_theirs() -> None:
    ring = Ring({"bearer": {"token": "old"}}, {"bearer": {"token": "new"}})
    system = System(keyring=ring)
    held, came = asyncio.Event(), asyncio.Semaphore(0)

    async def slowly(request: httpx.Request) -> httpx.Response:
        system.calls.append(request)
        came.release()
        await held.wait()
        return httpx.Response(200, json={})

    system.client._transport = httpx.MockTransport(slowly)
    first = asyncio.create_task(system.client.read("/things"))
    await came.acquire()
    ring.at = 1
    second = asyncio.create_task(system.client.read("/things"))
    await came.acquire()
    held.set()
    await asyncio.gather(first, second)
    assert system.shown == ["Bearer old", "Bearer new"]


async def test_a_refused_credential_that_was_replaced_meanwhile_is_tried_as_the_new_one() -> None:
    ring = Ring({"bearer": {"token": "old"}}, {"bearer": {"token": "new"}})
    system = System(keyring=ring)

    def turning(request: httpx.Request) -> bool:
        ring.at = 1
        return only("new")(request)

    system.accepts = turning
    await system.client.write("POST", "/things", {})
    assert system.shown == ["Bearer old", "Bearer new"]


async def test_while_both_are_good_the_former_one_is_tried_where_the_new_one_is_not_known_yet() -> None:
    ring = Ring({"bearer": {"token": "old"}}, {"bearer": {"token": "new"}})
    system = System(keyring=ring)
    ring.at, ring.before = 1, 0
    system.accepts = only("old")
    await system.client.write("POST", "/things", {})
    assert system.shown == ["Bearer new", "Bearer old"]
    system.accepts = lambda request: False
    with pytest.raises(CredentialsError):
        await system.client.write("POST", "/things", {})
    assert len(system.shown) == 4, "each is tried once"


async def test_an_old_token_serves_while_the_new_client_gets_none() -> None:
    old, new = ({"oauth2_client_credentials": {**CLIENT, "client_secret": each}} for each in ("old", "new"))
    ring = Ring(old, new)
    system = System(keyring=ring)
    await system.client.read("/things")
    ring.at, ring.before = 1, 0
    system.answer = lambda n: httpx.Response(401, json={"error": "invalid_client"})
    await system.client.read("/things")
    assert system.shown == ["Bearer t1", "Bearer t1"]


WRONG = [
    {"basic": {"user": "a"}},
    {"basic": {"user": "a", "password": ""}},
    {"basic": {"user": "a", "password": "b"}, "bearer": {"token": "c"}},
    {"api_key": {"key": "k3y"}},
    {"api_key": {"key": "k3y", "header": "a", "query": "b"}},
    {"oauth2_client_credentials": {"token_url": "/x", "client_id": "a"}},
    {"oauth2_client_credentials": {**CLIENT, "renew_at": 0}},
    {"session": {"login_url": "/x", "user": "a", "password": "k3y"}},
    {"kerberos": {}},
    {},
]


@pytest.mark.parametrize("auth", WRONG)
def test_settings_that_cannot_sign_in(auth: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"error\[auth\]") as caught:
        System(auth)
    assert "k3y" not in str(caught.value)


def test_every_kind_knows_its_secrets() -> None:
    """A field that sounds like a secret and is not told to redaction would be shown."""
    for kind in (each for name, each in KINDS.items() if name != "none"):
        names = {"password", "token", "key", "client_secret", "refresh_token", "private_key"}
        secret = [each for each in kind.__struct_fields__ if each in names]
        assert secret, kind
        given: Any = {each.name: "x" for each in msgspec.structs.fields(kind) if each.required} | {
            each: f"S-{each}" for each in secret
        }
        assert set(secrets_of(kind(**given))) == {f"S-{each}" for each in secret}
