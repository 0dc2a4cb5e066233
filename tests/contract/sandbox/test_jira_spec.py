"""Every answer of a tour through the Jira stand-in validates against Atlassian's own OpenAPI document."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from referencing import Registry
from referencing.jsonschema import DRAFT4

from tests.contract.sandbox.calling import Answer, World, document
from tests.support.shared import require_shared

DEV = "712020:de500000-c0ff-ee00-b0a7-000000000005"
_API = "/rest/api/3"
_SPEC = "urn:jira"
_RECORDED_BEYOND_SPEC = {"/rest/api/3/serverInfo": {"defaultLocale"}}
"""Keys a real site was recorded to send and the document does not know [fixture jira/http.serverInfo.json]."""


class Spec:
    """The vendor's document, and which of its operations a tour has shown."""

    def __init__(self, file: Path) -> None:
        self._document = orjson.loads(file.read_bytes())
        self._registry: Registry[Any] = Registry().with_resource(_SPEC, DRAFT4.create_resource(self._document))
        self.shown: set[tuple[str, str, int]] = set()

    def check(self, method: str, path: str, answer: Answer) -> None:
        """Raises unless the operation has this status, and the body is what it promises there."""
        template, operation = self._operation(method, path.partition("?")[0])
        assert str(answer.status) in operation["responses"], f"{method} {template} has no {answer.status}"
        self.shown.add((method, template, answer.status))
        schema = _schema(operation["responses"][str(answer.status)])
        if schema in (None, {}):
            return
        if answer.status < 400:
            assert "json" in answer.headers["Content-Type"]
        body = _without_nulls(answer.json)
        for key in _RECORDED_BEYOND_SPEC.get(template, ()):
            del body[key]
        jsonschema.validate(body, _absolute(schema), cls=jsonschema.Draft4Validator, registry=self._registry)

    def _operation(self, method: str, path: str) -> tuple[str, dict[str, Any]]:
        fitting = [
            (template, operations[method.lower()])
            for template, operations in self._document["paths"].items()
            if method.lower() in operations and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path)
        ]
        # A literal path counts more than one with a parameter in the same place.
        return min(fitting, key=lambda one: one[0].count("{"))


def _schema(response: dict[str, Any]) -> Any:
    return next((content.get("schema") for content in response.get("content", {}).values()), None)


def _absolute(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _SPEC + value if key == "$ref" else _absolute(value) for key, value in schema.items()}
    return [_absolute(value) for value in schema] if isinstance(schema, list) else schema


def _without_nulls(value: Any) -> Any:
    """The document declares no null anywhere, and real answers are full of them [fixtures jira/http.issue.get.json]."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def spec() -> Spec:
    """Read once; it is two megabytes."""
    return Spec(require_shared("vendor", "specs", "jira-cloud-v3-2025-12.json"))


@pytest.fixture
async def tour(jira: World, spec: Spec) -> Any:
    """Calls that check every answer."""
    ann = jira.person("ann")

    async def call(method: str, path: str, body: Any = None, *, expect: int = 200, **more: Any) -> Any:
        answer = await ann(method, _API + path, body, **more)
        assert answer.status == expect, (method, path, answer.status, answer.body)
        spec.check(method, _API + path, answer)
        return answer.json if answer.body else None

    return call


async def test_the_tour(tour: Any, spec: Spec) -> None:
    fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "s", "description": document("d")}
    key = (await tour("POST", "/issue", {"fields": fields}, expect=201))["key"]
    await tour("POST", "/issue", {"fields": {}}, expect=400)
    await tour("GET", f"/issue/{key}")
    await tour("GET", f"/issue/{key}?expand=changelog,transitions,names&properties=*all")
    await tour("GET", "/issue/OPS-999", expect=404)
    await tour("PUT", f"/issue/{key}", {"fields": {"summary": "t"}, "update": {"labels": [{"add": "x"}]}}, expect=204)
    await tour("PUT", f"/issue/{key}?returnIssue=true", {"fields": {"assignee": {"accountId": DEV}}})
    await tour("PUT", f"/issue/{key}", {"fields": {"nonsense": 1}}, expect=400)
    await tour("PUT", f"/issue/{key}/assignee", {"accountId": None}, expect=204)
    await tour("GET", f"/issue/{key}/transitions?expand=transitions.fields")
    for number in ("11", "21"):
        await tour("POST", f"/issue/{key}/transitions", {"transition": {"id": number}}, expect=204)
    await tour("GET", f"/issue/{key}/transitions?expand=transitions.fields")
    await tour("POST", f"/issue/{key}/transitions", {"transition": {"id": "31"}}, expect=400)
    done = {"transition": {"id": "31"}, "fields": {"resolution": {"name": "Done"}}}
    await tour("POST", f"/issue/{key}/transitions", done, expect=204)
    await tour("GET", f"/issue/{key}")
    await tour("GET", f"/issue/{key}/changelog?maxResults=2")
    await tour("POST", "/changelog/bulkfetch", {"issueIdsOrKeys": [key], "maxResults": 2})
    await tour("PUT", f"/issue/{key}/properties/acme", {"a": 1}, expect=201)
    await tour("PUT", f"/issue/{key}/properties/acme", {"a": 2}, expect=200)
    await tour("GET", f"/issue/{key}/properties")
    await tour("GET", f"/issue/{key}/properties/acme")
    await tour("DELETE", f"/issue/{key}/properties/acme", expect=204)
    comment = {"body": document("c"), "properties": [{"key": "k", "value": {"v": 1}}]}
    number = (await tour("POST", f"/issue/{key}/comment?expand=properties", comment, expect=201))["id"]
    await tour("GET", f"/issue/{key}/comment?expand=properties")
    await tour("GET", f"/issue/{key}/comment/{number}")
    await tour("PUT", f"/issue/{key}/comment/{number}", {"body": document("e")})
    await tour("GET", f"/comment/{number}/properties")
    await tour("GET", f"/comment/{number}/properties/k")
    await tour("PUT", f"/comment/{number}/properties/k", {"v": 2})
    await tour("DELETE", f"/comment/{number}/properties/k", expect=204)
    await tour("DELETE", f"/issue/{key}/comment/{number}", expect=204)
    await tour("POST", "/search/jql", {"jql": "project = OPS", "fields": ["*all"], "expand": "changelog,names"})
    await tour("GET", "/search/jql?jql=project=OPS&maxResults=1&fields=summary")
    await tour("POST", "/search/jql", {"jql": ""}, expect=400)
    await tour("POST", "/search/approximate-count", {"jql": "project = OPS"})
    for path in (
        *("/myself", "/serverInfo", f"/user?accountId={DEV}", "/user/search?query=ann", "/users", "/users/search"),
        *("/field", "/priority", "/priority/search?maxResults=2", "/resolution", "/status", "/statuses/search"),
        *("/issuetype", "/project/OPS", "/user/assignable/search?project=OPS"),
    ):
        await tour("GET", path)
    await tour("GET", "/project/NOPE", expect=404)
    await tour("DELETE", f"/issue/{key}", expect=204)
    assert len(spec.shown) == 48


async def test_the_tour_of_people_and_groups(tour: Any) -> None:
    new = {"emailAddress": "eve@example.com", "products": ["jira-software"]}
    eve = (await tour("POST", "/user", new, expect=201))["accountId"]
    assert (await tour("POST", "/user", new, expect=201))["accountId"] == eve
    await tour("POST", "/user", {"emailAddress": "eve@example.com"}, expect=400)
    await tour("GET", "/user?accountId=nobody", expect=404)
    await tour("GET", f"/user/groups?accountId={eve}")
    team = (await tour("POST", "/group", {"name": "night shift"}, expect=201))["groupId"]
    await tour("POST", "/group", {"name": "night shift"}, expect=400)
    await tour("GET", "/group/bulk?maxResults=1")
    await tour("GET", f"/group/bulk?groupId={team}")
    member = f"/group/user?groupId={team}"
    await tour("POST", member, {"accountId": eve}, expect=201)
    await tour("POST", member, {"accountId": eve}, expect=400)
    await tour("POST", member, {"accountId": "nobody"}, expect=404)
    shown = await tour("GET", f"/group/member?groupId={team}&includeInactiveUsers=true")
    assert [each["accountId"] for each in shown["values"]] == [eve]
    await tour("GET", "/group/member?groupId=none", expect=404)
    await tour("DELETE", f"{member}&accountId={eve}")
    await tour("DELETE", f"{member}&accountId={eve}", expect=400)
    await tour("DELETE", f"/group?groupId={team}")
    await tour("DELETE", f"/user?accountId={eve}", expect=204)


async def test_the_tour_of_project_roles(tour: Any) -> None:
    page = await tour("GET", "/project/search?maxResults=1&orderBy=key")
    assert (len(page["values"]), page["isLast"]) == (1, False)
    roles = await tour("GET", "/project/OPS/role")
    path = f"/project/OPS/role/{roles['Administrators'].rpartition('/')[2]}"
    shown = await tour("POST", path, {"user": [DEV]})
    assert (shown["admin"], [each["actorUser"]["accountId"] for each in shown["actors"]]) == (True, [DEV])
    await tour("POST", path, {"user": [DEV]}, expect=400)
    await tour("DELETE", f"{path}?user={DEV}", expect=204)
    await tour("DELETE", f"{path}?user={DEV}", expect=404)
    assert (await tour("GET", path))["actors"] == []
    await tour("GET", "/project/OPS/role/1", expect=404)
    await tour("GET", "/project/NOPE/role", expect=404)


async def test_only_site_administrators_change_people_and_groups(jira: World, spec: Spec) -> None:
    bob = jira.person("bob")
    for method, path, body in (
        ("POST", "/user", {"emailAddress": "eve@example.com", "products": []}),
        ("POST", "/group", {"name": "night shift"}),
    ):
        answer = await bob(method, _API + path, body)
        assert answer.status == 403
        spec.check(method, _API + path, answer)


async def test_the_tour_of_attachments(tour: Any, jira: World) -> None:
    fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "s"}
    issue = (await tour("POST", "/issue", {"fields": fields}, expect=201))["id"]
    content = b"a\r\n--b\r\r\n\x00\xff" * 7
    form = (
        b'--b0\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n' + content + b"\r\n--b0--\r\n"
    )
    said = {"Content-Type": "multipart/form-data; boundary=b0", "X-Atlassian-Token": "no-check"}
    path = f"/issue/{issue}/attachments"
    [made] = await tour("POST", path, form, headers=said)
    await tour("POST", path, form, headers={"Content-Type": said["Content-Type"]}, expect=403)
    await jira.nobody("PATCH", "/_sandbox/options", {"attachment_limit": 10})
    await tour("POST", path, form, headers=said, expect=413)
    await tour("GET", "/attachment/meta")
    await tour("GET", f"/attachment/{made['id']}")
    await tour("GET", "/attachment/999", expect=404)
    assert (await tour("GET", f"/issue/{issue}"))["fields"]["attachment"][0]["size"] == len(content)
    there = f"{_API}/attachment/content/{made['id']}"
    answer = await jira.person("ann").get(f"{there}?redirect=false")
    assert (answer.status, answer.body) == (200, content)
    changes = (await tour("GET", f"/issue/{issue}/changelog"))["values"]
    assert changes[-1]["items"][0]["toString"] == "a.bin"
    await tour("DELETE", f"/attachment/{made['id']}", expect=204)


def test_the_check_can_fail(spec: Spec) -> None:
    headers = {"Content-Type": "application/json"}
    with pytest.raises(jsonschema.ValidationError):
        spec.check("GET", "/rest/api/3/issue/OPS-1", Answer(200, headers, b'{"id": 10000, "key": "OPS-1"}'))
    with pytest.raises(jsonschema.ValidationError):
        spec.check("GET", "/rest/api/3/myself", Answer(200, headers, b'{"accountId": "x", "surprise": 1}'))
    with pytest.raises(AssertionError):
        spec.check("GET", "/rest/api/3/myself", Answer(418, headers, b"{}"))
