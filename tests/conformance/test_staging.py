"""A staging system: judged by hand, left as it was found, and never touched when it cannot be looked into."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from msgspec.structs import replace as other

from connectors.conformance.place import Place
from connectors.conformance.report import Report
from connectors.conformance.run import measure
from connectors.conformance.subject import Subject
from connectors.contract.clock import SystemClock
from connectors.contract.errors import ConfigError
from connectors.contract.fixture import Fixture
from tests.conformance.broken.writing import SendsAgain
from tests.conformance.desk import Desk
from tests.conformance.sound import TICKET, Person, Sound
from tests.support.waiting import until

SOME = ("read.present", "poll.overlap", "hook.malformed", "write.cut_after_commit", "write.late_commit")


class Staging:
    """The help desk, of which the kit is only told a connection."""

    def __init__(self, desk: Desk, url: str) -> None:
        self.desk, self.url = desk, url

    async def tested(
        self, connector: type[Sound] = Sound, fixture: Fixture = TICKET, url: str = "", only: tuple[str, ...] = SOME
    ) -> Report:
        settings = other(TICKET.sandbox(url or self.url, "lockstep"), settles_s=0.3, name="staging")
        subject = Subject(name="desk", factory=connector, fixtures=(fixture,))
        return await measure(subject, Place(staging=settings), clock=SystemClock(), only=only)


@pytest.fixture
async def staging() -> AsyncIterator[Staging]:
    desk = Desk()
    async with desk.serving() as url:
        yield Staging(desk, url)


async def test_it_is_judged_by_hand_and_left_as_it_was_found(staging: Staging) -> None:
    report = await staging.tested()
    assert report.broken == []
    assert report.against == "staging connection staging"
    verdicts = {trial.verdict for each in report.actions for trial in each.trials if trial.fault == "late_commit"}
    assert verdicts == {"applied"}
    assert (report.left, report.taken_away > 10) == ((), True)
    assert staging.desk.things == {}


async def test_a_broken_connector_is_caught_there_too(staging: Staging) -> None:
    report = await staging.tested(SendsAgain, only=("write.cut_after_commit",))
    assert {on for _, on, _ in report.broken} >= {"ticket.create", "ticket.comment"}
    assert staging.desk.things == {}


class CannotDelete(Person):
    async def delete(self, id: str) -> None:
        raise AssertionError("DELETE answered 403")


async def test_what_resists_is_told(staging: Staging) -> None:
    fixture = replace(TICKET, hand=CannotDelete, actions=("create",))
    report = await staging.tested(fixture=fixture, only=("read.present", "write.cut_after_commit"))
    assert sorted(report.left) == sorted(f"ticket {id}" for id in staging.desk.things)
    assert len(report.left) > 1


async def test_an_interrupted_run_takes_away_what_it_made(staging: Staging) -> None:
    run = asyncio.create_task(staging.tested(only=("write",)))
    await until(lambda: len(staging.desk.things) > 5, what="the kit to have made something")
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert staging.desk.things == {}


async def test_a_system_that_cannot_be_looked_into_is_not_written_to(staging: Staging) -> None:
    with pytest.raises(ConfigError, match=r"error\[staging\].*nothing was written"):
        await staging.tested(url="http://127.0.0.1:9")
    with pytest.raises(ConfigError, match=r"error\[hand\]"):
        await staging.tested(fixture=replace(TICKET, hand=None))
    assert staging.desk.log == []


async def test_a_stand_in_that_is_not_there_is_said() -> None:
    subject = Subject(name="desk", factory=Sound, fixtures=(TICKET,))
    with pytest.raises(ConfigError, match="nobody answers as a stand-in"):
        await measure(subject, Place(stand_in="http://127.0.0.1:9"), clock=SystemClock())
