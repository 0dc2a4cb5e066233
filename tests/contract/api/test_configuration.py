"""Registering over the API: what is planned is what is put in place, a stale plan says what moved, and a gateway
that is told to works by it while nobody is turned away.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.app import run as app_run
from gateway.config import load
from tests.support.running import ENVIRONMENT, TOKEN, write_config

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "brambledesk"
LOOSE = """\
connections:
  desk:
    connector: brambledesk
    url: "http://127.0.0.1:9"
    auth: {oauth2_client_credentials: {client_id: lockstep, client_secret: "secret:client_secret"}}
"""
FLOW = f"""\
  desk2:
{LOOSE.partition("  desk:" + chr(10))[2]}\
flows:
  tickets:
    begins: shadow
    type: incident
    members:
      desk: {{object: ticket, mapping: brambledesk-ticket.yaml}}
      desk2: {{object: ticket, mapping: brambledesk-ticket.yaml}}
"""
PEOPLE = """
access:
  tokens:
    tests: {secret: '${TOKEN_OF_THE_TESTS}', roles: [admin]}
    ivy: {secret: '${TOKEN_OF_IVY}', roles: [integrator]}
    narrow: {secret: '${TOKEN_OF_NARROW}', roles: [integrator], connections: [snow]}
"""
IVY, NARROW = "token-of-ivy-0123456789abc", "token-of-narrow-0123456789"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**ENVIRONMENT, "TOKEN_OF_IVY": IVY, "TOKEN_OF_NARROW": NARROW}.items():
        monkeypatch.setenv(name, value)


def desk_files(part: str = LOOSE) -> dict[str, str]:
    names = ("brambledesk-ticket.yaml", "connectors/brambledesk.yaml")
    return {"desk.yaml": part, **{name: (EXAMPLES / name).read_text() for name in names}}


class Caller:
    """Asks one gateway for somebody."""

    def __init__(self, url: str, token: str) -> None:
        self.http = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    async def post(self, verb: str, body: dict[str, Any], etag: str = "") -> httpx.Response:
        headers = {"Idempotency-Key": secrets.token_hex(8)} | ({"If-Match": etag} if etag else {})
        return await self.http.post(f"/v1/{verb}", json=body, headers=headers)

    async def works_by_it(self) -> bool:
        """Nobody is turned away meanwhile (ConnectError): who comes is answered by the parts that follow. What was open
        is closed, which may cross with a request.
        """
        try:
            return bool((await self.http.get("/v1/configuration")).json()["taken_up"])
        except httpx.RemoteProtocolError:
            return False

    async def put(self, body: dict[str, Any], **more: Any) -> httpx.Response:
        planned = await self.post("configuration:plan", body)
        assert planned.status_code == 200, planned.text
        return await self.post("configuration:apply", {**body, **more}, planned.headers["ETag"])


@asynccontextmanager
async def serving(directory: Path) -> AsyncIterator[tuple[Path, Caller, Caller, Caller]]:
    """The process's own loop, so that it can begin again; the systems are away."""
    file, url = write_config(directory, snow="http://127.0.0.1:9", jira="http://127.0.0.1:9", extra=PEOPLE)
    serve = asyncio.create_task(app_run._serving(load(file, os.environ)))
    callers = [Caller(url, token) for token in (TOKEN, IVY, NARROW)]
    try:
        async with asyncio.timeout(30):
            while not serve.done():
                try:
                    await callers[0].http.get("/livez")
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0)
        yield file, callers[0], callers[1], callers[2]
    finally:
        for each in callers:
            await each.http.aclose()
        serve.cancel()
        await asyncio.wait({serve})


def state(file: Path) -> dict[str, bytes]:
    return {str(each.relative_to(file.parent)): each.read_bytes() for each in file.parent.rglob("*.yaml")}


async def test_from_a_plan_to_a_gateway_that_works_by_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as (file, ada, ivy, _):
        before = state(file)
        body = {"files": desk_files(LOOSE + FLOW)}
        planned = await ivy.post("configuration:plan", body)
        found = planned.json()
        assert [(each["change"]["kind"], each["change"]["name"]) for each in found["steps"]] == [
            ("connection", "desk"),
            ("connection", "desk2"),
            ("flow", "tickets"),
            ("file", "brambledesk-ticket.yaml"),
            ("file", "connectors/brambledesk.yaml"),
        ]
        assert found["admin"] == [] and state(file) == before
        etag = planned.headers["ETag"]

        placed = await ivy.post("configuration:apply", {**body, "reason": "a desk"}, etag)
        assert placed.status_code == 200, placed.text
        assert (placed.json()["version"], placed.json()["taken_up"]) == (2, False)
        assert (file.parent / "connectors" / "brambledesk.yaml").is_file()
        versions = (await ivy.http.get("/v1/configuration/versions")).json()
        assert [(each["kind"], each["actor"], each["reason"]) for each in versions] == [
            ("applied", "token ivy", "a desk"),
            ("found", versions[1]["actor"], ""),
        ]
        again = await ivy.put(body)
        assert (again.json()["version"], again.json()["changes"]) == (2, []), "said again it is nothing"

        assert (await ada.http.get("/v1/connections/desk")).status_code == 404
        begun = await ivy.post("configuration:take-up", {})
        assert (begun.status_code, begun.json()["taken_up"]) == (202, False)
        while not await ivy.works_by_it():
            pass
        assert (await ada.http.get("/v1/connections/desk")).json()["connector"].endswith("brambledesk.yaml")
        assert (await ada.http.get("/v1/flows/tickets")).json()["stage"] == "shadow"
        assert (await ivy.post("configuration:take-up", {})).status_code == 200
        trail = (await ada.http.get("/v1/audit?people=true")).json()["items"]
        assert {"configuration_applied", "configuration_taken_up"} <= {each["kind"] for each in trail}


async def test_what_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as (file, ada, ivy, narrow):
        before = state(file)
        wrong = await ivy.post("configuration:plan", {"files": desk_files(LOOSE + FLOW.replace("desk: {", "dsk: {"))})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "configuration-invalid")
        (one,) = wrong.json()["errors"]
        assert (one["pointer"], one["file"], one["line"], one["column"]) == ("/files/desk.yaml", "desk.yaml", 15, 7)
        assert one["rule"] == "unknown-connection" and one["fix"] == "try 'desk'"

        stale = await ivy.post("configuration:plan", {"files": desk_files()})
        moved = await ivy.post("configuration:apply", {"files": desk_files(LOOSE + FLOW)}, stale.headers["ETag"])
        assert (moved.status_code, moved.json()["code"]) == (412, "configuration-stale")
        assert any("other files were handed in" in each for each in moved.json()["moved"])
        assert (
            await ada.put(
                {
                    "files": {
                        "p.yaml": LOOSE.replace("brambledesk", "jira").replace(
                            "oauth2_client_credentials: {client_id: lockstep, client_secret", "bearer: {token"
                        )
                    }
                },
                reason="first",
            )
        ).status_code == 200
        moved = await ivy.post("configuration:apply", {"files": desk_files()}, stale.headers["ETag"])
        assert "applied by token tests: connection desk added" in moved.json()["moved"][0]

        outside = await ivy.post("configuration:plan", {"files": {"a/../../x.yaml": "mapping: x\n"}})
        assert outside.json()["errors"][0]["rule"] == "outside"
        odd = await ivy.post("configuration:plan", {"files": {"x.sh": "mapping: x\n"}})
        assert odd.json()["errors"][0]["rule"] == "name"
        assert (await narrow.post("configuration:plan", {"files": desk_files()})).status_code == 403
        missing = await ivy.post("configuration:apply", {"files": desk_files()})
        assert missing.status_code == 428
        assert state(file) != before and "tickets" not in file.read_text(), "only what was planned"


async def test_secrets_of_the_machine_are_an_admins(tmp_path: Path) -> None:
    """Otherwise whoever may configure could have any of them sent anywhere, or become an admin."""
    async with serving(tmp_path) as (file, _, ivy, _):
        text = file.read_text()
        cases = (
            (desk_files(LOOSE.replace('9"', '9/${SNOW_HOOK}"')), "url is taken from this machine"),
            (desk_files(LOOSE.replace("secret:client_secret", "file:/etc/hostname")), "client_secret is taken from"),
            ({"whole.yaml": text.replace("http://127.0.0.1:9", "http://127.0.0.1:8")}, "at another url"),
            (
                {"whole.yaml": text.replace("TOKEN_OF_IVY}', roles: [integrator", "TOKEN_OF_IVY}', roles: [admin")},
                "access",
            ),
        )
        for files, why in cases:
            said = await ivy.put({"files": files})
            assert (said.status_code, said.json()["right"]) == (403, "manage"), why
            assert why in said.json()["detail"] and file.read_text() == text


async def test_a_connector_file_says_what_it_needs(tmp_path: Path) -> None:
    async with serving(tmp_path) as (_, _, ivy, _):
        text = desk_files()["connectors/brambledesk.yaml"]
        found = (await ivy.post("connectors:validate", {"text": text})).json()
        assert found["connector"] == "brambledesk" and "oauth2_client_credentials" in found["auth"]
        (ticket,) = [each for each in found["records"] if each["name"] == "ticket"]
        assert {"create", "update"} <= set(ticket["writes"])
        wrong = await ivy.post("connectors:validate", {"text": text.replace("format: 1", "formt: 1"), "name": "b.yaml"})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "connector-invalid")
        assert {"formt"} <= {each["detail"].split("'")[1] for each in wrong.json()["errors"] if "'" in each["detail"]}
        assert all(each["file"] == "b.yaml" and each["line"] for each in wrong.json()["errors"])
