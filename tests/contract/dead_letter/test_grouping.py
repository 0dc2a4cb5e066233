"""Groups obey people, now and for the cases to come, and say why."""

from __future__ import annotations

from typing import Any

import pytest

from dead_letter import grouping, store
from dead_letter.classify import Cause
from dead_letter.errors import DecisionRefused, NoSuchGrouping
from dead_letter.fingerprint import fingerprint
from dead_letter.values import CaseFilter, CaseGroup, CaseState, Ending, NewCase
from gateway.storage.database import Database
from tests.contract.dead_letter.asking import look, opened, taken, worked
from tests.support.cases import NOW, wish


async def _groups(db: Database, by: str = "cause", **narrow: Any) -> list[CaseGroup]:
    async with db.read() as tx:
        return await store.group_cases(tx, CaseFilter(**narrow), by=by)


async def _split(db: Database, numbers: list[str], part: str = "key", title: str = "apart") -> str:
    async with db.begin() as tx:
        chosen = [found for number in numbers if (found := await store.get_case(tx, number))]
        return await grouping.split(
            tx, chosen, title=title, part=part, actor="ann", reason="another cause", now=NOW + 5
        )


async def _merge(db: Database, groups: list[str], into: str) -> int:
    async with db.begin() as tx:
        done = await grouping.merge(tx, groups, into, title="all of it", actor="ann", reason="one bug", now=NOW + 9)
    assert done.stayed == 0, "who sees everything leaves nothing behind"
    return done.moved


def other(record: str, **changes: Any) -> NewCase:
    """A case of another cause."""
    return wish(record, Cause.TRIES_EXHAUSTED, key=f"other:{record}", **changes)


async def test_by_cause_and_by_what_else_they_share(db: Database) -> None:
    await opened(db, wish("r1"), wish("r2", connection="snow"), other("r3", flow="changes", field="status"))
    assert [(each.key, each.count) for each in await _groups(db)] == [
        (fingerprint(Cause.TARGET_REFUSED, connection="jira"), 2),
        (fingerprint(Cause.TRIES_EXHAUSTED, connection="jira"), 1),
    ]
    assert [(each.key, each.count) for each in await _groups(db, "connection")] == [("jira", 2), ("snow", 1)]
    assert [(each.key, each.count) for each in await _groups(db, "flow")] == [("incidents", 2), ("changes", 1)]
    assert [(each.key, each.count) for each in await _groups(db, "field")] == [("", 2), ("status", 1)]
    with pytest.raises(NoSuchGrouping, match="try cause, flow"):
        await _groups(db, "evidence")


async def test_a_group_says_who_has_what(db: Database) -> None:
    one, two, _ = await opened(db, wish("r1"), wish("r2"), wish("r3"))
    await worked(db, one, "claim")
    await worked(db, two, "assign", to="bob")
    (group,) = await _groups(db)
    assert (group.owners, group.unowned, group.sample, group.by) == (("ann", "bob"), 1, one, "cause")
    assert group.due_at > NOW and group.priority > 0
    assert [(each.key, each.count) for each in await _groups(db, "owner", owner="bob")] == [("bob", 1)]


async def test_a_split_sticks_for_the_same_thing(db: Database) -> None:
    one, _ = await opened(db, wish("r1"), wish("r2"))
    key = await _split(db, [one])
    assert sorted((each.count, each.title) for each in await _groups(db)) == [
        (1, "apart"),
        (1, "jira refuses to write OPS-1 of r2"),
    ]
    await taken(db, one, "discard", reason="seen to")
    again, third = await opened(db, wish("r1"), wish("r3"), now=NOW + 50)
    assert (await look(db, again))[0].group == key
    assert (await look(db, third))[0].group == wish().fingerprint
    async with db.read() as tx:
        (rule,) = await grouping.rules_into(tx, key)
    assert (rule.actor, rule.part, rule.reason) == ("ann", "key", "another cause")


async def test_a_split_by_a_part_takes_all_that_are_like_it(db: Database) -> None:
    one, two, three = await opened(db, wish("r1", flow="changes"), wish("r2", flow="changes"), wish("r3"))
    key = await _split(db, [one], "flow")
    assert [(await look(db, each))[0].group for each in (one, two, three)] == [key, key, wish().fingerprint]
    (later,) = await opened(db, wish("r4", flow="changes"))
    assert (await look(db, later))[0].group == key


@pytest.mark.parametrize(("part", "title"), [("evidence", "x"), ("field", "x"), ("key", " ")])
async def test_splits_that_make_no_group(db: Database, part: str, title: str) -> None:
    (one,) = await opened(db, wish())
    with pytest.raises(DecisionRefused):
        await _split(db, [one], part, title)


async def test_a_merge_steers_the_cases_to_come(db: Database) -> None:
    one, two = await opened(db, wish("r1"), other("r2"))
    into = wish().fingerprint
    assert await _merge(db, [into, other("r2").fingerprint], into) == 1
    (later,) = await opened(db, other("r3"))
    assert {(await look(db, each))[0].group for each in (one, two, later)} == {into}
    (group,) = await _groups(db)
    assert (group.count, group.title) == (3, "all of it")


async def test_a_group_of_people_can_be_merged_on(db: Database) -> None:
    one, two, three = await opened(db, wish("r1"), wish("r2"), other("r3"))
    apart = await _split(db, [one])
    await _merge(db, [apart], other("r3").fingerprint)
    groups = [(await look(db, each))[0].group for each in (one, two, three)]
    assert groups == [other("r3").fingerprint, wish().fingerprint, other("r3").fingerprint]
    async with db.begin() as tx:
        await store.close_cases(tx, [wish("r1").key], decision=Ending.APPLIED, reason="", now=NOW)
    (again,) = await opened(db, wish("r1"))
    assert (await look(db, again))[0].group == other("r3").fingerprint


async def test_a_merge_needs_two_groups(db: Database) -> None:
    await opened(db, wish())
    with pytest.raises(DecisionRefused, match="two groups"):
        await _merge(db, [wish().fingerprint], wish().fingerprint)


async def test_a_new_member_of_a_group_that_a_person_closed_came_back(db: Database) -> None:
    one, two = await opened(db, wish("r1"), wish("r2"))
    await taken(db, one, "discard", reason="not needed")
    (third,) = await opened(db, wish("r3"))
    assert (await look(db, third))[0].state is CaseState.OPEN  # the group still has an open case
    await taken(db, two, "discard", reason="not needed")
    await taken(db, third, "discard", reason="not needed")
    (later,) = await opened(db, wish("r4"))
    found, history = await look(db, later)
    assert (found.state, found.former, history[0].name) == (CaseState.CAME_BACK, third, "came_back")


async def test_a_new_member_of_a_group_that_ended_by_itself_is_new(db: Database) -> None:
    await opened(db, wish("r1"))
    async with db.begin() as tx:
        await store.close_cases(tx, [wish("r1").key], decision=Ending.APPLIED, reason="", now=NOW)
    (later,) = await opened(db, wish("r2"))
    assert (await look(db, later))[0].state is CaseState.OPEN


async def test_closed_cases_are_grouped_too(db: Database) -> None:
    one, _ = await opened(db, wish("r1"), wish("r2"))
    await taken(db, one, "discard", reason="not needed")
    (group,) = await _groups(db, states=(CaseState.CLOSED,))
    assert (group.count, group.sample) == (1, one)


async def test_closing_a_group_closes_its_members_and_no_later_one(db: Database) -> None:
    one, two = await opened(db, wish("r1"), wish("r2"))
    for number in (one, two):
        await taken(db, number, "discard", reason="not needed")
    (later,) = await opened(db, wish("r3"))
    (group,) = await _groups(db)
    assert (group.count, group.sample) == (1, later)
