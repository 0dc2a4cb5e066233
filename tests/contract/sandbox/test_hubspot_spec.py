"""What the connector asks of HubSpot, and what the stand-in answers, is what the vendor's OpenAPI documents say; and a
search that ends early hides nothing.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from httpx_aiohttp import AiohttpTransport
from jsonschema import Draft202012Validator

from connectors import registry, sandbox
from connectors.conformance.bench import round_of
from connectors.contract.connector import ConnectionSettings, Connector, ListsIds
from connectors.contract.errors import Refused, Throttled
from connectors.contract.fields import TellsFields
from connectors.contract.values import Ref, Write, WriteKind
from connectors.sandbox.hubspot import api
from tests.support.shared import require_shared
from tests.unit.connectors.clocks import SteppingClock

PLURALS = {"ticket": "tickets", "contact": "contacts", "company": "companies", "deal": "deals"}
VALUES = {
    "ticket": {"subject": "x", "hs_pipeline_stage": "1"},
    "contact": {"email": "ann@example.com"},
    "company": {"name": "Acme"},
    "deal": {"dealname": "Big"},
}
Exchange = tuple[httpx.Request, bytes, int, bytes]


class Listening(httpx.AsyncBaseTransport):
    """Passes requests on and keeps what was said."""

    def __init__(self) -> None:
        self._inner = AiohttpTransport()
        self.heard: list[Exchange] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        content = await answer.aread()
        self.heard.append((request, request.content, answer.status_code, content))
        headers = [(name, value) for name, value in answer.headers.multi_items() if name != "content-encoding"]
        return httpx.Response(answer.status_code, headers=headers, content=content)

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.fixture
async def crm(tmp_path: Path) -> AsyncIterator[tuple[Connector, Listening, httpx.AsyncClient]]:
    stand_in = await sandbox.start("hubspot", data=tmp_path / "hs.db")
    heard = Listening()
    settings = ConnectionSettings(
        name="crm", connector="hubspot", url=stand_in.url, auth={"bearer": {"token": "lockstep-secret"}}
    )
    connector = registry.create(settings, clock=SteppingClock(), transport=heard)
    ann = httpx.AsyncClient(base_url=stand_in.url, headers={"Authorization": "Bearer ann-secret"})
    try:
        yield connector, heard, ann
    finally:
        await connector.close()
        await ann.aclose()
        await stand_in.stop()


async def everything(connector: Connector) -> None:
    """Each request that the connector file has."""
    assert isinstance(connector, ListsIds) and isinstance(connector, TellsFields)
    await connector.check()
    await round_of(connector, None)
    for kind, properties in VALUES.items():
        write = Write(
            kind=WriteKind.CREATE,
            object=kind,
            operation="o",
            correlation=f"c-{kind}",
            values={"properties": properties},
        )
        ref = (await connector.apply(write)).ref
        assert await connector.find(kind, f"c-{kind}") == [ref]
        assert await connector.find(kind, "c-nobody") == []
        changed = Write(
            kind=WriteKind.UPDATE,
            object=kind,
            operation="o",
            correlation="c",
            ref=ref,
            values={"properties": properties},
        )
        await connector.apply(changed)
        assert (await connector.read(ref)).exists
        assert [each.id for each in (await connector.ids(kind, None)).listed] == [ref.id]
        assert "lockstep_key" in {each.name for each in await connector.fields(kind)}
        await connector.apply(Write(kind=WriteKind.DELETE, object=kind, operation="o", correlation="c", ref=ref))
        assert not (await connector.read(ref)).exists
        with pytest.raises(Refused, match="does not exist"):
            await connector.apply(
                Write(
                    kind=WriteKind.CREATE,
                    object=kind,
                    operation="o",
                    correlation="d",
                    values={"properties": {"no": "x"}},
                )
            )


async def test_every_exchange_fits_the_vendors_document(crm: tuple[Connector, Listening, httpx.AsyncClient]) -> None:
    connector, heard, _ = crm
    await everything(connector)
    wrong = [each for exchange in heard.heard for each in problems(exchange)]
    assert wrong == []
    assert {(request.method, re.sub(r"/[0-9]+|/c-[a-z]+", "/N", request.url.path)) for request, *_ in heard.heard} >= {
        (method, f"/crm/v3/objects/{plural}{rest}")
        for plural in PLURALS.values()
        for method, rest in (
            ("POST", "/search"),
            ("POST", "/batch/upsert"),
            ("GET", "/N"),
            ("PATCH", "/N"),
            ("GET", ""),
        )
    }


def problems(exchange: Exchange) -> Iterator[str]:
    """What does not fit, of a request and of its answer."""
    request, sent, status, answered = exchange
    *_, area, kind = request.url.path.split("/")[:5]
    of = "properties" if area == "properties" else "objects" if kind == "deals" else kind  # that of deals says 0-3
    name = f"hubspot-crm-{of}-v3.json"
    spec = orjson.loads(require_shared("vendor", "specs", name).read_bytes())
    path, operations = next(
        (path, each) for path, each in _longest_first(spec["paths"]) if _pattern(path).fullmatch(request.url.path)
    )
    operation = operations[request.method.lower()]
    said = f"{request.method} {path}"
    if sent:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        for error in validator(spec, schema).iter_errors(orjson.loads(sent)):
            if list(error.path)[:1] != ["sorts"]:  # the document says texts, the guide (and the service) blocks [HSD]
                yield f"{said}, sent: {error.json_path}: {error.message}"
    found = operation["responses"].get(str(status), operation["responses"].get("default", {}))
    if "$ref" in found:
        found = spec["components"]["responses"][found["$ref"].rpartition("/")[2]]
    content = next(iter(found.get("content", {}).values()), None)
    if content and answered:
        for error in validator(spec, content["schema"]).iter_errors(orjson.loads(answered)):
            yield f"{said}, answered {status}: {error.json_path}: {error.message}"


def _longest_first(paths: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(paths.items(), key=lambda each: ("{" in each[0].rpartition("/")[2], -len(each[0])))


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path))


def validator(spec: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """A schema of the document. A property without a value is null in answers, and is cleared by one; the document
    says text.
    """
    components = orjson.loads(
        orjson.dumps(spec["components"]).replace(
            b'"additionalProperties":{"type":"string"', b'"additionalProperties":{"type":["string","null"]'
        )
    )
    return Draft202012Validator({**schema, "components": components})


def test_the_check_against_the_document_can_fail() -> None:
    request = httpx.Request("POST", "https://api.hubapi.com/crm/v3/objects/tickets/batch/upsert")
    good = b'{"inputs":[{"id":"7","properties":{}}]}'
    answer = (
        b'{"status":"COMPLETE","results":[],"startedAt":"2026-01-01T00:00:00Z","completedAt":"2026-01-01T00:00:00Z"}'
    )
    assert list(problems((request, good, 200, answer))) == []
    assert len(list(problems((request, b'{"inputs":[{"id":7,"properties":{"a":1}}]}', 200, answer)))) == 2
    assert len(list(problems((request, good, 200, b'{"status":"DONE"}')))) == 4


async def test_a_search_that_ends_early_hides_nothing(
    crm: tuple[Connector, Listening, httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends at 10 000; here at 6."""
    monkeypatch.setattr(api, "MOST_FOUND", 6)
    *_, ann = crm
    settings = ConnectionSettings(
        name="crm",
        connector="hubspot",
        url=str(ann.base_url).rstrip("/"),
        auth={"bearer": {"token": "lockstep-secret"}},
        options={"page_size": 2},
        objects={"ticket": {}},
    )
    thin = registry.create(settings, clock=SteppingClock())
    _, cursor = await round_of(thin, None)
    made = set()
    for number in range(15):
        given = {"properties": {"subject": f"t{number}", "hs_pipeline_stage": "1"}}
        made.add((await ann.post("/crm/v3/objects/tickets", json=given)).json()["id"])
    changes, _ = await round_of(thin, cursor)
    await thin.close()
    assert made <= {each.snapshot.id for each in changes}


async def test_the_window_of_ten_seconds_waits(crm: tuple[Connector, Listening, httpx.AsyncClient]) -> None:
    connector, _, ann = crm
    await ann.patch("/_sandbox/options", json={"calls_per_ten_s": 2})
    await connector.read(Ref(object="ticket", id="7"))  # not there: the sign-in is proved, too
    with pytest.raises(Throttled, match="ten_secondly_rolling"):
        await connector.read(Ref(object="ticket", id="7"))
