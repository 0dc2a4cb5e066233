"""Requests of the connector, answers and webhooks of the GitHub stand-in validate against GitHub's own OpenAPI
documents.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import orjson
import pytest
from referencing import Registry
from referencing.jsonschema import DRAFT4, DRAFT202012

from connectors import registry, sandbox
from connectors.contract.access import Ending, Whom
from connectors.contract.connector import ConnectionSettings
from connectors.contract.values import ItemDraft, Ref, Step, Webhook, Write, WriteKind
from connectors.declared.connector import Declared
from connectors.declared.ending import Ends
from tests.contract.sandbox.calling import Answer, Receiver
from tests.support.shared import require_shared
from tests.unit.connectors.clocks import SteppingClock

REPO = "/repos/lockstep/desk"
_SPEC = "urn:github"


class Spec:
    """GitHub's document of its API: OpenAPI 3.0, with `nullable`."""

    def __init__(self, file: Path) -> None:
        self.document = _nullable(orjson.loads(file.read_bytes()))
        self._registry: Registry[Any] = Registry().with_resource(_SPEC, DRAFT4.create_resource(self.document))
        self.shown: set[tuple[str, str, int]] = set()

    def check(self, method: str, path: str, sent: Any, answer: Answer) -> None:
        """Raises unless the operation takes this request and has this answer."""
        template, operation = self._operation(method, path.partition("?")[0])
        self.shown.add((method, template, answer.status))
        asked = {pair.partition("=")[0] for pair in path.partition("?")[2].split("&") if pair}
        assert asked <= self._parameters(operation), f"{method} {template} has no parameter {asked}"
        if sent is not None:
            self._validate(_schema(operation["requestBody"]), sent)
        response = operation["responses"].get(str(answer.status))
        assert response is not None, f"{method} {template} has no {answer.status}"
        if answer.body:
            self._validate(_schema(self._resolved(response)), answer.json)

    def _validate(self, schema: Any, value: Any) -> None:
        jsonschema.validate(value, _absolute(schema), cls=jsonschema.Draft4Validator, registry=self._registry)

    def _parameters(self, operation: Any) -> set[str]:
        return {self._resolved(each)["name"] for each in operation["parameters"]}

    def _resolved(self, value: Any) -> Any:
        while "$ref" in value:
            found = self.document
            for step in value["$ref"][2:].split("/"):
                found = found[step]
            value = found
        return value

    def _operation(self, method: str, path: str) -> tuple[str, Any]:
        fitting = [
            (template, operations[method.lower()])
            for template, operations in self.document["paths"].items()
            if method.lower() in operations and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path)
        ]
        return min(fitting, key=lambda one: one[0].count("{"))


def _schema(said: Any) -> Any:
    return next((content.get("schema") for content in said.get("content", {}).values()), {})


def _absolute(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _SPEC + each if key == "$ref" else _absolute(each) for key, each in schema.items()}
    return [_absolute(each) for each in schema] if isinstance(schema, list) else schema


def _nullable(schema: Any) -> Any:
    """OpenAPI 3.0 says `nullable` where JSON Schema says a type more."""
    if isinstance(schema, list):
        return [_nullable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _nullable(each) for key, each in schema.items()}
    if made.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
    return made


@pytest.fixture(scope="module")
def spec() -> Spec:
    return Spec(require_shared("vendor", "specs", "github-rest-subset-api.github.com.json"))


@pytest.fixture(scope="module")
def hooks() -> dict[str, Any]:
    """The document of webhooks: OpenAPI 3.1, which is JSON Schema as it stands."""
    file = require_shared("vendor", "specs", "github-openapi-webhooks-api.github.com.json")
    found: dict[str, Any] = orjson.loads(file.read_bytes())
    return found


_BESIDES = re.compile(
    "^/graphql$|/contents/|/dispatches$|^/user/|^/users/|^/search/|^/settings/|/teams|/collaborators"
    "|/personal-access-tokens|/credential-authorizations"
)
"""What the vendored part of the document does not have."""


class Checked(httpx.AsyncBaseTransport):
    """Every exchange that goes through it is held against the document."""

    def __init__(self, spec: Spec) -> None:
        self._spec, self._inner = spec, httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        body = await response.aread()
        sent = orjson.loads(request.content) if request.content else None
        path = request.url.raw_path.decode()
        if not _BESIDES.search(request.url.path):
            answer = Answer(response.status_code, response.headers, body)
            self._spec.check(request.method, path, sent, answer)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.fixture
async def world(tmp_path: Path, spec: Spec, receiver: Receiver) -> AsyncIterator[tuple[httpx.AsyncClient, Declared]]:
    """A person's client and our connector, both checked."""
    stand_in = await sandbox.start("github", data=tmp_path / "github.db", hook=receiver.url, hook_secret="hook")
    settings = ConnectionSettings(
        name="github",
        connector="github",
        url=stand_in.url,
        auth={"bearer": {"token": "lockstep-secret"}},
        webhook_secret="hook",
        options={"owner": "lockstep", "repo": "desk"},
    )
    made = registry.create(settings, clock=SteppingClock(), transport=Checked(spec))
    assert isinstance(made, Declared)
    headers = {"Authorization": "Bearer ann-secret"}
    async with httpx.AsyncClient(base_url=stand_in.url, headers=headers, transport=Checked(spec)) as person:
        yield person, made
    await made.close()
    await stand_in.stop()


async def test_the_tour_is_what_githubs_documents_say(
    world: tuple[httpx.AsyncClient, Declared], spec: Spec, hooks: dict[str, Any], receiver: Receiver
) -> None:
    person, connector = world
    await worked(person)
    await connected(connector, person)
    came = await receiver.wait_for(TOLD)
    for headers, body in came:
        _fits(hooks, headers["x-github-event"], body)
        raw = Webhook(headers=dict(headers), body=orjson.dumps(body), received_at=1.0)
        got = connector.receive(raw)
        assert got.changes or got.ignored, headers["x-github-event"]
    assert {headers["x-github-event"] for headers, _ in came} == EVENTS
    assert {("GET", f"{_REPO}/deployments/{{deployment_id}}/statuses", 200), ("POST", _STATUS, 201)} <= spec.shown


async def test_what_a_person_has_ends_as_githubs_document_says(
    world: tuple[httpx.AsyncClient, Declared], spec: Spec
) -> None:
    person, connector = world
    assert isinstance(connector, Ends)
    issue = (await person.post(f"{REPO}/issues", json={"title": "Mail is down"})).json()["number"]
    await person.post(f"{REPO}/issues/{issue}/assignees", json={"assignees": ["bob"]})
    pull = (await person.post(f"{REPO}/pulls", json={"title": "A", "head": "changes", "base": "main"})).json()["number"]
    await person.post(f"{REPO}/pulls/{pull}/requested_reviewers", json={"reviewers": ["bob"]})
    (bob,) = await connector.accounts(Whom(email="bob@example.com"))
    (cara,) = await connector.accounts(Whom(email="cara@example.com"))
    for grant in (await connector.holdings(bob.id)).grants:
        await connector.end(Ending(account=bob, grant=grant, operation="op", to=cara))
    left = await connector.holdings(bob.id)
    assert (left.account and left.account.active, left.grants) == (False, ())
    assert {
        ("DELETE", "/orgs/{org}/memberships/{username}", 204),
        ("GET", "/orgs/{org}/memberships/{username}", 404),
        *((method, f"{_REPO}/issues/{{issue_number}}/assignees", status) for method, status in _TAKEN_OVER),
        *((method, f"{_REPO}/pulls/{{pull_number}}/requested_reviewers", status) for method, status in _TAKEN_OVER),
    } <= spec.shown


_TAKEN_OVER = (("POST", 201), ("DELETE", 200))


async def worked(person: httpx.AsyncClient) -> None:
    """What people and machines do in a repository."""
    sha = (await person.put(f"{REPO}/contents/a.txt", json={"message": "OPS-1 a", "content": "YQ=="})).json()["commit"][
        "sha"
    ]
    asked = {"ref": "main", "environment": "production", "description": "to customers"}
    number = (await person.post(f"{REPO}/deployments", json=asked)).json()["id"]
    for state in ("in_progress", "failure"):
        await person.post(f"{REPO}/deployments/{number}/statuses", json={"state": state, "description": state})
    await person.post(f"{REPO}/actions/workflows/build.yml/dispatches", json={"ref": "main"})
    await person.post(f"{REPO}/statuses/{sha}", json={"state": "pending", "context": "ci"})
    opened = await person.post(f"{REPO}/pulls", json={"title": "A change", "head": "changes", "base": "main"})
    await person.patch(f"{REPO}/pulls/{opened.json()['number']}", json={"title": "Another"})
    assert (await person.put(f"{REPO}/pulls/{opened.json()['number']}/merge", json={})).status_code == 200
    assert (await person.put("/orgs/lockstep/memberships/bob", json={"role": "admin"})).status_code == 200
    assert (await person.delete("/orgs/lockstep/memberships/bob")).status_code == 204
    assert (await person.put("/orgs/lockstep/memberships/bob", json={"role": "member"})).status_code == 200
    refused = await person.post(f"{REPO}/issues", json={"title": ""})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "title")


async def connected(connector: Declared, person: httpx.AsyncClient) -> None:
    """Every request that the connector file describes."""
    assert all(each.ok for each in await connector.check())
    page = await connector.changes(None)
    while page.more:
        page = await connector.changes(page.cursor)
    for name in connector.specs:
        for each in (await connector.ids(name, None)).listed:
            assert (await connector.read(Ref(object=name, id=each.id), items=True)).exists
    issue = (await connector.apply(_write(WriteKind.CREATE, None, {"title": "Mail is down", "labels": ["mail"]}))).ref
    assert [each.id for each in await connector.find("issue", "c1")] == [issue.id]
    await connector.apply(_write(WriteKind.UPDATE, issue, {"title": "Mail is slow"}))
    draft = ItemDraft(kind="comment", body="Looking", author="Kim", at=0.0, origin="jira:1")
    await connector.apply(_write(WriteKind.ITEM, issue, {}, item=draft))
    await connector.apply(_write(WriteKind.STEP, issue, {}, step=Step(id="closed", to="closed")))
    commit = (await connector.ids("commit", None)).listed[0]
    status = {"status": {"state": "success", "description": "OPS-1"}}
    await connector.apply(_write(WriteKind.UPDATE, Ref(object="commit", id=commit.id), status))
    assert (await connector.read(Ref(object="commit", id=commit.id))).raw["status"]["description"] == "OPS-1"
    await person.post(
        "/graphql", json={"query": f'mutation {{ deleteIssue(input: {{issueId: "I_{issue.id}"}}) {{ x }} }}'}
    )
    assert not (await connector.read(issue)).exists


def _write(kind: WriteKind, ref: Ref | None, values: dict[str, Any], **more: Any) -> Write:
    name = ref.object if ref else "issue"
    return Write(kind=kind, object=name, operation="op", correlation="c1", ref=ref, values=values, **more)


EVENTS = {
    *("push", "deployment", "deployment_status", "workflow_run", "status", "pull_request", "organization"),
    *("issues", "issue_comment"),
}
TOLD = 19
_REPO = "/repos/{owner}/{repo}"
_STATUS = f"{_REPO}/statuses/{{sha}}"


def _fits(hooks: dict[str, Any], event: str, body: Any) -> None:
    """Raises unless the payload is what the document of its event, and action, says."""
    name = event if "action" not in body else f"{event}-{body['action']}"
    schema = hooks["webhooks"][name.replace("_", "-")]["post"]["requestBody"]["content"]["application/json"]["schema"]
    resolver: Registry[Any] = Registry().with_resource(_SPEC, DRAFT202012.create_resource(hooks))
    jsonschema.validate(body, _absolute(schema), cls=jsonschema.Draft202012Validator, registry=resolver)
