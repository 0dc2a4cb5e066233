"""The public client `jira` works against the stand-in as it does against Jira Cloud."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from io import BytesIO

import pytest
from jira import JIRA, JIRAError

from tests.contract.sandbox.calling import World, document

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
"""The client's own."""


async def _in_thread(work: Callable[[], None]) -> None:
    """The client blocks, the stand-in lives on this loop."""
    await asyncio.to_thread(work)


def _client(jira: World, person: str = "ann") -> JIRA:
    return JIRA(
        server=jira.stand_in.url,
        basic_auth=(f"{person}@example.com", f"{person}-secret"),
        options={"rest_api_version": "3"},
        max_retries=0,
    )


async def test_the_life_of_an_issue(jira: World) -> None:
    def work() -> None:
        client = _client(jira)
        assert client.myself()["displayName"] == "Ann Archer"
        made = client.create_issue(
            fields={
                "project": {"key": "OPS"},
                "issuetype": {"name": "Task"},
                "summary": "printer on fire",
                "description": document("It burns."),
                "labels": ["printer"],
            }
        )
        found = client.enhanced_search_issues('project = OPS AND labels = "printer"', fields=["summary", "labels"])
        assert [issue.key for issue in found] == [made.key]
        made.update(fields={"summary": "printer still on fire"})
        made.add_field_value("labels", "hot")
        for name in ("Start progress", "Ready for review"):
            [number] = [move["id"] for move in client.transitions(made) if move["name"] == name]
            client.transition_issue(made, number)
        client.transition_issue(made, "31", fields={"resolution": {"name": "Done"}})
        comment = client.add_comment(made, document("out now"))
        issue = client.issue(made.key, expand="changelog")
        assert issue.fields.summary == "printer still on fire"
        assert issue.fields.labels == ["hot", "printer"]
        assert issue.fields.status.name == "Done"
        assert issue.get_field("resolution").name == "Done"
        assert [entry.id for entry in client.comments(made)] == [comment.id]
        assert len(issue.changelog.histories) == 5
        # Not `assign_issue`: that goes to /rest/api/latest, which is not v3.
        made.update(assignee={"accountId": "712020:de500000-c0ff-ee00-b0a7-000000000005"})
        assert client.issue(made.key).get_field("assignee").displayName == "Dev Das"
        made.delete()  # type: ignore[no-untyped-call]
        with pytest.raises(JIRAError) as gone:
            client.issue(made.key)
        assert gone.value.status_code == 404

    await _in_thread(work)


async def test_pages_of_a_search(jira: World) -> None:
    def work() -> None:
        client = _client(jira)
        for number in range(7):
            client.create_issue(project={"key": "OPS"}, issuetype={"name": "Bug"}, summary=str(number))
        found = client.enhanced_search_issues("project = OPS ORDER BY key", maxResults=False, fields=["summary"])
        assert [issue.fields.summary for issue in found] == [str(number) for number in range(7)]
        assert client.approximate_issue_count("project = OPS") == 7

    await _in_thread(work)


async def test_properties_people_and_the_site(jira: World) -> None:
    def work() -> None:
        client = _client(jira)
        issue = client.create_issue(project={"key": "OPS"}, issuetype={"name": "Bug"}, summary="s")
        client.add_issue_property(issue.key, "acme.sync", {"extId": "7"})
        assert client.issue_property(issue.key, "acme.sync").value.extId == "7"
        assert [user.displayName for user in client.search_users(query="bob")] == ["Bob Baker"]
        assert client.server_info()["deploymentType"] == "Cloud"
        assert {priority.name for priority in client.priorities()} >= {"Highest", "Lowest"}
        assert {resolution.name for resolution in client.resolutions()} >= {"Done", "Duplicate"}
        assert client.project("OPS").name == "Operations"
        assert "summary" in {field["id"] for field in client.fields()}

    await _in_thread(work)


async def test_files_and_users(jira: World) -> None:
    """Groups it only speaks to as Jira Cloud no longer does: by the names of users."""

    def work() -> None:
        client = _client(jira)
        issue = client.create_issue(project={"key": "OPS"}, issuetype={"name": "Bug"}, summary="s")
        content = bytes(range(256)) * 300
        made = client.add_attachment(issue, BytesIO(content), filename="dump.bin")
        assert (made.filename, made.size) == ("dump.bin", len(content))
        assert client.attachment(made.id).get() == content  # type: ignore[no-untyped-call]
        assert client.attachment_meta()["enabled"]
        assert [each.filename for each in client.issue(issue.key).fields.attachment] == ["dump.bin"]
        client.delete_attachment(made.id)
        assert client.issue(issue.key).fields.attachment == []
        assert client.user("712020:de500000-c0ff-ee00-b0a7-000000000005").displayName == "Dev Das"

    await _in_thread(work)


async def test_what_it_says_of_refusals(jira: World) -> None:
    def work() -> None:
        with pytest.raises(JIRAError) as refused:
            _client(jira).create_issue(project={"key": "OPS"}, issuetype={"name": "Bug"}, summary="a\nb")
        assert refused.value.status_code == 400
        assert "newline" in str(refused.value)

    await _in_thread(work)
