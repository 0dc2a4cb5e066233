"""Search: bounded JQL, minutes in the asker's zone, token paging, an index that lags (facts.md 2.2)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.sandbox.calling import Answer, Caller, World, document, new_issue, walk

SEARCH = "/rest/api/3/search/jql"


async def _search(caller: Caller, jql: str, **more: Any) -> Answer:
    return await caller("POST", SEARCH, {"jql": jql, **more})


async def _keys(caller: Caller, jql: str) -> list[str]:
    answer = await _search(caller, jql, fields=["summary"])
    assert answer.status == 200, answer.body
    return [issue["key"][-1] for issue in answer.json["issues"]]


@pytest.mark.parametrize(
    ("jql", "found"),
    [
        ("project = OPS ORDER BY key", "1234"),
        ("project = OPS ORDER BY key DESC", "4321"),
        ("project = 10000 AND labels = red", "1"),
        ('labels in ("red", blue) order by key', "12"),
        ("labels not in (red) AND project = OPS ORDER BY key", "234"),
        ("labels IS EMPTY AND project=OPS order by key", "34"),
        ("key in (OPS-2, ops-3) ORDER BY key ASC", "23"),
        ("id = 10003", "4"),
        ('status = "In Progress"', "2"),
        ("statusCategory = Done", ""),
        ("issuetype = Bug", "3"),
        ("NOT issuetype = Bug AND (labels = red OR labels = blue) ORDER BY key", "12"),
        ("priority = High", "4"),
        ("assignee IS EMPTY AND project = OPS ORDER BY key", "123"),
        ("assignee = currentUser()", "4"),
        ('assignee = "712020:a11a0000-c0ff-ee00-b0a7-000000000002"', "4"),
        ('issue.property[acme.sync].extId = "7"', "2"),
        ('cf[10050] ~ "\\"ref-3\\""', "3"),
        ("summary ~ two", "2"),
        ("created >= -5m AND updated >= -5m ORDER BY updated ASC, key ASC", "1342"),
        ("updated <= -5m", ""),
        ("updated >= startOfDay()", None),
        ("resolution = EMPTY", None),
    ],
)
async def test_jql(jira: World, jql: str, found: str | None) -> None:
    ann = jira.person("ann")
    await new_issue(ann, "one", labels=["red"])
    await new_issue(ann, "two", labels=["blue"])
    await new_issue(ann, "three", issuetype={"name": "Bug"}, customfield_10050="ref-3")
    await new_issue(
        ann, "four", priority={"id": "2"}, assignee={"accountId": "712020:a11a0000-c0ff-ee00-b0a7-000000000002"}
    )
    await ann("PUT", "/rest/api/3/issue/OPS-2/properties/acme.sync", {"extId": "7"})
    await walk(ann, "OPS-2", "11")
    if found is None:
        assert (await _search(ann, jql)).status == 400
    else:
        assert await _keys(ann, jql) == list(found)


@pytest.mark.parametrize(
    ("jql", "said"),
    [
        ("", "Unbounded"),
        ("ORDER BY key", "Unbounded"),
        ("project = NOPE", "does not exist for the field 'project'"),
        ("project = SEC", "does not exist for the field 'project'"),
        ("colour = red", "Field 'colour' does not exist"),
        ("status = Resolved", "does not exist for the field 'status'"),
        ('updated >= "2026-01-01 10:00:30"', "is invalid"),
        ("project = OPS AND", "ends too early"),
        ("project OPS", "Expecting operator"),
        ("project = OPS labels = x", "Expecting"),
        ("project = OPS ORDER BY " + ", ".join(["key"] * 8), "orders by more"),
    ],
)
async def test_what_jql_is_refused(jira: World, jql: str, said: str) -> None:
    answer = await _search(jira.person("bob"), jql)
    assert answer.status == 400
    assert said in answer.json["errorMessages"][0]


async def test_time_literals_are_minutes_in_the_askers_zone(jira: World) -> None:
    ann, bob = jira.person("ann"), jira.person("bob")
    key = await new_issue(ann)

    async def minute_for(caller: Caller) -> str:
        shown = (await caller.get(f"/rest/api/3/issue/{key}?fields=updated")).json["fields"]["updated"]
        found = re.match(r"(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d)", shown)
        assert found is not None
        return f'"{found[1]}/{found[2]}/{found[3]} {found[4]}"'

    for caller in (ann, bob):
        minute = await minute_for(caller)
        assert await _keys(caller, f"project = OPS AND updated >= {minute}") == ["1"]
        assert await _keys(caller, f"project = OPS AND updated < {minute}") == []
    # New York is behind Kolkata: her minute, read in his zone, lies hours before the edit; his, in hers, hours after.
    assert await _keys(bob, f"project = OPS AND updated >= {await minute_for(ann)}") == ["1"]
    assert await _keys(ann, f"project = OPS AND updated >= {await minute_for(bob)}") == []


async def test_only_ids_unless_fields_are_asked_for(jira: World) -> None:
    ann = jira.person("ann")
    await new_issue(ann, description=document("x"))
    assert (await _search(ann, "project = OPS")).json == {"issues": [{"id": "10000"}], "isLast": True}
    some = (await _search(ann, "project = OPS", fields=["summary", "status"])).json["issues"][0]
    assert set(some["fields"]) == {"summary", "status"}
    most = (await _search(ann, "project = OPS", fields=["*all", "-comment"], expand="changelog")).json["issues"][0]
    assert "comment" not in most["fields"]
    assert most["changelog"]["histories"] == []


async def test_pages_by_token(jira: World) -> None:
    ann = jira.person("ann")
    for number in range(5):
        await new_issue(ann, str(number))
    seen: list[str] = []
    token, last = "", False
    while not last:
        path = f"{SEARCH}?jql={quote('project = OPS ORDER BY key')}&maxResults=2&fields=summary&nextPageToken={token}"
        page = (await ann.get(path)).json
        seen += [issue["fields"]["summary"] for issue in page["issues"]]
        token, last = page.get("nextPageToken", ""), page["isLast"]
        assert bool(token) is not last
    assert seen == ["0", "1", "2", "3", "4"]
    assert (await ann.get(f"{SEARCH}?jql=project=OPS&nextPageToken=rubbish")).status == 400


async def test_the_index_lags_and_reconciles(jira: World) -> None:
    await jira.option(index_lag_s=3600)
    ann = jira.person("ann")
    await new_issue(ann, "first")
    await new_issue(ann, "second")
    assert await _keys(ann, "project = OPS") == []
    reconciled = await _search(ann, "project = OPS", reconcileIssues=[10001], fields=["summary"])
    assert [issue["fields"]["summary"] for issue in reconciled.json["issues"]] == ["second"]
    assert (await _search(ann, "project = OPS", reconcileIssues=list(range(51)))).status == 400
    await jira.option(index_lag_s=0)
    await ann("PUT", "/rest/api/3/issue/OPS-1", {"fields": {"summary": "third"}})
    assert await _keys(ann, "project = OPS ORDER BY key") == ["1", "2"]


async def test_counts_and_the_removed_search(jira: World) -> None:
    ann = jira.person("ann")
    await new_issue(ann)
    counted = await ann("POST", "/rest/api/3/search/approximate-count", {"jql": "project = OPS"})
    assert counted.json == {"count": 1}
    assert (await ann.get("/rest/api/3/search?jql=project=OPS")).status == 410
    assert (await ann("POST", "/rest/api/3/search", {"jql": "project = OPS"})).status == 410


async def test_deleted_issues_are_not_found(jira: World) -> None:
    ann = jira.person("ann")
    key = await new_issue(ann)
    await ann("DELETE", f"/rest/api/3/issue/{key}")
    assert await _keys(ann, "project = OPS") == []


async def test_others_see_only_what_they_may(jira: World) -> None:
    ann = jira.person("ann")
    made = {"project": {"key": "SEC"}, "issuetype": {"name": "Bug"}, "summary": "leak"}
    await ann("POST", "/rest/api/3/issue", {"fields": made})
    assert await _keys(ann, "updated >= -5m") == ["1"]
    assert await _keys(jira.person("bob"), "updated >= -5m") == []
