"""What real systems were recorded to say, and what the stand-ins say: the same keys, types, statuses and headers.

Values differ of course. A key may be missing only where it is named here as not served.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import orjson
import pytest

from tests.contract.sandbox.calling import Answer, Receiver, World, document, new_incident, new_issue, walk
from tests.support.shared import require_shared

_NETWORK = "0e740000c0ffee00b0a7000000000012"
_ANN = "a11a0000c0ffee00b0a7000000000002"


def _fixture(*parts: str) -> Any:
    return orjson.loads(require_shared("vendor", "fixtures", *parts).read_bytes())


def _kind(value: Any) -> str:
    return {dict: "object", list: "list", str: "text", bool: "bool", int: "number", float: "number"}[type(value)]


def misfits(
    ours: Any, theirs: Any, absent: Collection[str] = (), extra: Collection[str] = (), at: str = ""
) -> Iterator[str]:
    """How `ours` differs in shape from `theirs`; lists are compared by their first elements, null fits anything.

    A name ending in a dot stands for all keys that begin with it.
    """
    if ours is None or theirs is None:
        return
    if _kind(ours) != _kind(theirs):
        yield f"{at}: {_kind(ours)} where {_kind(theirs)} was recorded"
    elif isinstance(ours, list) and ours and theirs:
        yield from misfits(ours[0], theirs[0], absent, extra, f"{at}[]")
    elif isinstance(ours, dict):
        for key in ours.keys() | theirs.keys():
            path = f"{at}.{key}".lstrip(".")
            if key not in ours:
                yield from [] if _named(path, absent) else [f"{path}: recorded and absent"]
            elif key not in theirs:
                yield from [] if _named(path, extra) else [f"{path}: never recorded"]
            else:
                yield from misfits(ours[key], theirs[key], absent, extra, path)


def _named(path: str, names: Collection[str]) -> bool:
    return any(path == name or (name.endswith("*") and path.startswith(name[:-1])) for name in names)


def _same(answer: Answer, recorded: Any, absent: Collection[str] = (), extra: Collection[str] = ()) -> None:
    """Status, header names and body of a recorded exchange."""
    response = recorded["response"]
    assert answer.status == response["status"]
    # Set-Cookie and the like were stripped from the recordings; what is left counts.
    missing = set(response["headers"]) - {name.lower() for name in answer.headers} - {"x-seraph-loginreason"}
    assert not missing
    assert answer.headers["Content-Type"] == response["headers"]["content-type"]
    if response["body"] == "":
        assert answer.body == b""
    else:
        assert list(misfits(answer.json, response["body"], absent, extra)) == []


async def test_servicenow_lists(snow: World) -> None:
    ann = snow.person("ann")
    ours = {"result[].u_lockstep_key"}  # a column that the administrator added
    users = _fixture("servicenow", "http.sys_user.list.page1.json")
    _same(await ann.get("/api/now/table/sys_user?sysparm_limit=2"), users, extra=ours)
    groups = _fixture("servicenow", "http.sys_user_group.list.json")
    _same(await ann.get("/api/now/table/sys_user_group?sysparm_limit=500"), groups, extra=ours)
    link = users["response"]["headers"]["link"].split(",")
    pages = (await ann.get("/api/now/table/sys_user?sysparm_limit=2")).headers["Link"].split(",")
    assert [part.split(";")[1] for part in pages] == [part.split(";")[1] for part in link]


async def test_servicenow_single_empty_and_refused(snow: World) -> None:
    ann = snow.person("ann")
    path = "/api/now/table/sys_db_object"
    empty = await ann.get(f"{path}?sysparm_limit=500&name=invalid-parent1&sysparm_fields=super_class%2Cname")
    _same(empty, _fixture("servicenow", "http.empty-result.json"))
    assert empty.headers["X-Total-Count"] == "0"
    [row] = (await ann.get(f"{path}?name=incident")).result
    single = await ann.get(f"{path}/{row['sys_id']}?sysparm_fields=super_class%2Cname")
    _same(single, _fixture("servicenow", "http.single-record.json"))
    refused = await snow.nobody.get("/api/now/table/sys_user?sysparm_limit=1")
    recorded = _fixture("servicenow", "http.auth-error-401.json")
    _same(refused, recorded)
    assert refused.json == recorded["response"]["body"]
    assert refused.headers["WWW-Authenticate"] == recorded["response"]["headers"]["www-authenticate"]


async def test_servicenow_incidents_as_documented(snow: World) -> None:
    ann = snow.person("ann")
    path = await new_incident(ann, assignment_group=_NETWORK, assigned_to=_ANN, caller_id=_ANN)
    row = (await ann.get(path)).json
    # cmdb_ci, location, company, problem_id and the like point to tables the stand-in does not have: they stay texts.
    ours = {"result.hold_reason", "result.u_labels"}
    for name in ("GET-now-table-tableName-sys-id-1", "POST-now-table-tableName-1", "PUT-now-table-tableName-sys-id-1"):
        documented = _fixture("servicenow", f"docs.Table-{name}.json")
        for column in ("cmdb_ci", "location", "company", "problem_id"):
            documented["result"][column] = ""
        empty = {name for name, value in documented["result"].items() if value == ""}
        for column in empty & {"assigned_to", "assignment_group", "caller_id"}:
            documented["result"][column] = None
        assert list(misfits(row, documented, extra=ours)) == []


async def test_servicenow_rate_limit(snow: World) -> None:
    await snow.option(rate_limit_per_hour=0)
    refused = await snow.person("ann").get("/api/now/table/incident")
    documented = _fixture("servicenow", "docs.error-429-rate-limit.json")
    assert list(misfits(refused.json, documented)) == []
    assert refused.json["error"]["message"] == documented["error"]["message"]


# Fields of apps and features this site does not have.
_FOREIGN = ("fields.customfield_1*",)
_OWN = ("fields.customfield_10050",)
_ISSUE_ABSENT = ("properties*", "fields.issuetype.entityId", *_FOREIGN)


async def test_jira_issues(jira: World) -> None:
    ann = jira.person("ann")
    key = await new_issue(ann, description=document("Test description"))
    shown = await ann.get(f"/rest/api/3/issue/{key}?expand=&fields=%2Aall&properties=%2Aall&fieldsByKeys=false")
    _same(shown, _fixture("jira", "http.issue.get.json"), absent=_ISSUE_ABSENT, extra=_OWN)
    await ann("PUT", f"/rest/api/3/issue/{key}/properties/x", {})
    moves = await ann.get(f"/rest/api/3/issue/{key}?expand=transitions&fields=%2Aall&properties=%2Aall")
    _same(
        moves,
        _fixture("jira", "http.issue.get-expand-transitions.json"),
        absent=_ISSUE_ABSENT,
        extra=("properties.x", *_OWN),
    )


async def test_jira_small_answers(jira: World) -> None:
    ann = jira.person("ann")
    recorded = _fixture("jira", "http.issue.create-201.json")
    body = recorded["request"]["body"]
    body["fields"]["project"] = {"id": 10000}
    _same(await ann("POST", "/rest/api/3/issue", body), recorded)
    _same(await ann.get("/rest/api/3/field"), _fixture("jira", "http.fields.json"))
    _same(await ann.get("/rest/api/3/project/PROJECTNAMEBAD"), _fixture("jira", "http.project-404.json"))
    server = _fixture("jira", "http.serverInfo.json")
    _same(await ann.get("/rest/api/3/serverInfo"), server, extra={"serverTime", "serverTimeZone"})
    users = _fixture("jira", "http.users-page.json")
    more = {"[].emailAddress", "[].timeZone"}  # shown here because visible in this directory
    _same(await ann.get("/rest/api/3/users?startAt=0"), users, absent={"[].locale"}, extra=more)
    moved = _fixture("jira", "http.transition-404.json")
    _same(await ann("POST", "/rest/api/3/issue/JJJ-9/transitions", moved["request"]["body"]), moved)


async def test_jira_documented_answers(jira: World) -> None:
    ann = jira.person("ann")
    key = await new_issue(ann)
    comment = await ann("POST", f"/rest/api/3/issue/{key}/comment", {"body": document("c")})
    person = ("author.*", "updateAuthor.*")
    documented = _fixture("jira", "openapi.comment-created.json")
    assert list(misfits(comment.json, documented, absent={"visibility"}, extra={"jsdPublic", *person})) == []
    for labels in (["a"], ["a", "b"], ["b"]):
        await ann("PUT", f"/rest/api/3/issue/{key}", {"fields": {"labels": labels}})
    page = await ann.get(f"/rest/api/3/issue/{key}/changelog?startAt=0&maxResults=2")
    extra = {"values[].author.accountType"}
    assert list(misfits(page.json, _fixture("jira", "openapi.changelog.json"), extra=extra)) == []
    priorities = await ann.get("/rest/api/3/priority/search")
    assert list(misfits(priorities.json, _fixture("jira", "openapi.priority.json"), extra={"self"})) == []
    refused = await ann("POST", "/rest/api/3/issue", {"fields": {}})
    assert list(misfits(refused.json, _fixture("jira", "openapi.issue-create-400.json"), extra={"errors.*"})) == []


# Webhooks were recorded before Cloud dropped user names, and when sub-task hierarchy was new.
_OLD_PEOPLE = tuple(
    f"{where}.{name}"
    for where in ("user", *(f"issue.fields.{role}" for role in ("creator", "reporter", "assignee")))
    for name in ("name", "key")
)
_WEBHOOK_ABSENT = ("issue.fields.customfield_1*", *_OLD_PEOPLE)
_WEBHOOK_EXTRA = (
    *("issue.fields.customfield_100*", "issue.fields.issuetype.hierarchyLevel", "issue.fields.project.simplified"),
    *("issue.fields.issuerestriction", "issue.fields.comment*", "issue.fields.worklog", "issue.fields.components"),
    *("issue.fields.statuscategorychangedate", "user.accountType", "issue.fields.lastViewed"),
    *("issue.fields.creator.accountType", "issue.fields.reporter.accountType", "issue.fields.workratio"),
    *("issue_event_type_name", "issue.fields.issuelinks", "issue.fields.issuetype.subtask"),
    *("issue.fields.aggregate*", "issue.fields.assignee.accountType", "issue.fields.resolution*"),
)


@pytest.mark.parametrize(
    ("event", "fixture", "absent", "extra"),
    [
        ("jira:issue_created", "webhook-cloud-issue-created-many-fields.json", ("changelog*",), ()),
        ("jira:issue_updated", "webhook-issue-updated-multiple-values.json", (), ()),
        ("jira:issue_updated", "webhook-issue-updated-raised-priority.json", (), ()),
        ("jira:issue_updated", "webhook-issue-updated-started-working.json", (), ()),
        ("jira:issue_deleted", "webhook-issue-deleted.json", (), ()),
    ],
)
async def test_jira_webhooks(
    jira: World, receiver: Receiver, event: str, fixture: str, absent: tuple[str, ...], extra: tuple[str, ...]
) -> None:
    await jira.nobody("POST", "/_sandbox/webhooks", {"url": receiver.url, "secret": "s"})
    ann = jira.person("ann")
    key = await new_issue(ann, description=document("d"))
    await walk(ann, key, "11")
    await ann("DELETE", f"/rest/api/3/issue/{key}")
    bodies = [body for _, body in await receiver.wait_for(3)]
    [ours] = [body for body in bodies if body["webhookEvent"] == event]
    theirs = _fixture("jira", fixture)
    found = misfits(ours, theirs, (*_WEBHOOK_ABSENT, *absent), (*_WEBHOOK_EXTRA, *extra))
    assert list(found) == []


def test_the_comparison_can_fail() -> None:
    assert list(misfits({"a": 1}, {"a": "1"})) == ["a: number where text was recorded"]
    assert list(misfits({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]})) == ["a[].c: recorded and absent"]
    assert list(misfits({"a": {"b": 1}}, {"a": {}})) == ["a.b: never recorded"]
    assert list(misfits({"a": {"b": 1}}, {"a": {}}, extra={"a.*"})) == []
