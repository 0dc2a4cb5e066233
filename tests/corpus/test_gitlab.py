"""Every published GitLab payload is understood, or refused or passed over with a reason, by one connector file."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from connectors import registry
from connectors.contract.connector import ConnectionSettings, Connector
from connectors.contract.errors import SignatureError
from connectors.contract.limits import TellsAllowance
from connectors.contract.values import Change, ChangeKind, Received, Ref, Webhook
from tests.support.shared import require_shared
from tests.support.understood import all_told
from tests.unit.connectors.clocks import SteppingClock

SECRET = "corpus"
GROUP = "it is of a group or of the whole system; members are listed"


def load(name: str) -> Any:
    return orjson.loads(require_shared("vendor", "fixtures", "gitlab", name).read_bytes())


def connector(project: str, answer: Any = None) -> Connector:
    def reply(request: httpx.Request) -> httpx.Response:
        return answer(request) if callable(answer) else httpx.Response(200, json=answer)

    settings = ConnectionSettings(
        name="gitlab",
        connector="gitlab",
        url="https://gitlab.com",
        auth={"api_key": {"key": "glpat-x"}},
        webhook_secret=SECRET,
        options={"project": project},
    )
    return registry.create(settings, clock=SteppingClock(), transport=httpx.MockTransport(reply))


def receive(body: Any, project: str, **headers: str) -> Received:
    raw = orjson.dumps(body)
    return connector(project).receive(Webhook(headers={"x-gitlab-token": SECRET, **headers}, body=raw, received_at=1.0))


TABLE = {
    "api.issue.json": "understood: an issue, read",
    "api.pipeline-detail.json": "understood: a pipeline, read and mapped to a build",
    "faros.deployments.json": "passed over: another product's model of deployments, not what GitLab answers",
    "fusebit.webhook-event.json": "passed over: another product's envelope around a webhook",
    "http.projects-page.json": "understood: rate headers and an answer that the sign-in check accepts",
    "http.user-ratelimit-headers.json": "understood: rate headers and an answer that the sign-in check accepts",
    "systemhook.user_add_to_group.json": f"passed over: {GROUP}",
    "systemhook.user_failed_login.json": f"passed over: {GROUP}",
    "webhook.gogitlab.deployment.json": "understood: a hint of the deployment",
    "webhook.gogitlab.issue.json": "understood: a hint of the issue",
    "webhook.gogitlab.member.json": f"passed over: {GROUP}",
    "webhook.gogitlab.merge_request.json": "understood: a hint of the merge request",
    "webhook.gogitlab.note_issue.json": "understood: a comment, with its author and time",
    "webhook.gogitlab.pipeline.json": "understood: a hint of the pipeline",
    "webhook.issue-event.json": "understood: a hint of the issue",
    "webhook.merge-request-event.json": "passed over: an old form that does not say which project it is of",
    "webhook.pipeline-event.json": "understood: a hint of the pipeline",
    "webhook.push-event.json": "passed over: pushes, releases and jobs are not read",
    "webhook.release-event.json": "passed over: pushes, releases and jobs are not read",
}


# file -> (project it is of, what it says: kind, record, id); None: passed over with a reason.
WEBHOOKS: dict[str, tuple[str, tuple[ChangeKind, str, str] | None]] = {
    "webhook.gogitlab.issue.json": ("14", (ChangeKind.HINT, "issue", "23")),
    "webhook.issue-event.json": ("14", (ChangeKind.HINT, "issue", "23")),
    "webhook.gogitlab.note_issue.json": ("gitlab-org/gitlab-test", (ChangeKind.ITEM, "issue", "17")),
    "webhook.gogitlab.merge_request.json": ("gitlabhq/gitlab-test", (ChangeKind.HINT, "merge_request", "1")),
    "webhook.gogitlab.pipeline.json": ("1", (ChangeKind.HINT, "pipeline", "31")),
    "webhook.gogitlab.deployment.json": ("30", (ChangeKind.HINT, "deployment", "15")),
    "webhook.pipeline-event.json": ("gitlab-org/gitlab-test", (ChangeKind.HINT, "pipeline", "31")),
    "webhook.merge-request-event.json": ("14", None),
    "webhook.gogitlab.member.json": ("1", None),
    "webhook.push-event.json": ("15", None),
    "webhook.release-event.json": ("1", None),
    "systemhook.user_add_to_group.json": ("1", None),
    "systemhook.user_failed_login.json": ("1", None),
    "fusebit.webhook-event.json": ("1", None),
}
READ = {"api.issue.json", "api.pipeline-detail.json", "http.projects-page.json", "http.user-ratelimit-headers.json"}
PASSED_OVER = {"faros.deployments.json": "another product's model of deployments, not what GitLab answers"}


def test_every_file_is_looked_at() -> None:
    assert set(TABLE) == {*WEBHOOKS, *READ, *PASSED_OVER}
    all_told("gitlab", TABLE)


def said(change: Change) -> tuple[ChangeKind, str, str]:
    return change.kind, change.snapshot.object, change.snapshot.id


@pytest.mark.parametrize("name", WEBHOOKS)
def test_a_webhook_is_understood_or_passed_over_with_a_reason(name: str) -> None:
    project, wanted = WEBHOOKS[name]
    got = receive(load(name), project)
    assert [said(each) for each in got.changes] == ([wanted] if wanted else [])
    assert bool(got.ignored) == (wanted is None)
    assert TABLE[name].startswith("passed over" if wanted is None else "understood")
    if got.ignored != "the connector file names no such event":
        assert wanted or TABLE[name] == f"passed over: {got.ignored}"


@pytest.mark.parametrize("name", [name for name, (_, wanted) in WEBHOOKS.items() if wanted])
def test_another_projects_webhook_says_nothing_here(name: str) -> None:
    """A group's hook tells of all its projects, and numbers of issues begin at 1 in each."""
    assert receive(load(name), "another/project").changes == ()


def test_a_note_is_a_comment_with_its_author_and_time() -> None:
    items = receive(load("webhook.gogitlab.note_issue.json"), "5").changes[0].snapshot.items
    assert items is not None
    assert (items[0].id, items[0].body, items[0].author, items[0].at) == ("1241", "Hello world", "User1", 1431882400.0)


def test_a_repeated_delivery_is_one() -> None:
    body = load("webhook.gogitlab.issue.json")
    keys = {receive(body, "14", **{"idempotency-key": key}).changes[0].delivery_key for key in ("a", "a", "b")}
    assert len(keys) == 2


def test_a_wrong_token_is_refused() -> None:
    with pytest.raises(SignatureError):
        receive(load("webhook.gogitlab.issue.json"), "14", **{"x-gitlab-token": "other"})


async def test_an_issue_is_read() -> None:
    issue = load("api.issue.json")
    snapshot = await connector("gitlab-data/snowflake_spend", issue).read(Ref(object="issue", id="1"))
    assert (snapshot.id, snapshot.updated_at) == ("1", 1561732325.434)
    assert snapshot.raw["title"] == "Add documentation to snowflake spend package"


async def test_a_pipeline_is_read() -> None:
    pipeline = load("api.pipeline-detail.json")
    snapshot = await connector("1", pipeline).read(Ref(object="pipeline", id=str(pipeline["id"])))
    assert (snapshot.id, snapshot.raw["status"]) == (str(pipeline["id"]), pipeline["status"])


@pytest.mark.parametrize("name", ["http.user-ratelimit-headers.json", "http.projects-page.json"])
async def test_recorded_answers_pass_the_sign_in_check(name: str) -> None:
    recorded = load(name)["response"]

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(recorded["status"], headers=recorded["headers"], json=recorded["body"])

    made = connector("1", answer)
    found = {each.proves: each.ok for each in await made.check()}
    assert found["sign-in"]
    assert isinstance(made, TellsAllowance)
