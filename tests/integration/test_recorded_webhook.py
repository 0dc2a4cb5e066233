"""The first thing that has to work: a Jira webhook recorded by others becomes an incident in ServiceNow's stand-in."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import httpx
import respx

from connectors import sandbox
from tests.support.running import FLOW, started, write_config
from tests.support.shared import require_shared
from tests.support.waiting import until

SECRET = b"jira-hook"


def _jira(issue: dict[str, Any]) -> httpx.MockTransport:
    """A Jira that holds this one issue."""
    router = respx.Router(assert_all_called=False)
    router.get(path=f"/rest/api/3/issue/{issue['id']}").respond(json=issue)
    router.get(path="/rest/api/3/myself").respond(json={"accountId": "us", "emailAddress": "lockstep@example.com"})
    router.get(path__regex=r"/changelog").respond(
        json={"values": [], "isLast": True, "total": 0, "startAt": 0, "maxResults": 100}
    )
    router.get(path__regex=r"/comment").respond(json={"comments": [], "total": 0, "startAt": 0, "maxResults": 100})
    router.route(path="/rest/api/3/search/jql").respond(json={"issues": [], "isLast": True})
    router.get(path__regex=r"/transitions").respond(json={"transitions": []})
    return httpx.MockTransport(router.async_handler)


async def test_recorded_jira_webhook_reaches_servicenow(tmp_path: Path) -> None:
    body = require_shared("vendor", "fixtures", "jira", "webhook-cloud-issue-created-many-fields.json").read_bytes()
    issue = json.loads(body)["issue"]
    snow = await sandbox.start("servicenow", data=tmp_path / "snow.db")
    try:
        file, url = write_config(tmp_path, snow=snow.url, jira="http://jira.invalid", flow=FLOW.replace("OPS", "KT"))
        async with started(file, url, transports={"jira": _jira(issue)}) as run:
            headers = {
                "x-hub-signature": "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest(),
                "x-atlassian-webhook-identifier": "recorded-1",
                "content-type": "application/json",
            }

            async def incidents() -> list[Any]:
                async with run.http.get(f"{snow.url}/_sandbox/objects") as answer:
                    return list((await answer.json())["objects"])

            for _ in range(2):  # the same delivery twice, as a vendor's retry brings it
                async with run.http.post(f"{url}/hooks/jira", data=body, headers=headers) as answer:
                    assert answer.status == 200, await answer.text()
            (incident,) = await until(incidents, what="the incident")
            assert incident["raw"]["short_description"] == issue["fields"]["summary"]
            assert incident["raw"]["priority"] == "3"
            await run.quiet()
            assert len(await incidents()) == 1

            async with run.http.post(f"{url}/hooks/jira", data=body) as answer:
                assert answer.status == 401, "an unsigned one is refused"
    finally:
        await snow.stop()
