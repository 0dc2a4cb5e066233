"""What the instance does to incidents by itself (facts.md 1.5)."""

from __future__ import annotations

import pytest

from tests.contract.sandbox.calling import World, new_incident

RESOLVE = {"state": "6", "close_code": "Duplicate", "close_notes": "see INC1"}


@pytest.mark.parametrize(
    ("impact", "urgency", "priority"), [("1", "1", "1"), ("1", "3", "3"), ("2", "2", "3"), ("3", "3", "5")]
)
async def test_priority_is_computed_and_never_written(snow: World, impact: str, urgency: str, priority: str) -> None:
    ann = snow.person("ann")
    path = await new_incident(ann, impact=impact, urgency=urgency, priority="2")
    assert (await ann.get(path)).result["priority"] == priority
    assert (await ann("PATCH", path, {"priority": "1" if priority != "1" else "5"})).result["priority"] == priority


async def test_on_hold_needs_a_reason(snow: World) -> None:
    ann = snow.person("ann")
    path = await new_incident(ann)
    refused = await ann("PATCH", path, {"state": "3"})
    assert (refused.status, refused.json["error"]["message"]) == (403, "Operation Failed")
    assert (await ann.get(path)).result["state"] == "1"
    assert (await ann("PATCH", path, {"state": "3", "hold_reason": "4"})).status == 200
    assert (await ann("PATCH", path, {"state": "2"})).result["hold_reason"] == ""


async def test_resolving_needs_code_and_notes(snow: World) -> None:
    ann = snow.person("ann")
    path = await new_incident(ann)
    refused = await ann("PATCH", path, {"state": "6", "close_code": "Duplicate"})
    assert refused.status == 403
    assert "Resolution notes" in refused.json["error"]["detail"]
    resolved = (await ann("PATCH", path, RESOLVE)).result
    assert resolved["resolved_by"]["value"] == "a11a0000c0ffee00b0a7000000000002"
    assert resolved["incident_state"] == "6"
    assert resolved["resolved_at"]
    reopened = (await ann("PATCH", path, {"state": "2"})).result
    assert (reopened["close_code"], reopened["resolved_at"], reopened["reopen_count"]) == ("", "", "1")


async def test_closed_is_read_only_but_takes_comments_and_can_be_reopened(snow: World) -> None:
    ann = snow.person("ann")
    path = await new_incident(ann)
    closed = (await ann("PATCH", path, RESOLVE | {"state": "7"})).result
    assert (closed["active"], bool(closed["closed_at"])) == ("false", True)
    refused = await ann("PATCH", path, {"short_description": "other"})
    assert refused.status == 403
    assert "aborted by Business Rule" in refused.json["error"]["detail"]
    assert (await ann("PATCH", path, {"comments": "still here"})).status == 200
    assert (await snow.person("admin")("PATCH", path, {"short_description": "other"})).status == 200
    reopened = await ann("PATCH", path, {"state": "2"})
    assert (reopened.status, reopened.result["active"]) == (200, "true")


async def test_changing_the_group_clears_the_assignee(snow: World) -> None:
    ann = snow.person("ann")
    network = "0e740000c0ffee00b0a7000000000012"
    path = await new_incident(ann, assigned_to="ca4a0000c0ffee00b0a7000000000004")
    assert (await ann("PATCH", path, {"assignment_group": network})).result["assigned_to"] == ""
    both = {"assignment_group": "", "assigned_to": "ca4a0000c0ffee00b0a7000000000004"}
    assert (await ann("PATCH", path, both)).result["assigned_to"]["value"] == both["assigned_to"]


async def test_the_callers_comment_ends_the_wait_for_the_caller(snow: World) -> None:
    ann, bob = snow.person("ann"), snow.person("bob")
    path = await new_incident(ann, caller_id="b0b00000c0ffee00b0a7000000000003")
    await ann("PATCH", path, {"state": "3", "hold_reason": "1"})
    assert (await ann("PATCH", path, {"comments": "any news?"})).result["state"] == "3"
    answered = (await bob("PATCH", path, {"comments": "here I am"})).result
    assert (answered["state"], answered["hold_reason"]) == ("2", "")


async def test_the_legacy_state_column_works_too(snow: World) -> None:
    ann = snow.person("ann")
    path = await new_incident(ann)
    assert (await ann("PATCH", path, {"incident_state": "2"})).result["state"] == "2"
