"""Jira: workflow, labels, marker field."""

from __future__ import annotations

import pytest

from connectors.contract.errors import Conflict, Refused
from connectors.contract.values import Step, WriteKind
from tests.contract.connectors.bench import Bench


async def step_to(jira: Bench, issue: str, status: str) -> Step:
    return next(each for each in await jira.connector.steps(jira.ref(issue)) if each.to == status)


async def move(jira: Bench, issue: str, status: str, **fields: object) -> None:
    write = jira.write(
        WriteKind.STEP, ref=jira.ref(issue), step=await step_to(jira, issue, status), values={"fields": fields}
    )
    await jira.connector.apply(write)


async def status_of(jira: Bench, issue: str) -> str:
    return str((await jira.connector.read(jira.ref(issue))).raw["fields"]["status"]["name"])


async def test_steps_lead_through_the_workflow(jira: Bench) -> None:
    issue = await jira.create("one")
    assert [each.to for each in await jira.connector.steps(jira.ref(issue))] == ["In Progress"]
    await move(jira, issue, "In Progress")
    await move(jira, issue, "In Review")
    last = await step_to(jira, issue, "Done")
    assert last.required == ("resolution",)
    await move(jira, issue, "Done", resolution={"name": "Done"}, summary="not on this screen")
    snapshot = await jira.connector.read(jira.ref(issue))
    assert snapshot.raw["fields"]["resolution"]["name"] == "Done"
    assert jira.title(snapshot.raw) == "one", "what the screen does not take is left to an update"


async def test_a_missing_companion_is_refused_with_its_name(jira: Bench) -> None:
    issue = await jira.create("one")
    await move(jira, issue, "In Progress")
    await move(jira, issue, "In Review")
    with pytest.raises(Refused) as got:
        await move(jira, issue, "Done")
    assert list(got.value.fields) == ["resolution"]


async def test_a_transition_no_longer_open_is_a_conflict(jira: Bench) -> None:
    issue = await jira.create("one")
    stale = await step_to(jira, issue, "In Progress")
    await move(jira, issue, "In Progress")
    with pytest.raises(Conflict):
        await jira.connector.apply(jira.write(WriteKind.STEP, ref=jira.ref(issue), step=stale))
    assert await status_of(jira, issue) == "In Progress"


async def test_status_cannot_be_written_as_a_field(jira: Bench) -> None:
    issue = await jira.create("one")
    with pytest.raises(Refused) as got:
        await jira.connector.apply(
            jira.write(WriteKind.UPDATE, ref=jira.ref(issue), values={"fields": {"status": {"name": "Done"}}})
        )
    assert list(got.value.fields) == ["status"]


async def put_labels(jira: Bench, issue: str, *labels: str) -> None:
    values = {"fields": {"labels": list(labels)}}
    await jira.connector.apply(jira.write(WriteKind.UPDATE, ref=jira.ref(issue), values=values))


async def test_labels_are_changed_against_what_was_read(jira: Bench) -> None:
    """A label that a person puts on between our read and our write stays. Passes wrongly if the write reads anew."""
    receipt = await jira.connector.apply(
        jira.write(WriteKind.CREATE, values=jira.fragment("one", labels=["a", "b"]), correlation="c-1")
    )
    issue = receipt.ref.id
    assert (await jira.connector.read(receipt.ref)).raw["fields"]["labels"] == ["a", "b"]
    await jira.human("PUT", f"/rest/api/3/issue/{issue}", {"update": {"labels": [{"add": "theirs"}]}})
    await put_labels(jira, issue, "b", "c")
    snapshot = await jira.connector.read(receipt.ref)
    assert snapshot.raw["fields"]["labels"] == ["b", "c", "theirs"]
    assert snapshot.correlation == "c-1", "our marker is never taken off"


async def test_labels_without_an_earlier_read(jira: Bench) -> None:
    issue = await jira.create("one")
    await jira.human("PUT", f"/rest/api/3/issue/{issue}", {"fields": {"labels": ["old"]}})
    await put_labels(jira, issue, "new")
    assert (await jira.connector.read(jira.ref(issue))).raw["fields"]["labels"] == ["new"]


async def test_marker_in_a_field_of_the_sites_choice(jira: Bench) -> None:
    connector = jira.connect(options={"correlation_field": "customfield_10050"})
    receipt = await connector.apply(jira.write(WriteKind.CREATE, values=jira.fragment("one"), correlation="c-9"))
    assert await connector.find("issue", "c-9") == [receipt.ref]
    snapshot = await connector.read(receipt.ref)
    assert (snapshot.correlation, snapshot.raw["fields"]["labels"]) == ("c-9", [])
    assert "customfield_10050" not in snapshot.raw["fields"]
    assert {each.ok for each in await connector.check()} == {True}
    await connector.close()


async def test_rich_text_goes_in_and_out_as_plain_text(jira: Bench) -> None:
    text = "first line\nsecond line\n\nnew block\n\n\n  indented - *stars*"
    receipt = await jira.connector.apply(jira.write(WriteKind.CREATE, values=jira.fragment("one", description=text)))
    assert (await jira.connector.read(receipt.ref)).raw["fields"]["description"] == text
    await jira.connector.apply(jira.write(WriteKind.UPDATE, ref=receipt.ref, values={"fields": {"description": ""}}))
    assert (await jira.connector.read(receipt.ref)).raw["fields"]["description"] == ""


async def test_field_times_come_from_the_changelog(jira: Bench) -> None:
    issue = await jira.create("one")
    await jira.edit(issue, "two")
    snapshot = await jira.connector.read(jira.ref(issue))
    assert snapshot.field_times == {"summary": snapshot.updated_at}


async def test_an_issue_outside_the_project_is_no_business_of_ours(jira: Bench) -> None:
    other = jira.connect(objects={"issue": {"project": "SEC"}})
    await jira.hook_here()
    await jira.create("one")
    (webhook,) = await jira.hooks.take(1)
    received = other.receive(webhook)
    assert received.changes == ()
    assert "SEC" in received.ignored
    await other.close()
