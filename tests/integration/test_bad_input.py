"""Whatever reaches the port: refused with a reason, ignored and counted, or a case. Never a crash, never silence."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from tests.support.edges import SLOW_S, Sites, jira_headers, snow_headers
from tests.support.running import Running, free_port, started, write_config
from tests.support.waiting import until

WORDS = "the words of a stranger"


@pytest.fixture
async def run(tmp_path: Path, both: Sites) -> AsyncIterator[Running]:
    """A gateway that only webhooks tell of changes, so that a test knows where each one came from."""
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url, poll="1h")
    async with started(file, url) as running:
        yield running


def stored(directory: Path) -> tuple[int, int]:
    """How many notices there are, and how many messages were ever put into the stream."""
    with closing(sqlite3.connect(directory / "gateway" / "lockstep.db")) as db:
        (notices,) = db.execute("SELECT count(*) FROM notice").fetchone()
    with closing(sqlite3.connect(directory / "gateway" / "stream.db")) as db:
        (messages,) = db.execute("SELECT count(*) FROM entry").fetchone()
    return notices, messages


async def post(run: Running, connection: str, body: Any, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """The status and the document answered; a refusal is a problem document (RFC 9457)."""
    data = io.BytesIO(body) if isinstance(body, bytes) else body
    async with run.http.post(f"{run.url}/hooks/{connection}", data=data, headers=headers) as answer:
        said = await answer.json(content_type=None)
        if answer.status >= 400:
            assert answer.content_type == "application/problem+json", await answer.text()
            assert said["status"] == answer.status
            assert said["type"].endswith(said["code"])
            assert said["detail"]
        return answer.status, said


def incident_body(**said: Any) -> bytes:
    whole = {"id": "d-1", "table": "incident", "operation": "update", "sys_id": "5" * 32, "record": {}, "journal": []}
    return json.dumps(whole | said).encode()


def signed(connection: str, body: bytes, identifier: str = "") -> dict[str, str]:
    return snow_headers(body) if connection == "snow" else jira_headers(body, identifier)


FORGED: dict[str, tuple[str, Callable[[bytes], dict[str, str]]]] = {
    "none": ("snow", lambda body: {}),
    "of another secret": ("snow", lambda body: snow_headers(body, secret="guessed")),
    "an hour old": ("snow", lambda body: snow_headers(body, at=time.time() - 3600)),
    "not ASCII": ("snow", lambda body: snow_headers(body) | {"x-lockstep-signature": "sha256=ü"}),
    "no time": ("snow", lambda body: {"x-lockstep-signature": "sha256=00"}),
    "none, jira": ("jira", lambda body: {}),
    "of another secret, jira": ("jira", lambda body: jira_headers(body, "j-1", secret="guessed")),
    "of another body, jira": ("jira", lambda body: jira_headers(body + b" ", "j-1")),
    "another method, jira": ("jira", lambda body: {"x-hub-signature": "md5=" + hashlib.md5(body).hexdigest()}),
}


async def test_a_forged_webhook_is_refused_and_leaves_only_a_digest(run: Running, tmp_path: Path) -> None:
    before = stored(tmp_path)
    for name, (connection, headers) in FORGED.items():
        body = incident_body(record={"short_description": WORDS}, id=name)
        with capture_logs() as logs:
            status, said = await post(run, connection, body, headers(body))
        assert status == 401, name
        assert said["code"] in {"missing-signature", "bad-signature", "stale-signature"}
        assert WORDS not in str(said)
        assert WORDS not in str(logs)
        (entry,) = [entry for entry in logs if entry["event"] == "webhook refused"]
        assert entry["sha256"] == hashlib.sha256(body).hexdigest()
    refused = (await run.now())["worker"]["refused"]
    assert sum(n for name, n in refused.items() if name.startswith("snow:")) == 5
    assert sum(n for name, n in refused.items() if name.startswith("jira:")) == 4
    assert stored(tmp_path) == before


MALFORMED = {
    "empty": b"",
    "not JSON": b"{",
    "two documents": b"{}{}",
    "not UTF-8": b'{"id": "\xff"}',
    "a list": b"[]",
    "null": b"null",
    "a number": b"1" * 5000,
    "deep": b"[" * 200_000,
    "an empty object": b"{}",
    "an id that is a number": incident_body(id=7),
    "no sys_id": incident_body(sys_id=""),
    "a record that is a list": incident_body(record=[]),
    "a journal of texts": incident_body(journal=["x"]),
    "an unknown operation": incident_body(operation="upsert"),
    "an event that is a list": b'{"webhookEvent": []}',
    "an issue that is a text": b'{"webhookEvent": "jira:issue_updated", "issue": "OPS-1"}',
    "an issue without an id": b'{"webhookEvent": "jira:issue_updated", "issue": {"key": "OPS-1"}}',
    "a comment that is missing": b'{"webhookEvent": "comment_created", "issue": {"id": "1"}}',
}


async def test_a_malformed_body_is_refused_with_the_reason(run: Running, tmp_path: Path) -> None:
    before = stored(tmp_path)
    for name, body in MALFORMED.items():
        for connection in ("snow", "jira"):
            status, said = await post(run, connection, body, signed(connection, body, f"m-{name}"))
            assert status == 400, (name, connection, said)
    refused = (await run.now())["worker"]["refused"]
    assert sum(refused.values()) == 2 * len(MALFORMED)
    assert stored(tmp_path) == before


OUTSIDE = {
    "an unknown event": ("jira", {"webhookEvent": "sprint_started", "sprint": {"id": 1}}),
    "an event of tomorrow": ("jira", {"webhookEvent": "jira:issue_levitated", "issue": {"id": "1"}}),
    "another project": ("jira", {"webhookEvent": "jira:issue_updated", "issue": {"id": "9", "key": "SEC-1"}}),
    "another table": ("snow", {"id": "d-2", "table": "problem", "operation": "insert", "sys_id": "6" * 32}),
}


async def test_what_is_outside_the_flow_is_answered_ignored_and_counted(run: Running, tmp_path: Path) -> None:
    before = stored(tmp_path)
    for name, (connection, document) in OUTSIDE.items():
        body = json.dumps(document).encode()
        status, said = await post(run, connection, body, signed(connection, body, f"o-{name}"))
        assert (status, said["accepted"]) == (200, 0), name
        assert said["ignored"], name
    assert (await run.now())["worker"]["ignored"] == {"jira": 3, "snow": 1}
    assert stored(tmp_path) == before


async def test_an_unknown_connection_and_a_wrong_method(run: Running) -> None:
    status, said = await post(run, "salesforce", b"{}", {})
    assert (status, said["code"]) == (404, "unknown-connection")
    async with run.http.get(f"{run.url}/hooks/jira") as answer:
        assert answer.status == 405


async def test_a_body_that_is_too_large_is_refused(run: Running, tmp_path: Path) -> None:
    """Announced, streamed without a length, and compressed."""
    before = stored(tmp_path)
    limit = run.gateway.config.limits.body
    large = b"x" * (limit + 1)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(limit // (1 << 20) + 1):
            yield large[: 1 << 20]

    for body, headers in ((large, {}), (chunks(), {}), (gzip.compress(large), {"content-encoding": "gzip"})):
        status, said = await post(run, "jira", body, headers)
        assert (status, said["code"]) == (413, "too-large")
    assert (await run.now())["worker"]["refused"] == {"jira:too_large": 3}
    assert stored(tmp_path) == before


async def test_a_body_that_fits_the_port_but_not_the_stream_is_taken_as_a_hint(run: Running) -> None:
    document = {"webhookEvent": "jira:issue_updated", "issue": {"id": "1", "fields": {"description": "x" * (6 << 20)}}}
    fits = json.dumps(document).encode()
    status, said = await post(run, "jira", fits, jira_headers(fits, "large"))
    assert (status, said["accepted"]) == (200, 1)
    assert not (await run.now())["worker"]["refused"]


async def test_a_body_that_is_not_what_its_headers_say_is_refused(run: Running) -> None:
    status, said = await post(run, "jira", b"no gzip at all", {"content-encoding": "gzip"})
    assert (status, said["code"]) == (400, "unreadable")
    assert (await run.now())["worker"]["refused"] == {"jira:unreadable": 1}


UNFIT: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a delivery id without end": ("jira", "x" * 4000, {"id": "1"}),
    "an issue id without end": ("jira", "u-1", {"id": "1" * 4000}),
    "an issue id with a NUL": ("jira", "u-2", {"id": "1\0"}),
    "an issue key with a NUL": ("jira", "u-3", {"id": "1", "key": "OPS-1\0"}),
    "an issue key without end": ("jira", "u-4", {"id": "1", "key": "OPS-" + "1" * 4000}),
    "a sys_id with a NUL": ("snow", "", {"sys_id": "1\0"}),
    "a delivery id without end, snow": ("snow", "", {"id": "x" * 4000}),
    "a version beyond counting": ("snow", "", {"record": {"sys_mod_count": "9" * 17, "sys_id": "5" * 32}}),
}


async def test_an_identity_that_no_store_can_hold_is_refused_at_the_door(run: Running, tmp_path: Path) -> None:
    """Let in, it would fail in the database again and again, with everything behind it waiting (PostgreSQL does)."""
    before = stored(tmp_path)
    for name, (connection, identifier, part) in UNFIT.items():
        if connection == "jira":
            body = json.dumps({"webhookEvent": "jira:issue_updated", "issue": part}).encode()
            headers = jira_headers(body) | {"x-atlassian-webhook-identifier": identifier}
        else:
            body = incident_body(**part)
            headers = snow_headers(body)
        status, said = await post(run, connection, body, headers)
        assert (status, said["code"]) == (400, "does-not-fit"), (name, said)
    assert stored(tmp_path) == before


async def test_a_delivery_id_that_is_no_text_is_refused(run: Running) -> None:
    """No client of ours can send such a header, so it is put on the wire byte by byte."""
    body = b'{"webhookEvent": "jira:issue_updated", "issue": {"id": "1"}}'
    lines = [b"POST /hooks/jira HTTP/1.1", b"Host: here", b"Connection: close", b"Content-Length: %d" % len(body)]
    lines += [f"{name}: {value}".encode() for name, value in jira_headers(body).items()]
    lines += [b"X-Atlassian-Webhook-Identifier: \xff\xfe", b"", body]
    reader, writer = await asyncio.open_connection("127.0.0.1", int(run.url.rpartition(":")[2]))
    writer.write(b"\r\n".join(lines))
    said = await asyncio.wait_for(reader.read(), SLOW_S)
    writer.close()
    await writer.wait_closed()
    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"does-not-fit" in said


async def test_repeats_of_a_delivery_are_one_notice(run: Running, both: Sites, tmp_path: Path) -> None:
    """The stand-in repeats its own, then a vendor's retry comes that says something else under the same id."""
    await both.tell(run.url)
    await both.arm("jira", "hook_duplicate", match={"actor": "human"})
    number = await both.issue("printed twice")
    await until(lambda: both.objects("snow"), what="the incident", timeout_s=SLOW_S)
    await run.quiet()
    assert len(await both.objects("snow")) == 1
    notices, _ = stored(tmp_path)
    document = {"webhookEvent": "jira:issue_updated", "issue": {"id": number, "key": "OPS-1", "fields": {}}}
    for text in ("first", "second"):
        body = json.dumps(document | {"text": text}).encode()
        for _ in range(2):
            status, said = await post(run, "jira", body, jira_headers(body, "same"))
            assert (status, said["accepted"]) == (200, 1)
    await run.quiet()
    assert stored(tmp_path)[0] == notices + 1
    with closing(sqlite3.connect(tmp_path / "gateway" / "lockstep.db")) as db:
        told = "SELECT count(*) FROM notice WHERE delivery_key = 'same'"
        assert db.execute(told).fetchone() == (1,)


@asynccontextmanager
async def overheard(both: Sites) -> AsyncIterator[list[tuple[str, bytes]]]:
    """The bodies of real webhooks, caught on their way."""
    heard: list[tuple[str, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        heard.append((request.match_info["connection"], await request.read()))
        return web.Response()

    app = web.Application(client_max_size=1 << 24)
    app.add_routes([web.post("/hooks/{connection}", take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await both.tell(f"http://127.0.0.1:{port}")
    try:
        yield heard
    finally:
        await runner.cleanup()


async def _webhooks(both: Sites) -> dict[str, dict[str, Any]]:
    """One real webhook of each kind, as documents."""

    async def enough(heard: list[tuple[str, bytes]]) -> bool:
        return len(heard) >= 4

    async with overheard(both) as heard:
        number = await both.issue("heard")
        await both.issues.comment("bob", number, "and noted")
        place = await both.incident("seen")
        await both.incidents.comment("bob", place, "and noted, too")
        await until(lambda: enough(heard), what="four webhooks", timeout_s=SLOW_S)
    found = {}
    for connection, body in heard:
        document = json.loads(body)
        found[f"{connection} {document.get('webhookEvent') or document['operation']}"] = document
    return found


async def test_an_unknown_value_is_a_case_while_the_other_fields_go_on(run: Running, both: Sites) -> None:
    await both.tell(run.url)
    fields = {"short_description": "still goes on", "state": "42", "impact": "2", "urgency": "2"}
    made = await both.incidents._api.call("ann", "POST", "/api/now/table/incident", fields)
    (issue,) = await until(lambda: both.objects("jira"), what="the issue of the incident", timeout_s=SLOW_S)
    assert issue["raw"]["fields"]["summary"] == "still goes on"
    (group,) = await until(lambda: _groups(run), what="the case of the unknown state", timeout_s=SLOW_S)
    assert group["cause"] == "value.unknown"
    assert "'42'" in group["title"]

    known = {"state": "2", "u_new": "nobody knows this column"}
    await both.incidents._api.call("ann", "PATCH", f"/api/now/table/incident/{made['result']['sys_id']}", known)

    async def moved() -> bool:
        return bool((await both.objects("jira"))[0]["raw"]["fields"]["status"]["name"] == "In Progress")

    await until(moved, what="the known state to be carried", timeout_s=SLOW_S)
    await run.quiet()
    assert not await _groups(run)


async def test_unknown_fields_are_ignored(run: Running, both: Sites) -> None:
    heard = (await _webhooks(both))["snow insert"]
    heard["record"] |= {"u_new": {"deep": [1]}, "sys_new": None}
    heard["tomorrow"] = {"unheard": "of"}
    body = json.dumps(heard).encode()
    assert await post(run, "snow", body, snow_headers(body)) == (200, {"accepted": 1, "ignored": None})
    await until(lambda: both.objects("jira"), what="the issue of the incident", timeout_s=SLOW_S)


async def _groups(run: Running) -> list[dict[str, Any]]:
    return list((await run.now())["groups"])


STRANGE: tuple[Any, ...] = (None, True, -1, 2**70, 1e308, "", "\0\u2028 ü 🎈", [], {}, [[{}]], {"value": {"value": []}})


def _strangers(document: Any) -> Iterator[Any]:
    """The document with one part of it replaced by something of another type or meaning, for each part of it."""
    for number, path in enumerate(_paths(document)):
        for strange in (STRANGE[number % len(STRANGE)], STRANGE[(number * 7 + 3) % len(STRANGE)]):
            changed = deepcopy(document)
            place = changed
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = strange
            yield changed


def _paths(document: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = document.items() if isinstance(document, dict) else enumerate(document)
    for name, value in inner:
        yield (*here, name)
        if isinstance(value, dict | list):
            yield from _paths(value, (*here, name))


async def test_no_part_of_a_webhook_can_stop_the_gateway(run: Running, both: Sites) -> None:
    """Every part of real webhooks, spoilt, signed: answered 2xx or 4xx, and everything taken is dealt with."""
    answers = []
    for name, document in (await _webhooks(both)).items():
        connection = name.split()[0]
        for number, spoilt in enumerate(_strangers(document)):
            if connection == "snow" and spoilt.get("id") == document["id"]:
                spoilt["id"] = f"{name} {number}"
            body = json.dumps(spoilt).encode()
            status, said = await post(run, connection, body, signed(connection, body, f"{name} {number}"))
            assert status in {200, 400}, (status, said, body)
            answers.append(status)
    assert {200, 400} <= set(answers)

    async def drained() -> bool:
        stream = (await run.now())["stream"]
        return stream["ready"] and not any(stream["lag"].values())

    await until(drained, what="the stream to be empty", timeout_s=SLOW_S)
    assert not [group for group in await _groups(run) if group["cause"] == "notice.poison"]
    await both.tell(run.url)
    await both.issue("after the storm")

    async def carried() -> bool:
        return "after the storm" in await both.texts("snow")

    await until(carried, what="an honest issue", timeout_s=SLOW_S)
