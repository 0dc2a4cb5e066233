"""RestClient against respx: what is sent, what is tried again, what is kept."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import httpx
import orjson
import pytest
import respx

from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import (
    ConfigError,
    CredentialsError,
    DeliveryError,
    OutcomeUnknown,
    Refused,
    Retryable,
    Throttled,
)
from connectors.rest import RestClient
from tests.unit.connectors.clocks import SteppingClock

URL = "https://system.example"


class Setup:
    """A client whose every request meets respx; sleeping takes no time but moves the clock."""

    def __init__(self, **settings: Any) -> None:
        self.router = respx.MockRouter(assert_all_called=False)
        self.clock = SteppingClock()
        self.slept: list[float] = []
        given = {"name": "sys", "connector": "x", "url": URL + "/", "auth": {"bearer": {"token": "t0k3n"}}} | settings
        self.client = RestClient(
            ConnectionSettings(**given),
            clock=self.clock,
            transport=httpx.MockTransport(self.router.async_handler),
            sleep=self.sleep,
            size_cap=1000,
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)


@pytest.fixture
def at() -> Setup:
    return Setup()


async def test_read_sends_prepared_headers_and_query(at: Setup) -> None:
    route = at.router.get(f"{URL}/things").respond(json={"ok": 1})
    answer = await at.client.read("/things", {"q": "a b^c=1", "n": 2})
    assert answer.data == {"ok": 1}
    request = route.calls.last.request
    assert request.url.params["q"] == "a b^c=1"
    assert request.headers["authorization"] == "Bearer t0k3n"
    assert request.headers["accept"] == "application/json"
    assert "content-type" not in request.headers


async def test_write_sends_json_operation_trace_and_precondition(at: Setup) -> None:
    route = at.router.patch(f"{URL}/things/1").respond(json={})
    await at.client.write("PATCH", "/things/1", {"a": "é"}, operation="op1", traceparent="00-a-b-01", etag='"7"')
    request = route.calls.last.request
    assert orjson.loads(request.content) == {"a": "é"}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-lockstep-operation"] == "op1"
    assert request.headers["traceparent"] == "00-a-b-01"
    assert request.headers["if-match"] == '"7"'


async def test_what_a_request_says_otherwise_is_said_once(at: Setup) -> None:
    route = at.router.get(f"{URL}/things").respond(json={})
    await at.client.read("/things", headers={"User-Agent": "Acme sync 7", "Accept": "application/json; v=2"})
    sent = route.calls.last.request.headers
    assert sent.get_list("user-agent") == ["Acme sync 7"] and sent.get_list("accept") == ["application/json; v=2"]
    posted = at.router.post(f"{URL}/things").respond(json={})
    await at.client.write("POST", "/things", {}, operation="op1", headers={"User-Agent": "Acme sync 7"})
    assert posted.calls.last.request.headers.get_list("user-agent") == ["Acme sync 7"]
    await at.client.read("/things")
    assert route.calls.last.request.headers.get_list("user-agent") == ["lockstep"], "nothing stays behind"


async def test_basic_auth() -> None:
    at = Setup(auth={"basic": {"user": "ann", "password": "pw"}})
    route = at.router.get(f"{URL}/").respond(json={})
    await at.client.read("/")
    assert route.calls.last.request.headers["authorization"] == "Basic YW5uOnB3"
    assert at.client.user == "ann"


@pytest.mark.parametrize(
    "auth",
    [
        {},
        {"basic": {"user": "a"}},
        {"bearer": {"token": ""}},
        {"digest": {}},
        {"basic": "a:b"},
        {"basic": {"user": "a", "password": "b"}, "bearer": {"token": "c"}},
    ],
)
def test_unusable_auth_is_a_config_error(auth: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="connection sys"):
        Setup(auth=auth)


SENT_OR_NOT: list[tuple[Exception, type[DeliveryError], type[DeliveryError]]] = [
    (httpx.ConnectError("refused"), Retryable, Retryable),
    (httpx.ConnectTimeout("connect"), Retryable, Retryable),
    (httpx.PoolTimeout("pool"), Retryable, Retryable),
    (httpx.ReadTimeout("read"), Retryable, OutcomeUnknown),
    (httpx.WriteTimeout("write"), Retryable, OutcomeUnknown),
    (httpx.ReadError("reset"), Retryable, OutcomeUnknown),
    (httpx.WriteError("broken pipe"), Retryable, OutcomeUnknown),
    (httpx.RemoteProtocolError("garbage"), Retryable, OutcomeUnknown),
    (httpx.UnsupportedProtocol("ftp"), Refused, Refused),
    (TimeoutError(), Retryable, OutcomeUnknown),
]


@pytest.mark.parametrize(
    ("raised", "read", "write"), SENT_OR_NOT, ids=lambda value: getattr(value, "__name__", str(value))
)
async def test_transport_failures(
    at: Setup, raised: Exception, read: type[DeliveryError], write: type[DeliveryError]
) -> None:
    at.router.route().mock(side_effect=raised)
    with pytest.raises(DeliveryError) as got:
        await at.client.read("/")
    assert type(got.value) is read
    with pytest.raises(DeliveryError) as got:
        await at.client.write("POST", "/", {})
    assert type(got.value) is write
    assert got.value.__cause__ is raised


async def test_read_is_tried_again_twice_and_briefly(at: Setup) -> None:
    route = at.router.get(f"{URL}/").mock(
        side_effect=[httpx.ReadTimeout("1"), httpx.Response(502), httpx.Response(200, json={"third": True})]
    )
    assert (await at.client.read("/")).data == {"third": True}
    assert route.call_count == 3
    assert [0 <= wait <= 0.4 for wait in at.slept] == [True, True]


async def test_read_gives_up_after_three(at: Setup) -> None:
    route = at.router.get(f"{URL}/").respond(502)
    with pytest.raises(Retryable):
        await at.client.read("/")
    assert route.call_count == 3


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(503, headers={"retry-after": "9"}), Retryable),
        (httpx.Response(429), Throttled),
        (httpx.Response(401), CredentialsError),
        (httpx.Response(404), Refused),
    ],
    ids=lambda value: str(getattr(value, "status_code", "")),
)
async def test_what_a_moment_does_not_mend_is_not_tried_again(
    at: Setup, answer: httpx.Response, kind: type[DeliveryError]
) -> None:
    route = at.router.get(f"{URL}/").mock(return_value=answer)
    with pytest.raises(kind):
        await at.client.read("/")
    assert route.call_count == 1


async def test_no_more_tries_than_the_time_out_allows() -> None:
    at = Setup(timeout_s=10.0)

    def slow(request: httpx.Request) -> httpx.Response:
        at.clock.advance(9.8)
        return httpx.Response(502)

    route = at.router.get(f"{URL}/").mock(side_effect=slow)
    with pytest.raises(Retryable):
        await at.client.read("/")
    assert route.call_count == 1


@pytest.mark.parametrize("answer", [httpx.Response(502), httpx.ReadTimeout("x"), httpx.Response(200, text="<html>")])
async def test_write_is_sent_once_whatever_comes(at: Setup, answer: Any) -> None:
    """Passes wrongly if the second try succeeded: hence the answer stays the same for every call."""
    mocked: dict[str, Any] = {"return_value": answer} if isinstance(answer, httpx.Response) else {"side_effect": answer}
    route = at.router.put(f"{URL}/").mock(**mocked)
    with pytest.raises(OutcomeUnknown):
        await at.client.write("PUT", "/", {})
    assert route.call_count == 1
    assert at.slept == []


async def test_size_cap(at: Setup) -> None:
    at.router.get(f"{URL}/").respond(200, text='"' + "x" * 2000 + '"')
    with pytest.raises(Refused) as refused:
        await at.client.read("/")
    assert refused.value.evidence["failure"] == "too_large"
    at.router.post(f"{URL}/").respond(201, text='"' + "x" * 2000 + '"')
    with pytest.raises(OutcomeUnknown):
        await at.client.write("POST", "/", {})


class Held:
    """Takes what comes."""

    def __init__(self, most: int) -> None:
        self.most, self.began, self.content = most, 0, b""

    def begin(self) -> None:
        self.began, self.content = self.began + 1, b""

    def take(self, chunk: bytes) -> None:
        self.content += chunk


async def test_a_file_is_taken_as_it_comes_and_begins_anew_after_trouble(at: Setup) -> None:
    content = bytes(range(256)) * 20
    at.router.get(f"{URL}/file").mock(side_effect=[httpx.Response(503), httpx.Response(200, content=content)])
    into = Held(len(content))
    answer = await at.client.read("/file", sink=into)
    assert (into.content, into.began, answer.body) == (content, 1, b"")
    at.router.get(f"{URL}/gone").respond(404, json={"why": "gone"})
    assert (await at.client.read("/gone", tolerate={404}, sink=into)).data == {"why": "gone"}
    at.router.get(f"{URL}/more").respond(200, content=content)
    with pytest.raises(Refused) as refused:
        await at.client.read("/more", sink=Held(len(content) - 1))
    assert refused.value.evidence["failure"] == "too_large"


async def test_a_form_is_read_from_its_file_and_says_how_long_it_is(at: Setup) -> None:
    route = at.router.post(f"{URL}/files").respond(200, json=[{"id": 1}])
    content = BytesIO(b"x" * 5000)
    await at.client.write("POST", "/files", None, files={"file": ("a.txt", content, "text/plain")})
    request = route.calls.last.request
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert int(request.headers["content-length"]) == len(request.content) > 5000
    assert b'filename="a.txt"' in request.content


async def test_a_compressed_answer_is_capped_by_what_it_unfolds_to(at: Setup) -> None:
    import gzip

    bomb = gzip.compress(b"[" + b" " * 5_000_000 + b"]")
    at.router.get(f"{URL}/").respond(200, content=bomb, headers={"content-encoding": "gzip"})
    with pytest.raises(Refused):
        await at.client.read("/")


async def test_budget_and_clock_offset_are_kept(at: Setup) -> None:
    at.clock.wall = 1_700_000_000.0
    headers = {"date": "Tue, 14 Nov 2023 22:23:20 GMT", "x-ratelimit-limit": "50", "x-ratelimit-remaining": "2"}
    at.router.get(f"{URL}/").respond(200, json={}, headers=headers)
    await at.client.read("/")
    assert abs(at.client.clock_offset_s - 600) < 1.1
    assert (at.client.budget.limit, at.client.budget.remaining) == (50, 2)


async def test_budget_is_kept_from_errors_too(at: Setup) -> None:
    at.router.get(f"{URL}/").respond(429, headers={"x-ratelimit-remaining": "0", "retry-after": "3"})
    with pytest.raises(Throttled) as got:
        await at.client.read("/")
    assert at.client.budget.remaining == 0
    assert got.value.retry_after_s == 3.0


async def test_repeated_headers_are_joined(at: Setup) -> None:
    at.router.get(f"{URL}/").mock(return_value=httpx.Response(200, json={}, headers=[("link", "a"), ("Link", "b")]))
    assert (await at.client.read("/")).headers["link"] == "a, b"


async def test_error_page_that_echoes_our_token_shows_none(at: Setup) -> None:
    at.router.get(f"{URL}/").respond(404, text="you sent Bearer t0k3n")
    with pytest.raises(Refused) as refused:
        await at.client.read("/")
    assert "t0k3n" not in f"{refused.value} {refused.value.evidence}"


@pytest.mark.parametrize("check", [lambda data: "", lambda data: "not this"], ids=["sound", "unsound"])
async def test_shape_check(at: Setup, check: Callable[[Any], str]) -> None:
    at.router.get(f"{URL}/").respond(200, json={})
    if check({}) == "":
        await at.client.read("/", sound=check)
        return
    with pytest.raises(Retryable, match="not this"):
        await at.client.read("/", sound=check)


@pytest.mark.parametrize("text", [r'{"x": "cut \ud83d"}', r'{"x": "\ude00 cut"}'])
async def test_half_a_character_does_not_make_an_answer_unreadable(at: Setup, text: str) -> None:
    at.router.get(f"{URL}/things").respond(text=text, headers={"content-type": "application/json"})
    answer = await at.client.read("/things")
    assert "cut" in answer.data["x"] and answer.data["x"].encode()
