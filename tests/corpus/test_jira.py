"""Every published Jira payload is understood, or refused with a reason."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
import respx

from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import CredentialsError, DeliveryError, MalformedError, Refused
from connectors.contract.values import Change, ChangeKind, Received, Webhook
from connectors.jira import accounts, answers, rows
from connectors.jira.connector import Jira
from connectors.jira.items import to_history, to_item
from connectors.rest import RestClient
from tests.support.shared import corpus_files, require_shared
from tests.support.understood import all_told, mapped
from tests.unit.connectors.clocks import SteppingClock

FILES = {path.name: path for path in corpus_files("vendor", "fixtures", "jira")}
SECRET = "corpus"


def load(name: str) -> Any:
    return orjson.loads(require_shared("vendor", "fixtures", "jira", name).read_bytes())


def settings(**more: Any) -> ConnectionSettings:
    given = {"name": "jira", "connector": "jira", "url": "https://x.example", "auth": {"bearer": {"token": "t"}}}
    return ConnectionSettings(**(given | {"webhook_secret": SECRET} | more))


def receive(body: bytes, **headers: str) -> Received:
    signed = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    webhook = Webhook(headers={"x-hub-signature": signed, **headers}, body=body, received_at=1.0)
    return Jira(settings(), clock=SteppingClock(), new_key=lambda: "fresh").receive(webhook)


def only(received: Received) -> Change:
    (change,) = received.changes
    return change


# Each file of the corpus has one line here: adding a file without saying what becomes of it fails.
WEBHOOKS: dict[str, Callable[[Change], bool]] = {
    "webhook-cloud-issue-created-many-fields.json": lambda c: (
        c.kind in (ChangeKind.SNAPSHOT, ChangeKind.HINT)
        and c.snapshot.key == "KT-22"
        and c.snapshot.raw["fields"]["labels"] == ["Label1", "Label2"]
        and c.snapshot.raw["fields"]["assignee"]["accountId"] == "5cedcb4355a88a0fc86388ba"
    ),
    "webhook-issue-assigned-empty-changelog.json": lambda c: (
        c.kind is ChangeKind.HINT and c.snapshot.partial and c.snapshot.id == "10001"
    ),
    "webhook-issue-deleted.json": lambda c: c.kind is ChangeKind.DELETED and not c.snapshot.exists,
    "webhook-issue-updated-multiple-values.json": lambda c: c.snapshot.raw["fields"]["labels"] == ["test-label"],
    "webhook-issue-updated-raised-priority.json": lambda c: (
        c.snapshot.raw["fields"]["priority"]["name"] == "High" and c.snapshot.updated_at == 1550351716.037
    ),
    "webhook-issue-updated-started-working.json": lambda c: (
        c.snapshot.raw["fields"]["status"]["name"] == "In Progress" and c.occurred_at == 1550286862.039
    ),
    "webhook-server-issue-updated-closed.json": lambda c: (
        c.snapshot.raw["fields"]["resolution"]["name"] == "Done" and c.snapshot.actor == "admin"
    ),
}
EXCHANGES = {
    "http.dc.transition-204.json": None,
    "http.fields.json": None,
    "http.issue.create-201.json": None,
    "http.issue.get-expand-transitions.json": CredentialsError,
    "http.issue.get.json": None,
    "http.project-404.json": Refused,
    "http.serverInfo.json": None,
    "http.transition-404.json": CredentialsError,
    "http.users-page.json": None,
}
DOCUMENTS = {
    *("api.changelog.json", "api.issue-2.json", "api.issue.json", "api.search-jql-page1.json", "api.user.json"),
    *("openapi.changelog.json", "openapi.comment-created.json", "openapi.issue-create-400.json"),
    *("openapi.priority.json", "openapi.request-edit-issue.json", "openapi.search-jql.json"),
    *("openapi.transitions.json", "openapi.webhook-failed.json", "faros.audit_records.json"),
}


TABLE = {
    "api.changelog.json": "understood: an entry of a changelog",
    "api.issue-2.json": "understood: an issue with its changelog and comments",
    "api.issue.json": "understood: an issue with its changelog and comments",
    "api.search-jql-page1.json": "understood: a page of a search",
    "api.user.json": "understood: somebody who hides the address; known by account id",
    "faros.audit_records.json": "passed over: the audit log, which needs an administrator",
    "http.dc.transition-204.json": "understood: a transition that was done",
    "http.fields.json": "understood: the fields there are",
    "http.issue.create-201.json": "understood: what was created",
    "http.issue.get-expand-transitions.json": "refused: the answer says AUTHENTICATED_FAILED, so it was nobody's",
    "http.issue.get.json": "understood: an issue, read",
    "http.project-404.json": "refused: 404, with the reason",
    "http.serverInfo.json": "understood: an answer of the site; nothing of it is used",
    "http.transition-404.json": "refused: the answer says AUTHENTICATED_FAILED, so the 404 is none",
    "http.users-page.json": "understood: a page of people; apps are left out unless they are asked for",
    "openapi.changelog.json": "understood: a page of a changelog",
    "openapi.comment-created.json": "understood: a comment",
    "openapi.issue-create-400.json": "understood: a refusal, with its reason",
    "openapi.priority.json": "passed over: an option of a field; the list of them is read",
    "openapi.request-edit-issue.json": "understood: the form in which labels are added and taken off",
    "openapi.search-jql.json": "understood: a page of a search",
    "openapi.transitions.json": "understood: the transitions open now",
    "openapi.webhook-failed.json": "passed over: failed webhooks, which apps alone may ask for",
    "webhook-cloud-issue-created-many-fields.json": "understood: an issue was created",
    "webhook-issue-assigned-empty-changelog.json": "understood: a hint of the issue, of which it shows little",
    "webhook-issue-deleted.json": "understood: an issue was deleted",
    "webhook-issue-updated-multiple-values.json": "understood: an issue changed",
    "webhook-issue-updated-raised-priority.json": "understood: an issue changed",
    "webhook-issue-updated-started-working.json": "understood: an issue changed",
    "webhook-server-issue-updated-closed.json": "understood: an issue changed, told by a server of old",
}
"""What becomes of each, as the docs say it."""


def test_every_payload_has_its_line() -> None:
    all_told("jira", TABLE)
    assert set(FILES) == {*WEBHOOKS, *EXCHANGES, *DOCUMENTS}


@pytest.mark.parametrize("name", sorted(WEBHOOKS))
def test_webhooks(name: str) -> None:
    body = require_shared("vendor", "fixtures", "jira", name).read_bytes()
    change = only(receive(body, **{"x-atlassian-webhook-identifier": "d-1"}))
    assert WEBHOOKS[name](change), change
    assert (change.delivery_key, change.connection) == ("d-1", "jira")


@pytest.mark.parametrize("name", sorted(WEBHOOKS))
def test_webhooks_of_old_servers_without_identifier(name: str) -> None:
    """Their keys are the changelog's own id, or new: never content, never time."""
    said = load(name)
    change = only(receive(orjson.dumps(said)))
    number = change.snapshot.id
    due = {f"issue:{number}:fresh", f"issue:{number}:{said['webhookEvent']}"}
    due |= {f"issue:{number}:changelog:{said['changelog']['id']}"} if said.get("changelog", {}).get("id") else set()
    assert change.delivery_key in due
    assert str(said["timestamp"]) not in change.delivery_key


@pytest.mark.parametrize("name", sorted({*DOCUMENTS, *EXCHANGES}))
def test_what_is_no_webhook_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(MalformedError) as got:
        receive(orjson.dumps(load(name)))
    assert got.value.code in ("no_event", "no_issue")


async def replay(name: str) -> Any:
    """The recorded exchange through our client: its request as we would send it, its answer as it came."""
    recorded = load(name)
    request, response = recorded["request"], recorded["response"]
    body = response["body"] if isinstance(response["body"], str) else orjson.dumps(response["body"]).decode()
    router = respx.MockRouter(assert_all_called=False)
    router.route().mock(return_value=httpx.Response(response["status"], headers=response["headers"], text=body))
    origin = str(httpx.URL(request["url"]).copy_with(raw_path=b"/")).rstrip("/")
    client = RestClient(
        settings(url=origin),
        clock=SteppingClock(),
        transport=httpx.MockTransport(router.async_handler),
        vendor=answers.vendor_sign,
        blame=answers.blame,
    )
    path = httpx.URL(request["url"]).raw_path.decode()
    if request["method"] == "GET":
        return (await client.read(path)).data
    return (await client.write(request["method"], path, request.get("body"), empty_ok=True)).data


@pytest.mark.parametrize("name", sorted(EXCHANGES))
async def test_exchanges(name: str) -> None:
    error: type[DeliveryError] | None = EXCHANGES[name]
    if error is not None:
        with pytest.raises(error) as got:
            await replay(name)
        assert str(got.value)
        return
    data = await replay(name)
    assert data is not None or name == "http.dc.transition-204.json"


async def test_recorded_issue_reads_as_a_snapshot() -> None:
    data = await replay("http.issue.get.json")
    assert answers.an_issue(data) == ""
    found = rows.to_snapshot(data, site="https://x.example")
    assert (found.id, found.key, found.raw["fields"]["description"]) == ("10017", "BUG-16", "Test description")
    assert (found.raw["fields"]["assignee"], found.raw["fields"]["labels"]) == (None, [])
    assert found.updated_at is not None
    assert rows.is_whole(data, ())


@pytest.mark.parametrize("name", ["api.issue.json", "api.issue-2.json"])
def test_issues_with_a_changelog(name: str) -> None:
    issue = load(name)
    found = rows.to_snapshot(issue)
    assert found.raw["fields"]["labels"] == ["Saas", "frontEnd"]
    assert found.field_times["status"] <= (found.updated_at or 0) + 0.01
    histories = rows.histories(issue)
    assert rows.last_changelog_id(issue) == str(max(int(each["id"]) for each in histories))
    entries = [to_history(each, found.id, {}, "") for each in histories]
    moved = next(each for each in entries if each.after["fields"].get("status"))
    assert moved.after["fields"]["status"]["name"]
    assert all(each.at > 0 and not each.by_us for each in entries)
    assert all(to_item(each).id for each in issue["fields"]["comment"]["comments"])


def test_changelog_entries() -> None:
    entry = to_history(load("api.changelog.json"), "13383", {}, "")
    assert entry.after["fields"]["description"].startswith("平均")
    assert entry.before["fields"]["description"] == ""
    page = load("openapi.changelog.json")
    assert answers.VALUES(page) == ""
    assert [to_history(each, "1", {}, "").id for each in page["values"]] == ["issue:1:10001", "issue:1:10002"]


def test_search_pages() -> None:
    for name in ("api.search-jql-page1.json", "openapi.search-jql.json"):
        page = load(name)
        assert answers.SEARCH(page) == ""
        assert all(rows.to_snapshot(issue).id for issue in page["issues"])


def test_a_comment_of_the_specification() -> None:
    item = to_item(load("openapi.comment-created.json"))
    assert (item.id, item.author, item.at) == ("10000", "Mia Krystof", 1610886840.0)
    assert item.body.startswith("Lorem ipsum")


def test_transitions_of_the_specification() -> None:
    page = load("openapi.transitions.json")
    assert answers.TRANSITIONS(page) == ""
    assert [rows.to_step(each).to for each in page["transitions"]] == ["In Progress", "Closed"]


def test_refusal_of_the_specification() -> None:
    from connectors.rest import Answer

    body = load("openapi.issue-create-400.json")
    assert answers.blame(Answer(status=400, data=body)) == ("Field 'priority' is required", {})


@pytest.mark.parametrize(
    "name", ["api.user.json", "openapi.priority.json", "openapi.webhook-failed.json", "faros.audit_records.json"]
)
def test_documents_that_are_no_issue_are_not_taken_for_one(name: str) -> None:
    body = load(name)
    assert answers.an_issue(body)
    assert answers.SEARCH(body)


async def test_people_are_read_as_they_were_recorded() -> None:
    recorded = load("http.users-page.json")["response"]["body"]

    def reply(request: httpx.Request) -> httpx.Response:
        first = request.url.params["startAt"] == "0"
        return httpx.Response(200, json=recorded if first else [])

    site = settings(url="https://x.example", objects={"user": {}})
    connector = Jira(site, clock=SteppingClock(), transport=httpx.MockTransport(reply))
    listed = (await connector.ids("user", None)).listed
    people = {each["accountId"] for each in recorded if each["accountType"] == "atlassian"}
    assert {each.id for each in listed} == people
    assert 0 < len(people) < len(recorded)


def test_somebody_who_hides_the_address_is_known_by_account_id() -> None:
    found = mapped("jira-user", accounts.shown(load("api.user.json")))
    assert found["user_name"] == "557058:f58131cb-b67d-43c7-b30d-6b58d40bd077"
    assert (found.get("email"), found["active"]) == (None, True)


def test_the_edit_of_the_specification_has_the_form_we_send() -> None:
    said = load("openapi.request-edit-issue.json")
    assert rows.plain_fields(said["fields"], "")["customfield_10000"] == "Investigation underway"
    assert said["update"]["labels"] == [{"add": "triaged"}, {"remove": "blocker"}]
