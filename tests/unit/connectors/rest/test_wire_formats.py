"""What only a description can tell the client: vendor signs that settle a write, bodies of another format, and what of
an answer may not be kept.
"""

from __future__ import annotations

import httpx
import msgspec
import pytest

from connectors.contract.clock import SystemClock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import Conflict, DeliveryError, OutcomeUnknown, Refused, Retryable, Throttled
from connectors.rest import Answer, RestClient
from connectors.rest.classify import Sign
from connectors.rest.links import next_link
from connectors.rest.wire import Wire

LINES = Wire("text/lines", "text/lines", lambda body: "\n".join(body).encode(), lambda raw: (True, raw.split()))


def client(answer: httpx.Response, seen: list[httpx.Request], **how: object) -> RestClient:
    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer

    settings = ConnectionSettings(name="x", connector="x", url="https://x.test", auth={"none": {}})
    return RestClient(settings, clock=SystemClock(), transport=httpx.MockTransport(reply), **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sign", "error"),
    [
        (Sign.THROTTLED, Throttled),
        (Sign.NOT_YET, Retryable),
        (Sign.MOVED, Conflict),
        (Sign.NO, Refused),
        (Sign.BROKEN_OFF, OutcomeUnknown),
    ],
)
@pytest.mark.parametrize("status", [200, 403, 500])
async def test_a_vendors_sign_outweighs_the_status(sign: Sign, error: type[DeliveryError], status: int) -> None:
    asked = client(httpx.Response(status, json={}), [], vendor=lambda call, answer: sign)
    with pytest.raises(error):
        await asked.write("POST", "/a", {})


async def test_bodies_go_and_come_in_the_clients_own_format() -> None:
    seen: list[httpx.Request] = []
    asked = client(httpx.Response(200, content=b"one two"), seen, wire=LINES)
    answer = await asked.write("POST", "/a", ["a", "b"], headers={"X-Version": "2"})
    assert answer.data == [b"one", b"two"]
    assert (seen[0].content, seen[0].headers["content-type"]) == (b"a\nb", "text/lines")
    assert seen[0].headers["x-version"] == "2"
    assert "authorization" not in seen[0].headers, "nobody signs in"


async def test_a_write_without_body_sends_none() -> None:
    seen: list[httpx.Request] = []
    await client(httpx.Response(204), seen).write("DELETE", "/a", None, empty_ok=True)
    assert seen[0].content == b""
    assert "content-type" not in seen[0].headers


async def test_what_is_veiled_is_not_in_the_evidence() -> None:
    def veil(answer: Answer) -> Answer:
        return msgspec.structs.replace(answer, body=answer.body.replace(b"ann@example.com", b"***"))

    asked = client(httpx.Response(422, json={"who": "ann@example.com"}), [], veil=veil)
    with pytest.raises(Refused) as refused:
        await asked.write("POST", "/a", {})
    assert "ann@example.com" not in str(refused.value.evidence)
    assert "***" in str(refused.value.evidence)


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<https://x.test/a?page=2>; rel="next", <https://x.test/a?page=9>; rel="last"', "https://x.test/a?page=2"),
        ("</a?page=2>; rel=next", "/a?page=2"),
        ('<https://x.test/a,b;c>; title="rel=\\"next"; rel="prev"', ""),
        ('<https://x.test/1>; rel="prev next"', "https://x.test/1"),
        ("", ""),
        ("next", ""),
    ],
)
def test_the_next_page_of_a_link_header(header: str, target: str) -> None:
    assert next_link(header) == target
