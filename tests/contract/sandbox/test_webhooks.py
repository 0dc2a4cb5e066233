"""Webhooks: what they say, how they are signed, repeated and kept (facts.md 1.8, 2.5)."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from tests.contract.sandbox.calling import Receiver, World, document, new_incident, new_issue, walk

SECRET = "hook-secret"


@pytest.fixture
async def hooked_jira(jira: World, receiver: Receiver) -> World:
    """Jira with a webhook."""
    await _register(jira, receiver.url)
    return jira


@pytest.fixture
async def hooked_snow(snow: World, receiver: Receiver) -> World:
    """ServiceNow with a webhook."""
    await _register(snow, receiver.url)
    return snow


async def _register(world: World, url: str) -> None:
    answer = await world.nobody("POST", "/_sandbox/webhooks", {"url": url, "secret": SECRET})
    assert answer.status == 201


async def _edit(world: World, text: str = "x") -> None:
    if world.domain:
        await new_issue(world.person("ann"), text)
    else:
        await new_incident(world.person("ann"), text)


@pytest.fixture(params=["hooked_snow", "hooked_jira"])
def hooked(request: pytest.FixtureRequest, hooked_snow: World, hooked_jira: World) -> World:
    """Each in turn."""
    return {"hooked_snow": hooked_snow, "hooked_jira": hooked_jira}[request.param]


async def test_what_jira_sends(hooked_jira: World, receiver: Receiver) -> None:
    ann = hooked_jira.person("ann")
    key = await new_issue(ann, "s", description=document("one", "two"), labels=["lockstep-c1"])
    await walk(ann, key, "11")
    await ann("PUT", f"/rest/api/3/issue/{key}/assignee", {"accountId": "712020:de500000-c0ff-ee00-b0a7-000000000005"})
    await ann("POST", f"/rest/api/3/issue/{key}/comment", {"body": document("hello")})
    await ann("DELETE", f"/rest/api/3/issue/{key}")
    seen = {_event(body): (headers, body) for headers, body in await receiver.wait_for(5)}
    assert sorted(seen) == [
        ("comment_created", None),
        ("jira:issue_created", "issue_created"),
        ("jira:issue_deleted", "issue_deleted"),
        ("jira:issue_updated", "issue_assigned"),
        ("jira:issue_updated", "issue_generic"),
    ]
    created = seen["jira:issue_created", "issue_created"][1]
    assert created["issue"]["fields"]["description"] == "one\n\ntwo"
    assert created["issue"]["fields"]["labels"] == ["lockstep-c1"]
    assert created["user"]["emailAddress"] == "ann@example.com"
    moved = seen["jira:issue_updated", "issue_generic"][1]["changelog"]["items"]
    assert [(item["field"], item["fromString"], item["toString"]) for item in moved] == [
        ("status", "To Do", "In Progress")
    ]
    assigned = seen["jira:issue_updated", "issue_assigned"][1]["changelog"]["items"][0]
    assert assigned["tmpToAccountId"] == "712020:de500000-c0ff-ee00-b0a7-000000000005"
    thin = seen["comment_created", None][1]
    assert thin["comment"]["body"] == "hello"
    assert "description" not in thin["issue"]["fields"]


def _event(body: dict[str, Any]) -> tuple[str, str | None]:
    return body["webhookEvent"], body.get("issue_event_type_name")


async def test_jiras_signature_and_headers(hooked_jira: World, receiver: Receiver) -> None:
    await _edit(hooked_jira)
    await receiver.wait_for(1)
    headers, body = receiver.seen[0]
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature"] == f"sha256={expected}"
    assert headers["x-atlassian-webhook-flow"] == "Primary"
    assert headers["x-atlassian-webhook-identifier"]
    assert "x-atlassian-webhook-retry" not in headers


async def test_what_servicenow_sends(hooked_snow: World, receiver: Receiver) -> None:
    ann = hooked_snow.person("ann")
    path = await new_incident(ann, "s", assigned_to="ca4a0000c0ffee00b0a7000000000004")
    await ann("PATCH", path, {"state": "2", "work_notes": "on it"})
    await ann("DELETE", path)
    seen = {body["operation"]: body for _, body in await receiver.wait_for(3)}
    assert set(seen) == {"insert", "update", "delete"}
    assert len({body["id"] for body in seen.values()}) == 3
    record = seen["insert"]["record"]
    assert (record["assigned_to"], record["assigned_to.email"], record["assigned_to.name"]) == (
        "ca4a0000c0ffee00b0a7000000000004",
        "cara@example.com",
        "Cara Cole",
    )
    assert record["sys_mod_count"] == "0"
    [entry] = seen["update"]["journal"]
    assert set(entry) == {"sys_id", "element", "value", "sys_created_by", "sys_created_on"}
    assert (entry["element"], entry["value"], entry["sys_created_by"]) == ("work_notes", "on it", "ann")
    assert seen["delete"]["sys_id"] == path.rpartition("/")[2]


async def test_servicenows_signature_covers_time_and_body(hooked_snow: World, receiver: Receiver) -> None:
    await _edit(hooked_snow)
    await receiver.wait_for(1)
    headers, body = receiver.seen[0]
    signed = headers["x-lockstep-timestamp"].encode() + b"." + body
    assert headers["x-lockstep-signature"] == f"sha256={hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()}"


@pytest.mark.parametrize("status", [500, 503, 429, 408, 409, 425])
async def test_repeats_carry_the_same_identifier(hooked_jira: World, receiver: Receiver, status: int) -> None:
    receiver.answers = [status, status]
    await _edit(hooked_jira)
    seen = await receiver.wait_for(3)
    assert len({headers["x-atlassian-webhook-identifier"] for headers, _ in seen}) == 1
    assert [headers.get("x-atlassian-webhook-retry") for headers, _ in seen] == [None, "1", "2"]
    assert len({body["timestamp"] for _, body in seen}) == 1


async def test_other_refusals_are_final(hooked: World, receiver: Receiver) -> None:
    receiver.answers = [400]
    await _edit(hooked, "first")
    await receiver.wait_for(1)
    await _edit(hooked, "second")
    await receiver.wait_for(2)
    await hooked.drained()
    assert (await hooked.nobody.get("/_sandbox/webhooks")).json["failed"] == 1


async def test_a_receiver_that_is_away_loses_nothing(world: World, receiver: Receiver) -> None:
    await _register(world, "http://127.0.0.1:9/nobody-listens")
    for text in ("a", "b", "c"):
        await _edit(world, text)
    await _register(world, receiver.url)
    assert len(await receiver.wait_for(3)) == 3


async def test_an_edit_without_effect_sends_nothing(hooked_snow: World, receiver: Receiver) -> None:
    ann = hooked_snow.person("ann")
    path = await new_incident(ann, "same")
    await ann("PATCH", path, {"short_description": "same"})
    await ann("PATCH", path, {"short_description": "other"})
    seen = await receiver.wait_for(2)
    assert [body["operation"] for _, body in seen] == ["insert", "update"]
    await hooked_snow.drained()
    assert len(receiver.seen) == 2


async def test_duplicated(hooked: World, receiver: Receiver) -> None:
    await hooked.arm("hook_duplicate", count=1)
    await _edit(hooked)
    seen = await receiver.wait_for(2)
    assert seen[0][1] == seen[1][1]
    identifiers = {headers.get("x-atlassian-webhook-identifier", body.get("id")) for headers, body in seen}
    assert len(identifiers) == 1


async def test_lost(hooked: World, receiver: Receiver) -> None:
    await hooked.arm("hook_lose", count=1)
    await _edit(hooked, "lost")
    await _edit(hooked, "kept")
    await receiver.wait_for(1)
    await hooked.drained()
    assert b"kept" in receiver.seen[0][1]
    assert len(receiver.seen) == 1
    assert (await hooked.nobody.get("/_sandbox/webhooks")).json["lost"] == 1


@pytest.mark.parametrize("kind", ["hook_reorder", "hook_delay"])
async def test_overtaken(hooked: World, receiver: Receiver, kind: str) -> None:
    await hooked.arm(kind, count=1, delay_s=1.5)
    await _edit(hooked, "first")
    await _edit(hooked, "second")
    await receiver.wait_for(2)
    assert [b"second" in body for _, body in receiver.seen] == [True, False]


async def test_late_secondary(hooked_jira: World, receiver: Receiver) -> None:
    await hooked_jira.arm("hook_late_secondary", count=1, delay_s=1.5)
    await _edit(hooked_jira, "first")
    await _edit(hooked_jira, "second")
    seen = await receiver.wait_for(2)
    assert [headers["x-atlassian-webhook-flow"] for headers, _ in seen] == ["Primary", "Secondary"]


async def test_a_system_that_is_down_sends_later(hooked: World, receiver: Receiver) -> None:
    await hooked.arm("down", seconds=0.5, match={"actor": "gateway"})
    await _edit(hooked, "narrowed: only one caller is refused")
    await receiver.wait_for(1)
    await hooked.arm("hook_delay", count=1, delay_s=1.0)
    await _edit(hooked, "down for all from now on")
    await hooked.arm("down", seconds=2.0)
    await receiver.wait_for(2)
    assert (await hooked.nobody.get("/_sandbox/faults")).json["faults"] == []
