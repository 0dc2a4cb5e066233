"""Every published GitHub payload is understood, or passed over with a reason, by one connector file"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import httpx
import orjson
import pytest

from connectors.contract.connector import Connector
from connectors.contract.errors import MappingError, SignatureError
from connectors.contract.values import ChangeKind, Received, Ref
from tests.support.understood import SECRET, all_told, answering, load, mapped, received

AUTH = {"bearer": {"token": "t"}}
TABLE = {
    "api.graphql-deployment.json": "passed over: what GraphQL answers; the connector speaks REST",
    "api.issue.json": "passed over: a pull request, which the list of issues shows, too",
    "deployment.created.json": "understood: a hint of the deployment, which is read with its newest status",
    "deployment_review.requested.json": "passed over: the workflow run it is part of is told by itself",
    "deployment_status.created.json": "understood: a hint of the deployment, which is read with its newest status",
    "deployment_status.legacy.json": "understood: the same, of 2015 and without an action",
    "member.added.json": "passed over: collaborators of one repository are not read",
    "organization.member_added.json": "understood: a hint of the member, who is looked for in the organisation",
    "pull_request.closed.json": "understood: a hint of the pull request",
    "pull_request.synchronize.json": "understood: a hint of the pull request",
    "push-2.json": "passed over: no commits are pushed, a branch or tag comes or goes",
    "push.json": "passed over: no commits are pushed, a branch or tag comes or goes",
    "workflow_job.completed.json": "passed over: the workflow run it is part of is told by itself",
    "workflow_job.waiting.json": "passed over: the workflow run it is part of is told by itself",
    "workflow_run.completed.json": "understood: a hint of the run, which is read",
    "workflow_run.legacy.json": "understood: the same, of an older form; its conclusion `finished` is none of "
    "GitHub's, so the mapping refuses it by name",
    "workflow_run.requested.json": "understood: a hint of the run, which is read",
}
TOLD = {
    "deployment.created.json": ("deployment", "145988746"),
    "deployment_status.created.json": ("deployment", "145988746"),
    "deployment_status.legacy.json": ("deployment", "710692"),
    "organization.member_added.json": ("member", "39652351"),
    "pull_request.closed.json": ("pull_request", "2"),
    "pull_request.synchronize.json": ("pull_request", "2"),
    "workflow_run.completed.json": ("workflow_run", "1589141559"),
    "workflow_run.legacy.json": ("workflow_run", "565676767"),
    "workflow_run.requested.json": ("workflow_run", "289782451"),
}
HOOKS = [name for name in TABLE if not name.startswith("api.")]


def test_every_file_is_told_of() -> None:
    all_told("github", TABLE)


def of(body: Any) -> Connector:
    """A connection to the repository, or the organisation, that a payload is about."""
    full = body.get("repository", {}).get("full_name") or body["organization"]["login"] + "/any"
    owner, _, repo = full.partition("/")
    return answering("github", {}, AUTH, owner=owner, repo=repo)


def receive(name: str, connector: Connector | None = None, delivery: str = "d1", secret: str = SECRET) -> Received:
    body = load("github", name)
    raw = orjson.dumps(body)
    headers = {
        "x-github-event": name.partition(".")[0].partition("-")[0],
        "x-github-delivery": delivery,
        "x-hub-signature-256": "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest(),
    }
    return received(connector or of(body), raw, headers, at=1.0)


@pytest.mark.parametrize("name", HOOKS)
def test_a_webhook_is_what_the_table_says(name: str) -> None:
    got = receive(name)
    if name in TOLD:
        assert [(each.kind, each.snapshot.object, each.snapshot.id) for each in got.changes] == [
            (ChangeKind.HINT, *TOLD[name])
        ]
    else:
        assert got.changes == ()
        assert TABLE[name] == f"passed over: {got.ignored}"
    assert (name in TOLD) == TABLE[name].startswith("understood")


@pytest.mark.parametrize("name", TOLD)
def test_another_repositorys_webhook_says_nothing_here(name: str) -> None:
    """An organisation's hook tells of all its repositories, and numbers begin at 1 in each."""
    elsewhere = answering("github", {}, AUTH, owner="another", repo="one")
    assert receive(name, elsewhere).ignored in ("it is of another repository", "it is of another organisation")


def test_a_redelivery_is_one_and_a_wrong_signature_none() -> None:
    keys = {receive("deployment.created.json", delivery=each).changes[0].delivery_key for each in ("a", "a", "b")}
    assert len(keys) == 2
    with pytest.raises(SignatureError):
        receive("deployment.created.json", secret="other")


async def test_a_deployment_is_read_with_its_newest_status() -> None:
    body = load("github", "deployment_status.created.json")

    def answer(request: httpx.Request) -> Any:
        return [body["deployment_status"]] if request.url.path.endswith("/statuses") else body["deployment"]

    connector = answering("github", answer, AUTH, owner="Codertocat", repo="Hello-World")
    snapshot = await connector.read(Ref(object="deployment", id="145988746"))
    made = mapped("github-deployment", snapshot.raw)
    assert (made["environment"], made["stage"], made["state"], made["ref"]) == (
        *("github-pages", "other", "running", "master"),
    )
    assert made["commit"] == "f95f852bd8fca8fcc58a9a2d6c842781e32a215e"


@pytest.mark.parametrize("name", ["workflow_run.completed.json", "workflow_run.requested.json"])
async def test_a_run_is_a_build(name: str) -> None:
    run = load("github", name)["workflow_run"]
    connector = answering("github", run, AUTH, owner="o", repo="r")
    raw = (await connector.read(Ref(object="workflow_run", id=str(run["id"])))).raw
    made = mapped("github-run", raw)
    assert (made["state"], made["commit"], made["ref"]) == ("queued", run["head_sha"], run["head_branch"])


def test_a_conclusion_that_github_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(MappingError, match="finished"):
        mapped("github-run", load("github", "workflow_run.legacy.json")["workflow_run"])


async def test_a_pull_request_is_a_change_and_no_issue() -> None:
    pull = load("github", "pull_request.closed.json")["pull_request"]
    connector = answering("github", pull, AUTH, owner="o", repo="r")
    snapshot = await connector.read(Ref(object="pull_request", id="2"))
    made = mapped("github-pull-request", snapshot.raw)
    assert (made["state"], made["merged"], made["source"], made["target"]) == ("closed", None, "changes", "master")
    listed = answering("github", load("github", "api.issue.json"), AUTH, owner="o", repo="r")
    assert not (await listed.read(Ref(object="issue", id="4"))).exists


async def test_a_member_is_looked_for_in_the_organisation() -> None:
    membership = load("github", "organization.member_added.json")["membership"]

    def answer(request: httpx.Request) -> Any:
        return membership if "/memberships/" in request.url.path else [membership["user"]]

    connector = answering("github", answer, AUTH, owner="Octocoders", repo="any")
    snapshot = await connector.read(Ref(object="member", id="39652351"))
    assert (snapshot.key, mapped("github-member", snapshot.raw)["role"]) == ("hacktocat", "member")
