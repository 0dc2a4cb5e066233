"""Systems that only connector files describe, in the flows of the examples, through the whole gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from ruamel.yaml import YAML

from connectors import sandbox
from tests.support.running import ENVIRONMENT, Running, free_port, started
from tests.support.waiting import until

EXAMPLES = Path(__file__).parents[2] / "examples"
CASES = "/services/data/v60.0/sobjects/Case"
SIGNED = {
    "CRM_CLIENT": "lockstep",
    "CRM_SECRET": "lockstep-secret",
    "HR_KEY": "lockstep-secret",
    "JIRA_USER": "lockstep@example.com",
    "JIRA_TOKEN": "lockstep-secret",
    "HUBSPOT_TOKEN": "lockstep-secret",
}
HURRIED = {"poll": {"every": "200ms"}, "timeout": "3s", "settles": "1s", "rate": "1000/s"}


@dataclass
class Place:
    """Stand-ins by the name of their connection, and the gateway between them."""

    urls: Mapping[str, str]
    http: aiohttp.ClientSession
    gateway: Running

    async def ask(self, name: str, method: str, path: str, body: Any = None) -> Any:
        """Ann, in one of the systems."""
        headers = {"Authorization": "Bearer ann-secret", "Accept": "application/json"}
        if name == "hr":
            headers["Authorization"] = aiohttp.encode_basic_auth("ann-secret", "x")
        if name == "jira":
            headers["Authorization"] = aiohttp.encode_basic_auth("ann@example.com", "ann-secret")
        async with self.http.request(method, self.urls[name] + path, json=body, headers=headers) as answer:
            assert answer.ok, await answer.text()
            return await answer.json() if answer.content_type == "application/json" else answer.headers

    async def objects(self, name: str) -> list[dict[str, Any]]:
        return list((await self.ask(name, "GET", "/_sandbox/objects"))["objects"])

    async def only(self, name: str, **wanted: Any) -> dict[str, Any]:
        """Waits until the only object there shows these values, below `fields` where the system has that."""

        async def shows() -> bool:
            found = [each["raw"] for each in await self.objects(name)]
            found = [raw.get("fields", raw.get("properties", raw)) for raw in found]
            return len(found) == 1 and all(_named(found[0].get(key)) == value for key, value in wanted.items())

        await until(shows, what=f"{name} to show {wanted}")
        return (await self.objects(name))[0]

    async def arm(self, name: str, kind: str, **match: Any) -> None:
        fault = {"kind": kind, "count": 1, "delay_s": 0.2, "match": {"actor": "gateway", **match}}
        await self.ask(name, "POST", "/_sandbox/faults", fault)

    async def ours(self, name: str) -> list[str]:
        """What the gateway did there."""
        log = (await self.ask(name, "GET", "/_sandbox/log"))["entries"]
        return [entry["kind"] for entry in log if entry["actor"] == "gateway"]


def _named(value: Any) -> Any:
    return value["name"] if isinstance(value, dict) else value


@asynccontextmanager
async def place(example: str, directory: Path, monkeypatch: pytest.MonkeyPatch, **systems: str) -> AsyncIterator[Place]:
    """The example as it stands but for times, with stand-ins for its connections."""
    config = YAML(typ="safe").load(EXAMPLES / example / "lockstep.yaml")
    assert set(config["connections"]) == set(systems)
    port, running = free_port(), {}
    try:
        for name, system in systems.items():
            running[name] = await sandbox.start(system, data=directory / f"{name}.db", time_scale=0.001)
        for name, value in SIGNED.items():
            monkeypatch.setitem(ENVIRONMENT, name, value)
        for name, stand_in in running.items():
            config["connections"][name] |= HURRIED | {"url": stand_in.url}
            if "webhook" in config["connections"][name]:
                config["connections"][name]["webhook"] = {"secret": "hook"}
        config |= {"name": f"test{port}", "data": "./gateway", "listen": f"127.0.0.1:{port}"}
        config["access"] = {"tokens": {"tests": {"secret": "${TOKEN_OF_THE_TESTS}", "roles": ["admin"]}}}
        file = directory / "lockstep.yaml"
        YAML(typ="safe").dump(config, file)
        gateway = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession() as http, started(file, gateway) as made:
            there = Place({name: each.url for name, each in running.items()}, http, made)
            for name in systems:
                hook = {"url": f"{gateway}/hooks/{name}", "secret": "hook"}
                if "webhook" in config["connections"][name]:
                    await there.ask(name, "POST", "/_sandbox/webhooks", hook)
            yield there
    finally:
        for stand_in in running.values():
            await stand_in.stop()


async def test_a_case_goes_both_ways_with_its_comments_through_lost_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place("crm", tmp_path, monkeypatch, crm="salesforce", jira="jira") as there:
        case = await there.ask("crm", "POST", CASES, {"Subject": "Mail is down", "Priority": "High"})
        issue = await there.only("jira", summary="Mail is down", priority="High")
        await there.arm("crm", "drop_after", method="PATCH")
        await there.ask("jira", "PUT", f"/rest/api/3/issue/{issue['id']}", {"fields": {"summary": "Mail is slow"}})
        await there.only("crm", Subject="Mail is slow")
        said = {"ParentId": case["id"], "CommentBody": "Looking into it", "IsPublished": False}
        await there.ask("crm", "POST", "/services/data/v60.0/sobjects/CaseComment", said)
        await there.ask("crm", "PATCH", f"{CASES}/{case['id']}", {"Status": "Closed"})
        await there.only("jira", status="Done")
        await there.gateway.quiet()
        assert await there.ours("crm") == ["update"], "one effect, although its answer was lost; nothing came back"


async def test_an_issue_makes_one_case_although_the_answer_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place("crm", tmp_path, monkeypatch, crm="salesforce", jira="jira") as there:
        await there.arm("crm", "late_commit", method="PATCH")
        fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Incident"}, "summary": "Disk is full"}
        await there.ask("jira", "POST", "/rest/api/3/issue", {"fields": fields})
        case = await there.only("crm", Subject="Disk is full")
        await there.gateway.quiet()
        assert case["correlation"] and await there.ours("crm") == ["create"]
        assert (await there.ask("crm", "GET", "/_sandbox/faults"))["faults"] == [], (
            "nothing was lost: nothing was tested"
        )


async def test_an_employee_is_a_contact_and_hr_has_the_last_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place("people", tmp_path, monkeypatch, hr="bamboohr", crm="salesforce") as there:
        hired = {"firstName": "Kim", "lastName": "Lee", "workEmail": "Kim@example.com", "jobTitle": "Engineer"}
        made = await there.ask("hr", "POST", "/api/v1/employees", hired)
        contact = await there.only("crm", LastName="Lee", FirstName="Kim", Title="Engineer", Email="kim@example.com")
        employee = made["Location"].rpartition("/")[2]
        await there.ask("hr", "POST", f"/api/v1/employees/{employee}", {"jobTitle": "Lead"})
        await there.only("crm", Title="Lead")
        path = f"/services/data/v60.0/sobjects/Contact/{contact['id']}"
        await there.ask("crm", "PATCH", path, {"Phone": "123"})
        await there.only("hr", workPhone="123")
        await there.gateway.quiet()
        assert (await there.ours("crm"), await there.ours("hr")) == (["create", "update"], ["update"])


async def test_a_ticket_goes_both_ways_through_a_lost_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tickets = "/crm/v3/objects/tickets"
    async with place("hubspot", tmp_path, monkeypatch, desk="hubspot", jira="jira") as there:
        await there.arm("desk", "drop_after", method="POST", path_regex="upsert")
        fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Incident"}, "summary": "Disk is full"}
        await there.ask("jira", "POST", "/rest/api/3/issue", {"fields": fields})
        ticket = await there.only("desk", subject="Disk is full", hs_pipeline_stage="1")
        await there.gateway.quiet()
        await there.ask("desk", "PATCH", f"{tickets}/{ticket['id']}", {"properties": {"hs_pipeline_stage": "4"}})
        await there.only("jira", status="Done")
        await there.gateway.quiet()
        assert ticket["correlation"] and await there.ours("desk") == ["create"]
        assert (await there.ask("desk", "GET", "/_sandbox/faults"))["faults"] == [], (
            "nothing was lost: nothing was tested"
        )
