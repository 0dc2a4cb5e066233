"""Every verb that takes a case or a group, asked by who sees a part: what is outside is neither told nor moved.

The table is compared with what the modules offer, so a verb that is added has to be added here.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from dead_letter.classify import Cause
from dead_letter.errors import ApprovalNotFound, CaseNotFound
from dead_letter.store import close_cases, get_case, open_cases
from dead_letter.tables import case_approvals, case_attachments, case_history, case_tasks
from dead_letter.tables import cases as rows
from dead_letter.values import CaseFilter, Ending, NewCase, parse_number
from gateway.access.rights import Principal, Role
from gateway.work import case_metrics, cases, counting, pages_cases, pulse, replays
from gateway.work.case_bodies import BODIES
from gateway.work.now import summary
from gateway.work.workplace import Workplace
from replay.errors import NothingSelected
from replay.values import Wish
from tests.contract.dead_letter.place import known, person
from tests.support.cases import NOW, wish

ANN, BOB = person("ann", Role.OPERATOR), person("bob", Role.OPERATOR, Role.APPROVER)
HIDDEN = "of the payroll"
"""Stands in everything that is said of what is out of scope."""
SHARED = wish().fingerprint
ELSEWHERE: dict[str, Any] = {"connection": "snow", "flow": "changes", "title": HIDDEN, "object_key": HIDDEN}
OTHER_GROUP: dict[str, Any] = {"cause": Cause.TRIES_EXHAUSTED, "fingerprint": "another"}
OPERATOR = (Role.OPERATOR, Role.APPROVER)
NARROW = {
    "of a connection": person("nora", *OPERATOR, connections=frozenset({"jira"})),
    "of a type": person("nora", *OPERATOR, types=frozenset({"incident"})),
    "of both": person("nora", *OPERATOR, connections=frozenset({"jira"}), types=frozenset({"incident"})),
}


@dataclass
class Stage:
    """Two groups, each with a case in scope and one outside; a request and a file at one that is outside."""

    place: Workplace
    mine: str
    other: str
    mine_of_another: str
    other_of_another: str
    approval: str
    file: str
    task: str

    @property
    def outside(self) -> list[str]:
        return [self.other, self.other_of_another]


async def opened(place: Workplace, *new: NewCase) -> list[str]:
    async with place.database.begin() as tx:
        found = await open_cases(tx, new, now=NOW)
    return [found[each.key] for each in new]


@pytest.fixture
async def stage(place: Workplace) -> Stage:
    await known(place.database, ANN, BOB)
    elsewhere = wish("r2", Cause.OUTCOME_UNPROVABLE, fingerprint=SHARED, evidence={"answer": HIDDEN}, **ELSEWHERE)
    another = wish("r4", key="r4", **OTHER_GROUP, **ELSEWHERE)
    numbers = await opened(place, wish("r1"), elsewhere, wish("r3", key="r3", **OTHER_GROUP), another)
    other = numbers[1]
    asked = await cases.act(place, ANN, other, "declare_applied", {"reason": HIDDEN, "proof": HIDDEN})
    await cases.act(place, ANN, other, "comment", {"text": HIDDEN})
    task = await cases.act(place, ANN, other, "add_task", {"title": HIDDEN})
    file = await cases.act(place, ANN, other, "attach", {"name": "a.txt", "content": "b2YgdGhlIHBheXJvbGw="})
    mine, other, third, fourth = numbers
    return Stage(place, mine, other, third, fourth, asked.approval, file.made, task.made)


async def _listed(found: AsyncIterator[Any]) -> list[Any]:
    return [each async for each in found]


Verb = Callable[[Stage, Principal], Awaitable[Any]]
NOT_THERE: dict[str, Verb] = {
    "get_case": lambda s, who: cases.get_case(s.place, who, s.other),
    "look_up": lambda s, who: cases.look_up(s.place, who, s.other),
    "preview_correction": lambda s, who: cases.preview_correction(s.place, who, s.other, "summary", "x"),
    "read_attachment": lambda s, who: cases.read_attachment(s.place, who, s.other, s.file),
    "read_attachment at another case": lambda s, who: cases.read_attachment(s.place, who, s.mine, s.file),
    "approve": lambda s, who: cases.approve(s.place, who, s.approval),
    "reject": lambda s, who: cases.reject(s.place, who, s.approval, note="no"),
    "withdraw": lambda s, who: cases.withdraw(s.place, who, s.approval),
    "split_group": lambda s, who: cases.split_group(s.place, who, [s.mine, s.other], title="x", reason="x"),
    "merge_groups": lambda s, who: cases.merge_groups(s.place, who, [SHARED], into=SHARED + " snow", reason="x"),
    "select": lambda s, who: replays.select(s.place, who, Wish(numbers=(s.other,))),
}
"""What is answered as if it did not exist."""
TOLD: dict[str, Verb] = {
    "list_cases": lambda s, who: cases.list_cases(s.place, who),
    "list_cases of a group": lambda s, who: cases.list_cases(s.place, who, CaseFilter(group=SHARED)),
    "list_cases by a text": lambda s, who: cases.list_cases(s.place, who, CaseFilter(text="payroll")),
    "group_cases": lambda s, who: cases.group_cases(s.place, who),
    "group_cases by field": lambda s, who: cases.group_cases(s.place, who, by="connection"),
    "get_case": lambda s, who: cases.get_case(s.place, who, s.mine),
    "act_on_many": lambda s, who: cases.act_on_many(s.place, who, [(s.other, 1), (s.mine, 1)], "claim"),
    "export_cases": lambda s, who: _listed(cases.export_cases(s.place, who)),
    "list_approvals": lambda s, who: cases.list_approvals(s.place, who),
    "metrics": lambda s, who: case_metrics.metrics(s.place, who, since=0.0),
    "count_cases": lambda s, who: counting.count_cases(s.place, who, CaseFilter(text="payroll"), exact=True),
    "count_cases for a page": lambda s, who: pages_cases.count_cases(s.place, who, CaseFilter(text="payroll")),
    "by_age": lambda s, who: pages_cases.by_age(s.place, who, [60.0]),
    "parked_of_groups": lambda s, who: pages_cases.parked_of_groups(s.place, who),
    "steps_after": lambda s, who: pulse.steps_after(s.place, who, 0, 10**6, limit=1000),
    "summary": lambda s, who: summary(s.place, who),
    "select": lambda s, who: replays.select(s.place, who, Wish(group=SHARED)),
    "merge_groups": lambda s, who: cases.merge_groups(
        s.place, who, [SHARED, "another"], into="another", title="theirs", reason="x"
    ),
    "split_group": lambda s, who: cases.split_group(s.place, who, [s.mine], title="x", reason="x", part="object"),
}
"""What is answered of what is in scope."""


@pytest.fixture(params=NARROW)
def who(request: pytest.FixtureRequest) -> Principal:
    return NARROW[request.param]


async def _kept(stage: Stage) -> dict[str, Any]:
    """All that is stored of what is out of scope."""
    numbers = [parse_number(each) for each in stage.outside]
    found = {}
    async with stage.place.database.read() as tx:
        for table in (rows, case_history, case_approvals, case_tasks, case_attachments):
            query = select(table).where(table.c.number.in_(numbers)).order_by(*table.primary_key.columns)
            found[table.name] = [dict(row) for row in (await tx.execute(query)).mappings()]
    return found


def _text(answer: Any) -> str:
    return msgspec.json.encode(answer).decode()


async def test_what_is_outside_is_not_there_and_stays_as_it_is(stage: Stage) -> None:
    before = await _kept(stage)
    for (name, verb), narrow in product(NOT_THERE.items(), NARROW.values()):
        with pytest.raises((CaseNotFound, ApprovalNotFound, NothingSelected)) as error:
            await verb(stage, narrow)
        assert HIDDEN not in str(error.value), name
    assert await _kept(stage) == before


async def test_no_action_reaches_outside(stage: Stage) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "declare_applied": {"proof": "x"},
        "declare_not_applied": {"proof": "x"},
        "correct": {"field": "summary", "old": "x", "new": "y"},
        "assign": {"to": "nora"},
        "delegate": {"to": "nora"},
        "park": {"until": "1h"},
        "comment": {"text": "x"},
        "attach": {"name": "b.txt", "content": "aGk="},
        "link": {"url": "https://bugs.example/1"},
        "unlink": {"url": "https://bugs.example/1"},
        "add_task": {"title": "x"},
        **{name: {"task": stage.task, "note": "x"} for name in ("take_task", "end_task", "drop_task")},
    }
    before = await _kept(stage)
    for action, narrow in product(BODIES, NARROW.values()):
        with pytest.raises(CaseNotFound):
            await cases.act(stage.place, narrow, stage.other, action, {"reason": "x", **bodies.get(action, {})})
    assert await _kept(stage) == before


async def test_nothing_is_told_of_what_is_outside(stage: Stage, who: Principal) -> None:
    before = await _kept(stage)
    for name, verb in TOLD.items():
        answer = _text(await verb(stage, who))
        named = [each for each in stage.outside if f'"{each}"' in answer]
        # Who asks about a number is answered about that number.
        assert HIDDEN not in answer and (name == "act_on_many" or not named), (name, answer)
    assert await _kept(stage) == before


def _verbs(module: Any) -> set[str]:
    """What a module offers to people: what takes the workplace and who asks."""
    found = set()
    for name, function in inspect.getmembers(module, inspect.isfunction):
        parameters = list(inspect.signature(function).parameters)
        if parameters[:2] == ["place", "who"] and not name.startswith("_") and function.__module__ == module.__name__:
            found.add(name)
    return found


def test_every_verb_is_in_the_table() -> None:
    offered = _verbs(cases) | _verbs(case_metrics) | _verbs(counting) | _verbs(pages_cases) | _verbs(pulse)
    asked = {name.partition(" ")[0] for name in (*NOT_THERE, *TOLD)} | {"act"}
    assert offered <= asked, offered - asked


async def _group_of(place: Workplace, number: str) -> str:
    async with place.database.read() as tx:
        found = await get_case(tx, number)
    assert found is not None
    return found.group


async def test_a_merge_moves_what_is_seen_and_says_so(stage: Stage, who: Principal) -> None:
    place = stage.place
    done = await cases.merge_groups(place, who, [SHARED, "another"], into="another", title="theirs", reason="x")
    assert done.moved == 1 and "only cases that you may see" in done.note
    groups = [await _group_of(place, each) for each in (stage.mine, stage.mine_of_another, *stage.outside)]
    assert groups == ["another", "another", SHARED, "another"]
    names = {group.key: group.title for group in await cases.group_cases(place, ANN)}
    assert "theirs" not in names.values(), "others see this name too"
    # And those to come.
    inside, outside = await opened(place, wish("r5"), wish("r6", fingerprint=SHARED, **ELSEWHERE))
    assert [await _group_of(place, each) for each in (inside, outside)] == ["another", SHARED]


async def test_a_merge_takes_a_split_along_as_far_as_it_reaches(stage: Stage, who: Principal) -> None:
    place = stage.place
    everywhere = await cases.split_group(
        place, ANN, [stage.mine, stage.other], title="both", reason="one bug", part="object"
    )
    await cases.merge_groups(place, who, [everywhere], into="another", reason="x")
    inside, outside = await opened(place, wish("r5"), wish("r6", fingerprint=SHARED, **ELSEWHERE))
    assert [await _group_of(place, each) for each in (inside, outside)] == ["another", everywhere]
    (name,) = [each.title for each in await cases.group_cases(place, ANN) if each.key == everywhere]
    assert name == "both", "the group goes on"
    # Somebody who sees all of it has the last word.
    await cases.merge_groups(place, ANN, [everywhere], into="another", reason="one after all")
    inside, outside = await opened(place, wish("r7"), wish("r8", fingerprint=SHARED, **ELSEWHERE))
    assert [await _group_of(place, each) for each in (inside, outside)] == ["another", "another"]


async def test_a_group_that_a_split_left_empty_takes_its_cases_back(stage: Stage, who: Principal) -> None:
    place, both = stage.place, [stage.mine, stage.other]
    apart = await cases.split_group(place, ANN, both, title="both", reason="two bugs", part="object")
    assert [await _group_of(place, each) for each in both] == [apart, apart], "nothing is left"
    with pytest.raises(CaseNotFound):
        await cases.merge_groups(place, ANN, [apart], into="nobody knows this one", reason="x")
    with pytest.raises(CaseNotFound):
        await cases.merge_groups(place, ANN, ["another"], into=SHARED, reason="these do not come from there")
    done = await cases.merge_groups(place, who, [apart], into=SHARED, reason="one bug after all")
    assert done.moved == 1 and await _group_of(place, stage.mine) == SHARED
    assert (await cases.merge_groups(place, ANN, [apart], into=SHARED, reason="all of it")).moved == 1
    (new,) = await opened(place, wish("r9"))
    assert [await _group_of(place, each) for each in (stage.other, new)] == [SHARED, SHARED]


async def test_a_split_by_what_both_share_takes_only_what_is_seen(stage: Stage, who: Principal) -> None:
    place = stage.place
    key = await cases.split_group(place, who, [stage.mine], title="mine", reason="x", part="object")
    assert [await _group_of(place, each) for each in (stage.mine, stage.other)] == [key, SHARED]
    inside, outside = await opened(place, wish("r5"), wish("r6", fingerprint=SHARED, **ELSEWHERE))
    assert [await _group_of(place, each) for each in (inside, outside)] == [key, SHARED]


async def test_why_it_is_grouped_names_nothing_outside(stage: Stage, who: Principal) -> None:
    place = stage.place
    key = await cases.split_group(place, ANN, [stage.mine, stage.other], title="both", reason="one bug")
    (mine,) = [each.number for each in (await cases.list_cases(place, who, CaseFilter(group=key))).cases]
    rules = (await cases.get_case(place, who, mine)).grouped.rules
    assert len(rules) == 1 and "r1" in rules[0]
    assert len((await cases.get_case(place, ANN, mine)).grouped.rules) == 2


async def test_a_closed_case_outside_is_no_similar_one(stage: Stage, who: Principal) -> None:
    async with stage.place.database.begin() as tx:
        found = await get_case(tx, stage.other)
        assert found is not None
        await close_cases(tx, [found.key], decision=Ending.APPLIED, reason="", now=NOW)
    seen, all_of_it = [(await cases.get_case(stage.place, each, stage.mine)).similar for each in (who, ANN)]
    assert (seen, [each.number for each in all_of_it]) == ((), [stage.other])
