"""Issues, transitions, comments, properties and changelogs as facts.md 2.3 and 2.4 describe them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contract.sandbox.calling import Caller, World, document, new_issue, walk

ISSUE = "/rest/api/3/issue"
DEV = "712020:de500000-c0ff-ee00-b0a7-000000000005"


async def _fields(caller: Caller, key: str) -> Any:
    return (await caller.get(f"{ISSUE}/{key}")).json["fields"]


async def test_create_and_read(jira: World) -> None:
    ann = jira.person("ann")
    body = {
        "fields": {
            "project": {"id": "10000"},
            "issuetype": {"name": "Task"},
            "summary": "  printer  ",
            "description": document("It burns."),
            "priority": {"name": "High"},
            "labels": ["z", "a", "z"],
            "assignee": {"accountId": DEV},
            "customfield_10050": "ref",
        },
        "properties": [{"key": "acme.sync", "value": {"extId": "7"}}],
    }
    made = await ann("POST", ISSUE, body)
    assert (made.status, set(made.json)) == (201, {"id", "key", "self"})
    issue = (await ann.get(f"{ISSUE}/{made.json['key']}?properties=*all")).json
    fields = issue["fields"]
    assert issue["properties"] == {"acme.sync": {"extId": "7"}}
    assert fields["summary"] == "printer"
    assert fields["description"] == document("It burns.")
    assert (fields["priority"]["name"], fields["labels"], fields["customfield_10050"]) == ("High", ["a", "z"], "ref")
    assert (fields["assignee"]["emailAddress"], fields["reporter"]["emailAddress"]) == (
        "dev@example.com",
        "ann@example.com",
    )
    assert (fields["status"]["name"], fields["status"]["statusCategory"]["key"]) == ("To Do", "new")


async def test_times_are_in_the_readers_zone_without_colon(jira: World) -> None:
    key = await new_issue(jira.person("ann"))
    stamps = {name: (await _fields(jira.person(name), key))["updated"] for name in ("bob", "cara")}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0530", stamps["bob"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", stamps["cara"])


@pytest.mark.parametrize(
    ("fields", "culprit"),
    [
        ({"summary": ""}, "summary"),
        ({"summary": "a\nb"}, "summary"),
        ({"summary": "x" * 256}, "summary"),
        ({"issuetype": {"name": "Epic"}}, "issuetype"),
        ({"project": {"key": "NOPE"}}, "project"),
        ({"description": "plain text"}, "description"),
        ({"priority": {"name": "Urgent"}}, "priority"),
        ({"labels": ["two words"]}, "labels"),
        ({"assignee": {"name": "dev"}}, "assignee"),
        ({"assignee": {"accountId": "nobody"}}, "assignee"),
        ({"customfield_99999": "x"}, "customfield_99999"),
        ({"status": {"name": "Done"}}, "status"),
        ({"resolution": {"name": "Done"}}, "resolution"),
    ],
)
async def test_what_a_create_does_not_take(jira: World, fields: dict[str, Any], culprit: str) -> None:
    basic = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "s"}
    answer = await jira.person("ann")("POST", ISSUE, {"fields": basic | fields})
    assert answer.status == 400
    assert set(answer.json) == {"errorMessages", "errors"}
    assert list(answer.json["errors"]) == [culprit]
    assert await jira.objects() == []


async def test_edit_by_fields_and_operations(jira: World) -> None:
    ann = jira.person("ann")
    key = await new_issue(ann, labels=["a", "b"])
    edit = {
        "fields": {"summary": "new"},
        "update": {"labels": [{"add": "c"}, {"remove": "a"}], "priority": [{"set": {"id": "1"}}]},
    }
    assert (await ann("PUT", f"{ISSUE}/{key}", edit)).status == 204
    fields = await _fields(ann, key)
    assert (fields["summary"], fields["labels"], fields["priority"]["id"]) == ("new", ["b", "c"], "1")
    shown = await ann("PUT", f"{ISSUE}/{key}?returnIssue=true", {"fields": {"summary": "newer"}})
    assert (shown.status, shown.json["fields"]["summary"]) == (200, "newer")
    both = {"fields": {"summary": "x"}, "update": {"summary": [{"set": "y"}]}}
    assert (await ann("PUT", f"{ISSUE}/{key}", both)).status == 400


async def test_an_edit_without_effect_leaves_no_trace(jira: World) -> None:
    ann = jira.person("ann")
    key = await new_issue(ann, "same", labels=["a"])
    before = await _fields(ann, key)
    edit = {"fields": {"summary": "same"}, "update": {"labels": [{"add": "a"}]}}
    assert (await ann("PUT", f"{ISSUE}/{key}", edit)).status == 204
    assert await _fields(ann, key) == before
    assert [entry["kind"] for entry in await jira.log()] == ["create"]


async def test_the_workflow_has_to_be_walked(jira: World) -> None:
    ann = jira.person("ann")
    key = await new_issue(ann)

    async def offered() -> set[str]:
        found = (await ann.get(f"{ISSUE}/{key}/transitions")).json["transitions"]
        return {move["to"]["name"] for move in found}

    assert await offered() == {"In Progress"}
    leap = await ann("POST", f"{ISSUE}/{key}/transitions", {"transition": {"id": "31"}})
    assert leap.status == 400
    await walk(ann, key, "11")
    assert await offered() == {"To Do", "In Review", "On Hold"}
    await walk(ann, key, "51", "52", "21")
    assert await offered() == {"In Progress", "Done"}


async def test_done_needs_a_resolution_and_reopening_clears_it(jira: World) -> None:
    ann = jira.person("ann")
    key = await new_issue(ann)
    await walk(ann, key, "11", "21")
    screens = (await ann.get(f"{ISSUE}/{key}/transitions?expand=transitions.fields")).json["transitions"]
    done = next(move for move in screens if move["id"] == "31")
    assert done["fields"]["resolution"]["required"] is True
    assert done["hasScreen"] is True
    bare = await ann("POST", f"{ISSUE}/{key}/transitions", {"transition": {"id": "31"}})
    assert (bare.status, list(bare.json["errors"])) == (400, ["resolution"])
    assert (await ann("PUT", f"{ISSUE}/{key}", {"fields": {"resolution": {"name": "Done"}}})).status == 400
    await walk(ann, key, "31")
    fields = await _fields(ann, key)
    assert (fields["resolution"]["name"], bool(fields["resolutiondate"])) == ("Done", True)
    assert (await ann("PUT", f"{ISSUE}/{key}", {"fields": {"resolution": {"name": "Duplicate"}}})).status == 204
    assert (await _fields(ann, key))["resolution"]["name"] == "Duplicate"
    await walk(ann, key, "41")
    fields = await _fields(ann, key)
    assert (fields["status"]["name"], fields["resolution"], fields["resolutiondate"]) == ("In Progress", None, None)


async def test_a_field_off_the_transition_screen_is_refused(jira: World) -> None:
    ann = jira.person("ann")
    key = await new_issue(ann)
    body = {"transition": {"id": "11"}, "fields": {"summary": "x"}}
    assert (await ann("POST", f"{ISSUE}/{key}/transitions", body)).status == 400


async def test_assignee(jira: World) -> None:
    ann = jira.person("ann")
    key = await new_issue(ann)
    assert (await ann("PUT", f"{ISSUE}/{key}/assignee", {"accountId": DEV})).status == 204
    assert (await _fields(ann, key))["assignee"]["accountId"] == DEV
    assert (await ann("PUT", f"{ISSUE}/{key}/assignee", {"accountId": "x"})).status == 400
    assert (await ann("PUT", f"{ISSUE}/{key}/assignee", {"accountId": None})).status == 204
    assert (await _fields(ann, key))["assignee"] is None


async def test_changelog_is_oldest_first_and_paged(jira: World) -> None:
    ann, bob = jira.person("ann"), jira.person("bob")
    key = await new_issue(ann, "one")
    for summary in ("two", "three"):
        await bob("PUT", f"{ISSUE}/{key}", {"fields": {"summary": summary, "labels": [summary]}})
    await walk(ann, key, "11")
    page = (await ann.get(f"{ISSUE}/{key}/changelog?maxResults=2")).json
    assert (page["total"], page["isLast"], page["maxResults"]) == (3, False, 2)
    assert page["nextPage"].endswith("startAt=2&maxResults=2")
    first = page["values"][0]
    assert first["author"]["emailAddress"] == "bob@example.com"
    assert {item["fieldId"]: (item["fromString"], item["toString"]) for item in first["items"]} == {
        "summary": ("one", "two"),
        "labels": ("", "two"),
    }
    rest = (await ann.get(f"{ISSUE}/{key}/changelog?startAt=2")).json
    moved = rest["values"][0]["items"][0]
    assert (moved["field"], moved["from"], moved["fromString"], moved["to"], moved["toString"]) == (
        "status", "10000", "To Do", "10001", "In Progress",
    )  # fmt: skip
    expanded = (await ann.get(f"{ISSUE}/{key}?expand=changelog")).json["changelog"]
    newest_first = [entry["id"] for entry in expanded["histories"]]
    assert newest_first == sorted(newest_first, reverse=True)


async def test_changelogs_in_bulk(jira: World) -> None:
    ann = jira.person("ann")
    keys = [await new_issue(ann) for _ in range(2)]
    for key in keys:
        await ann("PUT", f"{ISSUE}/{key}", {"fields": {"summary": "other"}})
        await ann("PUT", f"{ISSUE}/{key}", {"fields": {"priority": {"id": "1"}}})
    body: dict[str, Any] = {"issueIdsOrKeys": keys, "fieldIds": ["priority"]}
    found = (await ann("POST", "/rest/api/3/changelog/bulkfetch", body)).json
    assert [len(log["changeHistories"]) for log in found["issueChangeLogs"]] == [1, 1]
    first = (await ann("POST", "/rest/api/3/changelog/bulkfetch", {"issueIdsOrKeys": keys, "maxResults": 3})).json
    rest = await ann(
        "POST", "/rest/api/3/changelog/bulkfetch", {"issueIdsOrKeys": keys, "nextPageToken": first["nextPageToken"]}
    )
    assert sum(len(log["changeHistories"]) for log in rest.json["issueChangeLogs"]) == 1
    assert (await ann("POST", "/rest/api/3/changelog/bulkfetch", {"issueIdsOrKeys": []})).status == 400


async def test_comments_and_their_properties(jira: World) -> None:
    ann, bob = jira.person("ann"), jira.person("bob")
    key = await new_issue(ann)
    before = (await _fields(ann, key))["updated"]
    body = {"body": document("hello"), "properties": [{"key": "lockstep.origin", "value": {"origin": "snow:1"}}]}
    made = await ann("POST", f"{ISSUE}/{key}/comment?expand=properties", body)
    assert (made.status, made.json["properties"]) == (201, body["properties"])
    path = f"{ISSUE}/{key}/comment/{made.json['id']}"
    assert (await _fields(ann, key))["updated"] >= before
    assert (await bob("PUT", path, {"body": document("hello again")})).status == 200
    listed = (await ann.get(f"{ISSUE}/{key}/comment?expand=properties")).json
    assert (listed["total"], listed["comments"][0]["body"]) == (1, document("hello again"))
    assert listed["comments"][0]["updateAuthor"]["emailAddress"] == "bob@example.com"
    properties = f"/rest/api/3/comment/{made.json['id']}/properties"
    assert [entry["key"] for entry in (await ann.get(properties)).json["keys"]] == ["lockstep.origin"]
    assert (await ann("PUT", f"{properties}/other", [1])).status == 201
    assert (await ann("PUT", f"{properties}/other", [2])).status == 200
    assert (await ann.get(f"{properties}/other")).json == {"key": "other", "value": [2]}
    assert (await ann("DELETE", f"{properties}/other")).status == 204
    assert (await ann.get(f"{properties}/other")).status == 404
    assert (await ann("POST", f"{ISSUE}/{key}/comment", {"body": "text"})).status == 400
    assert (await ann("DELETE", path)).status == 204
    assert (await ann.get(path)).status == 404


async def test_issue_properties(jira: World) -> None:
    ann = jira.person("ann")
    key = await new_issue(ann)
    path = f"{ISSUE}/{key}/properties/acme"
    assert (await ann.get(path)).status == 404
    assert (await ann("PUT", path, {"extId": "7"})).status == 201
    assert (await ann.get(path)).json == {"key": "acme", "value": {"extId": "7"}}
    assert (await ann("PUT", path, b'"' + b"x" * 40_000 + b'"')).status == 400
    assert (await ann("DELETE", path)).status == 204


async def test_delete(jira: World) -> None:
    ann = jira.person("ann")
    key = await new_issue(ann)
    assert (await ann("DELETE", f"{ISSUE}/{key}")).status == 204
    gone = await ann.get(f"{ISSUE}/{key}")
    assert (gone.status, gone.json["errors"]) == (404, {})
    assert await new_issue(ann) != key


async def test_forbidden_looks_like_absent(jira: World) -> None:
    ann, bob = jira.person("ann"), jira.person("bob")
    made = await ann(
        "POST", ISSUE, {"fields": {"project": {"key": "SEC"}, "issuetype": {"name": "Bug"}, "summary": "leak"}}
    )
    path = f"{ISSUE}/{made.json['key']}"
    assert (await ann.get(path)).status == 200
    assert (await bob.get(path)).status == 404
    moved = await bob("POST", f"{path}/transitions", {"transition": {"id": "11"}})
    assert (moved.status, moved.body) == (404, b"")
    assert (await bob.get("/rest/api/3/project/SEC")).status == 404


async def test_signing_in(jira: World) -> None:
    me = await jira.person("ann").get("/rest/api/3/myself")
    assert (me.json["emailAddress"], me.json["timeZone"]) == ("ann@example.com", "America/New_York")
    assert me.headers["X-ARequestId"]
    wrong = await jira.person("ann", "wrong").get("/rest/api/3/myself")
    assert (wrong.status, wrong.headers["Content-Type"].split(";")[0]) == (401, "text/plain")
    assert b"deprecated" in wrong.body
    key = await new_issue(jira.person("ann"))
    assert (await jira.nobody.get("/rest/api/3/myself")).status == 401
    assert (await jira.nobody.get(f"{ISSUE}/{key}")).status == 404
    await jira.option(bad_token_is_anonymous=True)
    assert (await jira.person("ann", "wrong").get(f"{ISSUE}/{key}")).status == 404
    assert (await jira.person("ann", "wrong").get("/rest/api/3/myself")).status == 401


async def test_people(jira: World) -> None:
    ann = jira.person("ann")
    assert [user["displayName"] for user in (await ann.get("/rest/api/3/user/search?query=car")).json] == ["Cara Cole"]
    by_mail = (await ann.get("/rest/api/3/user/search?query=dev@example.com")).json
    assert [user["accountId"] for user in by_mail] == [DEV]
    assert (await ann.get(f"/rest/api/3/user?accountId={DEV}")).json["displayName"] == "Dev Das"
    assert (await ann.get("/rest/api/3/user?accountId=x")).status == 404
    assert len((await ann.get("/rest/api/3/users/search?maxResults=3")).json) == 3


@pytest.mark.parametrize(
    "body",
    [
        {"fields": []},
        {"update": "x"},
        {"update": {"labels": "x"}},
        {"update": {"labels": [["add", "x"]]}},
        {"update": {"labels": [{"add": "x", "remove": "y"}]}},
        {"update": {"comment": 7}},
        {"update": {"comment": [{"add": "text"}]}},
        {"properties": [{"value": 1}]},
        {"properties": {"key": 1}},
        {"fields": {"priority": "High", "labels": "x", "duedate": 7}},
    ],
)
async def test_bodies_of_a_wrong_shape_are_refused(jira: World, body: dict[str, Any]) -> None:
    ann = jira.person("ann")
    key = await new_issue(ann)
    assert (await ann("PUT", f"{ISSUE}/{key}", body)).status == 400
    assert len(await jira.log()) == 1


async def test_malformed_bodies(jira: World) -> None:
    ann = jira.person("ann")
    assert (await ann("POST", ISSUE, b"{nonsense")).status == 400
    assert (await ann("POST", ISSUE, b"[]")).status == 400
    assert (await ann("PATCH", f"{ISSUE}/OPS-1", {})).status == 405
    assert (await ann.get("/rest/api/3/nothing")).status == 404
