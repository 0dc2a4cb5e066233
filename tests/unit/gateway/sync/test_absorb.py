"""When a shown value was typed: systems tell the times of their own fields, whatever we call them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connectors.contract.values import ObjectSpec, Snapshot, VersionKind
from gateway.sync.absorb import Observation
from gateway.sync.flow import Member
from mappings.loader import load_mapping

SPEC = ObjectSpec(name="thing", version_kind=VersionKind.TIMESTAMP, granularity_s=1.0)
NOW, LOOKED = 1000.0, 900.0


def member(mapping: str) -> Member:
    return Member("here", "thing", load_mapping(mapping), SPEC, settles_s=10.0, skew_s=0.0)


def seen(raw: Mapping[str, Any], times: Mapping[str, float]) -> Observation:
    shown = Snapshot(object="thing", id="1", updated_at=990.0, raw=raw, field_times=times)
    return Observation("here", shown, {}, rev=None, received_at=NOW)


INCIDENT = {"short_description": "Mail is down", "state": "2", "priority": "1"}
ISSUE = {"fields": {"summary": "Mail is down", "status": {"name": "To Do"}, "assignee": None}}


@pytest.mark.parametrize(
    ("mapping", "raw", "vendor", "name"),
    [
        ("servicenow-incident", INCIDENT, "short_description", "summary"),
        ("servicenow-incident", INCIDENT, "state", "status"),
        ("jira-issue", ISSUE, "summary", "summary"),
        ("jira-issue", ISSUE, "status", "status"),
        ("jira-issue", ISSUE, "assignee", "assignee"),
    ],
)
def test_the_time_of_a_vendors_field_is_that_of_ours(
    mapping: str, raw: Mapping[str, Any], vendor: str, name: str
) -> None:
    told = seen(raw, {vendor: 950.0})
    assert told.when(member(mapping), name, LOOKED) == (949.0, 951.0)
    assert told.typed_by(member(mapping), name) == 951.0


@pytest.mark.parametrize("times", [{"state": 950.0}, {"summary": 950.0}, {"not there": 950.0}, {}])
def test_the_time_of_another_field_tells_nothing(times: Mapping[str, float]) -> None:
    """Not even when it bears our own name for the field: ServiceNow knows no field `summary`."""
    assert seen(INCIDENT, times).when(member("servicenow-incident"), "summary", LOOKED) == (899.0, 991.0)


def test_without_any_time_it_was_typed_by_the_time_we_were_told() -> None:
    shown = Snapshot(object="thing", id="1", raw=INCIDENT)
    assert Observation("here", shown, {}, rev=None, received_at=NOW).typed_by(member("jira-issue"), "summary") == NOW
