"""A system that only a connector file describes, two-way with Jira through the whole gateway: in order, once in effect,
without an echo. The stand-ins' own logs are the witness.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.desk import Desks, desks, write_config
from tests.support.running import Running, started
from tests.support.waiting import until


@pytest.fixture
async def between(tmp_path: Path) -> AsyncIterator[tuple[Desks, Running]]:
    """Both desks and a gateway between them, with webhooks and polls."""
    async with desks(tmp_path) as made:
        file, url = write_config(tmp_path, made)
        async with started(file, url) as gateway:
            await made.tell(url)
            yield made, gateway


async def shown(made: Desks, connection: str, **wanted: Any) -> None:
    """Waits until the only object there shows these values."""

    async def shows() -> bool:
        raws = await made.raws(connection)
        return len(raws) == 1 and wanted.items() <= raws[0].items()

    await until(shows, what=f"{connection} to show {wanted}")


async def of_jira(made: Desks) -> dict[str, Any]:
    return (await made.objects("jira"))[0]


async def kinds(made: Desks, connection: str) -> list[str]:
    return [entry["kind"] for entry in await made.log(connection)]


async def test_a_ticket_becomes_an_issue_and_edits_go_both_ways(between: tuple[Desks, Running]) -> None:
    made, gateway = between
    ticket = await made.ticket("Mail is down", urgency=1, assignee="bob@example.com", tags=["mail"])
    await shown(made, "jira", summary="Mail is down", labels=["mail"])
    issue = await of_jira(made)
    assert issue["raw"]["fields"]["priority"]["name"] == "Highest"
    assert issue["raw"]["fields"]["assignee"]["emailAddress"] == "bob@example.com"

    await made.edit(ticket["id"], title="Mail is slow")
    await shown(made, "jira", summary="Mail is slow")
    await made.issues.summary("cara", issue["id"], "Mail is fine")
    await shown(made, "desk", title="Mail is fine")
    await made.tickets.call("ann", "POST", f"/api/v3/tickets/{ticket['id']}/moves", {"to": "working"})
    await until(lambda: _status(made, "In Progress"), what="the issue to be in progress")
    await gateway.quiet()
    # Neither side got more than it had to: one create there, one edit here, and nothing came back.
    assert await kinds(made, "desk") == ["update"]
    assert await kinds(made, "jira") == ["create", "update", "update"]


async def _status(made: Desks, name: str) -> bool:
    return bool((await of_jira(made))["raw"]["fields"]["status"]["name"] == name)


async def test_an_issue_becomes_a_ticket_and_is_moved_step_by_step(between: tuple[Desks, Running]) -> None:
    made, gateway = between
    number = await made.issues.create("ann", "Disk is full", "", 2)
    await shown(made, "desk", title="Disk is full", urgency=2, state="open")
    await made.moved(number, "In Progress")
    await made.moved(number, "On Hold")
    await shown(made, "desk", state="waiting")
    await gateway.quiet()
    assert await kinds(made, "desk") == ["create", "update", "update"]


async def test_comments_cross_once_and_keep_who_said_them(between: tuple[Desks, Running]) -> None:
    made, gateway = between
    ticket = await made.ticket("Mail is down")
    await shown(made, "jira", summary="Mail is down")
    issue = await of_jira(made)
    await made.tickets.call("ann", "POST", f"/api/v3/tickets/{ticket['id']}/notes", {"text": "Looking into it"})
    await made.issues.comment("cara", issue["id"], "Thank you")

    async def both() -> bool:
        return len((await made.objects("desk"))[0]["comments"]) == 2 == len((await of_jira(made))["comments"])

    await until(both, what="both comments on both sides")
    await gateway.quiet()
    assert await _copies(made, "desk") == [["Cara Cole via Jira:", "Thank you"]]
    assert await _copies(made, "jira") == [["Ann Archer via Brambledesk:", "Looking into it"]]
    assert len((await made.objects("desk"))[0]["comments"]) == 2
    assert len((await of_jira(made))["comments"]) == 2


async def _copies(made: Desks, connection: str) -> list[list[str]]:
    comments = (await made.objects(connection))[0]["comments"]
    return [each["body"].splitlines()[:2] for each in comments if each["origin"]]


LOST = ["timeout_after", "drop_after", "truncated", "drop_before", "late_commit"]


@pytest.mark.parametrize("fault", LOST)
async def test_a_create_whose_answer_is_lost_has_one_effect(between: tuple[Desks, Running], fault: str) -> None:
    """Sent blindly again there would be two tickets; given up, none."""
    made, gateway = between
    await made.arm("desk", fault, count=1, delay_s=0.2, match={"method": "POST", "path_regex": "/tickets$"})
    await made.issues.create("ann", "Disk is full", "", 2)
    await shown(made, "desk", title="Disk is full")
    await gateway.quiet()
    assert await made.armed("desk") == 0, "nothing was lost, so nothing was tested"
    assert (await kinds(made, "desk")).count("create") == 1
    assert len(await made.objects("desk")) == 1


@pytest.mark.parametrize("fault", LOST)
async def test_an_update_whose_answer_is_lost_has_one_effect(between: tuple[Desks, Running], fault: str) -> None:
    made, gateway = between
    number = await made.issues.create("ann", "Disk is full", "", 2)
    await shown(made, "desk", title="Disk is full")
    await gateway.quiet()
    await made.arm("desk", fault, count=1, delay_s=0.2, match={"method": "PATCH"})
    await made.issues.summary("ann", number, "Disk is fine")
    await shown(made, "desk", title="Disk is fine")
    await gateway.quiet()
    assert await made.armed("desk") == 0, "nothing was lost, so nothing was tested"
    titles = [entry["fields"]["title"] for entry in await made.log("desk") if "title" in entry["fields"]]
    assert titles == [[None, "Disk is full"], ["Disk is full", "Disk is fine"]]
    assert (await of_jira(made))["raw"]["fields"]["summary"] == "Disk is fine"


async def test_an_edit_between_our_look_and_our_write_survives(between: tuple[Desks, Running]) -> None:
    """The precondition turns the write away; what the person typed into another field is brought over."""
    made, gateway = between
    number = await made.issues.create("ann", "Disk is full", "", 2)
    await shown(made, "desk", title="Disk is full")
    await gateway.quiet()
    ticket = (await made.raws("desk"))[0]
    await made.arm("desk", "hook_lose", count=1, match={"actor": "human"})
    await made.edit(ticket["id"], text="It was me")
    await made.issues.summary("ann", number, "Disk is fine")
    await shown(made, "desk", title="Disk is fine", text="It was me")
    await until(lambda: _described(made, "It was me"), what="the text to be brought over")
    await gateway.quiet()


async def _described(made: Desks, text: str) -> bool:
    return bool((await of_jira(made))["raw"]["fields"]["description"] == text)
