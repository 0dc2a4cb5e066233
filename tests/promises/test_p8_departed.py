"""P8 for a person: from the departure on nothing that begins gives them an account, a membership or work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from connectors.contract.values import WriteKind
from gateway.config.leaver_guard import Assignments
from gateway.sync import departed
from gateway.sync.identities import Known, identity
from gateway.work.replay_journal import foresee_notices
from replay.values import Action
from tests.scenarios.world_of_two import Two, first_answer, two
from tests.support.fanning import JOB, fanned, plan_of

ADA, BOB, EVE = "ada@example.com", "bob@example.com", "eve@example.com"
CREW = {"name": "ada", "email": ADA, "active": True, "x": "0"}


@asynccontextmanager
async def world(url: str, kind: str, **options: Any) -> AsyncIterator[Two]:
    """A and B hold things of one kind; nobody has made any yet."""
    mappings = {"a": kind, "b": kind}
    sets = {"members"} if kind == "band" else set()
    async with two(url, linked=False, mappings=mappings, sets=sets, **options) as w:
        yield w


async def leave(w: Two, *names: tuple[Known, str, str], successor: str = "", person: str = "p1") -> None:
    """The person is gone from now on."""
    known = [identity(*each) for each in names or [(Known.EMAIL, ADA, "")]]
    async with w.g.database.begin() as tx:
        identities = [each for each in known if each is not None]
        await departed.depart(tx, person, identities, case="LV-1", now=w.g.clock.now(), successor=successor)


async def let_in(w: Two) -> None:
    async with w.g.database.begin() as tx:
        assert await departed.lift(tx, "p1", by="eve", reason="hired again", now=w.g.clock.now()) is not None


def one(w: Two) -> tuple[dict[str, Any], dict[str, Any]]:
    """What A and B show of the only thing there."""
    return next(iter(w.a.things.values())).raw, next(iter(w.b.things.values())).raw


async def causes(w: Two) -> list[str]:
    return sorted(case.cause for case in await w.g.cases())


@pytest.mark.parametrize(
    "name",
    [
        (Known.EMAIL, "Ada@Example.COM", ""),
        (Known.USER_NAME, "ADA", ""),
        (Known.ACCOUNT, "a0", "a"),
        (Known.LOGIN, "ada", "a"),
    ],
)
async def test_no_account_is_made_by_whatever_name(embedded_url: str, name: tuple[Known, str, str]) -> None:
    async with world(embedded_url, "crew") as w:
        await leave(w, name)
        w.a.create(**CREW)
        await w.g.settle()
        assert w.b.things == {}
        assert one_of(w.a)["active"] is False, "tombstoned at birth: what is there is closed"
        w.a.edit("a0", active=True, email="other@example.com", x="1")
        await w.g.settle()
        assert w.b.things == {} and one_of(w.a)["active"] is False


def one_of(system: Any) -> dict[str, Any]:
    return dict(next(iter(system.things.values())).raw)


async def test_an_account_that_is_there_is_closed_and_stays_so(store_url: str) -> None:
    async with world(store_url, "crew") as w:
        ai = w.a.create(**CREW)
        await w.g.settle()
        await leave(w)
        w.a.edit(ai, x="1")
        await w.g.settle()
        assert [each["active"] for each in one(w)] == [False, False]
        assert one(w)[1]["x"] == "0", "nothing else goes to who has left"
        for system in (w.a, w.b):
            system.edit(next(iter(system.things)), active=True)
            await w.g.settle()
        assert [each["active"] for each in one(w)] == [False, False]


async def test_a_create_under_way_is_closed_when_it_lands(embedded_url: str) -> None:
    async with world(embedded_url, "crew") as w:
        w.b.answer = first_answer("late")
        w.a.create(**CREW)
        await w.bring(w.a)
        await w.g.drain()
        await leave(w)
        w.b.land()
        await w.g.settle()
        assert [each["active"] for each in one(w)] == [False, False]


async def test_who_leaves_between_the_read_and_the_write_gets_nothing(embedded_url: str) -> None:
    """The attempt is planned, its read under way: the transaction that would begin the write asks."""
    async with world(embedded_url, "duty") as w:
        w.a.create(x="0", who=BOB)
        await w.g.settle()
        w.a.edit("a0", who=ADA)
        await w.bring(w.a)
        read = w.b.read

        async def meanwhile(*given: Any, **more: Any) -> Any:
            w.b.read = read
            await leave(w, successor=EVE)
            return await read(*given, **more)

        w.b.read = meanwhile
        await w.g.settle()
        assert one(w)[1]["who"] == EVE
        assert one(w)[0]["who"] == ADA, "what somebody typed stays where they typed it"


async def test_a_membership_is_not_made(embedded_url: str) -> None:
    async with world(embedded_url, "seat") as w:
        await leave(w)
        w.a.create(person="ADA@example.com", group="admins")
        w.a.create(person=BOB, group="admins")
        await w.g.settle()
        assert [thing.raw["person"] for thing in w.b.things.values()] == [BOB]


async def test_a_membership_under_way_is_told_of(embedded_url: str) -> None:
    async with world(embedded_url, "seat") as w:
        w.b.answer = first_answer("late")
        w.a.create(person=ADA, group="admins")
        await w.bring(w.a)
        await w.g.drain()
        await leave(w)
        w.b.land()
        await w.g.settle()
        assert await causes(w) == ["person.given"]


async def test_a_group_goes_without_them_and_keeps_whom_the_system_has(embedded_url: str) -> None:
    async with world(embedded_url, "band") as w:
        w.a.create(name="admins", members=[BOB])
        await w.g.settle()
        await leave(w)
        w.a.edit("a0", members=[ADA, BOB, EVE])
        await w.g.settle()
        assert one(w)[1]["members"] == [BOB, EVE]
        assert one(w)[0]["members"] == [ADA, BOB, EVE]
        w.b.edit(next(iter(w.b.things)), members=[BOB])
        await w.g.settle()
        assert one(w)[0]["members"] == [ADA, BOB]
        writes = len(w.a.writes) + len(w.b.writes)
        await w.g.bring([w.a.poll("a0"), w.b.poll(next(iter(w.b.things)))])
        await w.g.settle()
        assert len(w.a.writes) + len(w.b.writes) == writes, "it comes to rest"


@pytest.mark.parametrize(
    ("options", "successor", "in_b", "in_a", "told"),
    [
        ({}, "", None, ADA, ["person.given", "person.left"]),
        ({}, EVE, EVE, ADA, ["person.given"]),
        ({"assignments": Assignments("nobody")}, "", None, ADA, ["person.given"]),
        ({"assignments": Assignments("hold", undo=True)}, EVE, EVE, EVE, []),
        ({"assignments": Assignments("hold", undo=True)}, "", None, ADA, ["person.given", "person.left"]),
    ],
)
async def test_work_that_somebody_gives_them_is_not_spread(
    embedded_url: str, options: Mapping[str, Any], successor: str, in_b: str | None, in_a: str, told: list[str]
) -> None:
    async with world(embedded_url, "duty", **options) as w:
        await leave(w, successor=successor)
        w.a.create(x="0", who=ADA)
        await w.g.settle()
        assert (one(w)[0]["who"], one(w)[1].get("who")) == (in_a, in_b)
        assert await causes(w) == told
        w.a.edit("a0", who=BOB)
        await w.g.settle()
        assert [each["who"] for each in one(w)] == [BOB, BOB]
        assert await causes(w) == []


async def test_who_is_let_in_again_is_given_work_again(embedded_url: str) -> None:
    async with world(embedded_url, "duty") as w:
        await leave(w)
        w.a.create(x="0", who=ADA)
        await w.g.settle()
        assert one(w)[1].get("who") is None
        await let_in(w)
        w.a.edit("a0", x="1")
        await w.g.settle()
        assert one(w)[1] == {"x": "1", "who": ADA}
        assert await causes(w) == ["person.given"], "what was told, people close"


async def test_every_change_in_turn_passes_over_them(embedded_url: str) -> None:
    async with world(embedded_url, "duty") as w:
        w.a.create(x="0", who=BOB)
        await w.g.settle()
        await leave(w)
        w.a.edit("a0", who=ADA)
        await w.bring(w.a)
        w.a.edit("a0", who=EVE)
        await w.g.settle()
        assert [values.get("who") for _, values in w.b.writes] == [BOB, EVE]
        assert all(write.kind is not WriteKind.STEP for write in w.b.tries)


async def test_a_plan_of_a_replay_says_so_before(embedded_url: str) -> None:
    async with world(embedded_url, "crew") as w:
        w.a.create(**CREW)
        await w.bring(w.a)
        notices = [row.id for row in await w.g.notices()]

        async def foreseen() -> list[Action]:
            async with w.g.database.read() as tx:
                found = await foresee_notices(tx, w.g.decider.topology, notices, {}, w.g.clock.now())
            return [each.action for each in found]

        assert await foreseen() == [Action.NO_OP]
        await leave(w)
        assert await foreseen() == [Action.BLOCKED]


@pytest.mark.parametrize(("successor", "gets"), [(EVE, EVE), ("", None)])
async def test_a_task_that_a_template_makes_is_not_theirs(embedded_url: str, successor: str, gets: str | None) -> None:
    """The request names whom its task is for; the template copies that."""
    async with fanned(embedded_url, plan=plan_of("errands")) as w:
        await leave(Two(w.g, w.a, w.b), successor=successor)
        w.a.create(**{**JOB, "who": ADA})
        await w.settle()
        assert w.chore("for").raw.get("who") == gets
        held = [] if successor else ["person.left"]
        assert sorted(case.cause for case in await w.g.cases()) == ["person.given", *held]


@pytest.mark.parametrize(("next_one", "gets"), [(BOB, BOB), ("", None), (ADA, None)])
async def test_a_successor_who_has_left_is_asked_for_theirs(embedded_url: str, next_one: str, gets: str | None) -> None:
    async with world(embedded_url, "duty") as w:
        await leave(w, successor=EVE)
        await leave(w, (Known.EMAIL, EVE, ""), successor=next_one, person="p2")
        w.a.create(x="0", who=ADA)
        await w.g.settle()
        assert one(w)[1].get("who") == gets
