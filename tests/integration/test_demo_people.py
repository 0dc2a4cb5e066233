"""The demo's people against the real stand-ins: every edit they make is in the log, as the judge reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from connectors.sandbox import start
from gateway.demo.desks import Api, Desk, JiraDesk, NotMade, ServiceNowDesk
from gateway.demo.editors import Editors, Words
from gateway.demo.stand_ins import JIRA, PAIR, SNOW, SYSTEMS, StandIn
from gateway.demo.watch import Watch


@dataclass
class Office:
    """Both stand-ins, running, with a desk for each."""

    stand_ins: dict[str, StandIn]
    desks: dict[str, Desk]
    watch: Watch


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        stand_ins = {}
        for connection in PAIR:
            running = await start(SYSTEMS[connection], data=tmp_path / f"{connection}.db")
            stack.push_async_callback(running.stop)
            stand_ins[connection] = StandIn(connection, running.url, http)
        desks: dict[str, Desk] = {
            SNOW: ServiceNowDesk(Api(stand_ins[SNOW].url, http)),
            JIRA: JiraDesk(Api(stand_ins[JIRA].url, http, email_signs_in=True), "OPS"),
        }
        yield Office(stand_ins, desks, Watch(stand_ins))


@pytest.mark.parametrize("connection", [SNOW, JIRA])
async def test_each_verb_leaves_its_line_in_the_log(office: Office, connection: str) -> None:
    desk, names = office.desks[connection], FIELDS[connection]
    number = await desk.create("ann", "stuck (ref t-1)", "since noon\nor so", 2)
    await desk.summary("bob", number, "still stuck (ref t-1)")
    await desk.description("cara", number, "since ten")
    await desk.priority("dev", number, 1)
    await desk.assign("ann", number, "bob")
    await desk.label("ann", number, "mail", None)
    await desk.label("ann", number, "vip", "mail")
    await desk.comment("bob", number, "on it")
    await desk.move("bob", number, Random(1), "done, see log")
    await office.watch.read()
    log = office.watch.entries[connection]
    assert [entry.kind for entry in log] == ["create", *["update"] * 6, "comment", "update"]
    assert all(entry.by_human and entry.id == number for entry in log)
    assert [entry.user for entry in log] == ["ann", "bob", "cara", "dev", "ann", "ann", "ann", "bob", "bob"]
    touched = [set(_flat(entry.after)) for entry in log]
    for fields, expected in zip(touched[1:7], names, strict=True):
        assert expected <= fields
    assert log[7].comment is not None
    assert log[7].comment.body == "on it"
    assert await desk.labels(number) == ["vip"]
    assert office.watch.where("t-1") == {connection: number}


FIELDS: dict[str, list[set[str]]] = {
    SNOW: [{"short_description"}, {"description"}, {"priority"}, {"assigned_to"}, {"u_labels"}, {"u_labels"}],
    JIRA: [{"summary"}, {"description"}, {"priority"}, {"assignee"}, {"labels"}, {"labels"}],
}


def _flat(after: Any) -> Any:
    return after.get("fields", after)


@pytest.mark.parametrize("connection", [SNOW, JIRA])
async def test_every_state_can_be_left_again(office: Office, connection: str) -> None:
    desk, chance = office.desks[connection], Random(3)
    number = await desk.create("ann", "x (ref t-1)", "y", 3)
    for turn in range(12):
        await desk.move("ann", number, chance, f"turn {turn}")
    await office.watch.read()
    assert len(office.watch.entries[connection]) == 13


async def test_a_system_that_is_down_makes_no_edit(office: Office) -> None:
    await office.stand_ins[JIRA].go_down(60)
    with pytest.raises(NotMade):
        await office.desks[JIRA].create("ann", "x (ref t-1)", "y", 3)
    await office.watch.read()
    assert office.watch.entries[JIRA] == []


async def test_a_refusal_is_not_an_edit(office: Office) -> None:
    with pytest.raises(NotMade, match="404"):
        await office.desks[SNOW].summary("ann", "0" * 32, "x")


async def test_editors_type_nothing_twice_and_are_hardly_ever_refused(office: Office) -> None:
    editors = Editors(office.desks, Words("d7"), 7, office.watch.where)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        following = group.create_task(office.watch.follow())
        working = group.create_task(editors.work(60.0, stop))
        assert await office.watch.until(lambda: sum(map(len, office.watch.entries.values())) >= 150, 60)
        stop.set()
        await working
        following.cancel()
    await office.watch.read()
    texts = [
        text
        for entries in office.watch.entries.values()
        for entry in entries
        for text in (entry.comment.body if entry.comment else "", str(_flat(entry.after).get("summary", "")))
        if "note" in text
    ]
    assert len(texts) == len(set(texts)) > 20
    assert editors.tally.not_made.total() <= editors.tally.made.total() // 20, editors.tally.last_refusal
    assert {"create", "summary", "description", "priority", "move", "assign", "label", "comment"} <= set(
        editors.tally.made
    )
