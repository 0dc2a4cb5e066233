"""Who has a case, what it waits for, what is said about it; none of it makes anybody's decision stale."""

from __future__ import annotations

import asyncio

import pytest

from dead_letter import attachments, store, tasks
from dead_letter.attachments import MOST_BYTES, MOST_OF_CASE
from dead_letter.errors import CaseNotFound, DecisionRefused, StaleDecision
from dead_letter.values import CaseState, Ending
from dead_letter.work import WorkName
from gateway.storage.database import Database
from tests.contract.dead_letter.asking import ANN, BOB, look, opened, taken, worked
from tests.support.cases import NOW, wish

MARKS = {"deploy": "v1", "mapping:incidents": "a", "connection:jira": "open"}


async def test_a_claimed_case_is_taken_until_it_is_released(db: Database) -> None:
    (number,) = await opened(db, wish())
    done = await worked(db, number, "claim")
    assert (done.state, done.version, done.work, done.repeated) == (CaseState.TAKEN, 1, 1, False)
    assert (await worked(db, number, "claim")).repeated
    found, history = await look(db, number)
    assert (found.owner, found.state, found.version, found.work) == ("ann", CaseState.TAKEN, 1, 1)
    assert [step.name for step in history] == ["opened", "worked"]
    assert (await worked(db, number, "release")).state is CaseState.OPEN
    assert (await look(db, number))[0].owner == ""


async def test_nobody_takes_a_case_from_another_without_a_reason(db: Database) -> None:
    (number,) = await opened(db, wish())
    await worked(db, number, "claim")
    for action in ("claim", "release", "delegate"):
        with pytest.raises(DecisionRefused, match="ann has it"):
            await worked(db, number, action, BOB, to="bob" if action == "delegate" else "")
    with pytest.raises(DecisionRefused, match="Give a reason"):
        await worked(db, number, "assign", BOB, to="bob")
    await worked(db, number, "assign", BOB, to="bob", text="ann is on leave")
    assert (await look(db, number))[0].owner == "bob"


async def test_who_has_it_hands_it_on(db: Database) -> None:
    (number,) = await opened(db, wish())
    with pytest.raises(DecisionRefused, match="Nobody has it"):
        await worked(db, number, "delegate", to="bob")
    await worked(db, number, "claim")
    await worked(db, number, "delegate", to="bob")
    found, history = await look(db, number)
    assert (found.owner, history[-1].choice) == ("bob", "bob")


async def test_work_makes_no_decision_stale(db: Database) -> None:
    (number,) = await opened(db, wish())
    await worked(db, number, "claim", BOB)
    await worked(db, number, "comment", BOB, text="looking")
    await worked(db, number, "park", BOB, until="7d")
    done = await taken(db, number, "retry", ANN, version=1)
    assert (done.state, done.repeated) == (CaseState.IN_RUN, False)
    assert (await look(db, number))[0].parked_until == ""


async def test_two_moves_on_one_look_are_one_too_many(db: Database) -> None:
    (number,) = await opened(db, wish())
    await worked(db, number, "assign", ANN, to="cleo", expected=0)
    with pytest.raises(StaleDecision) as error:
        await worked(db, number, "assign", BOB, to="dan", text="free", expected=0)
    assert error.value.moved == ("ann assigned it to cleo",)
    again = await worked(db, number, "assign", ANN, to="cleo", expected=0)
    assert (again.repeated, again.work) == (True, 1)
    commented = await worked(db, number, "comment", BOB, text="a comment is never too late", expected=0)
    assert not commented.repeated


async def test_a_comment_in_between_stops_nobody(db: Database) -> None:
    (number,) = await opened(db, wish())
    await worked(db, number, "comment", BOB, text="looking")
    assert (await worked(db, number, "claim", ANN, expected=0)).state is CaseState.TAKEN


async def test_only_one_of_many_gets_it(db: Database) -> None:
    (number,) = await opened(db, wish())
    people = [ANN.__class__(name=f"p{n}", person=f"p{n}") for n in range(6)]
    answers = await asyncio.gather(*(worked(db, number, "claim", each) for each in people), return_exceptions=True)
    assert sum(not isinstance(each, Exception) for each in answers) == 1
    assert sum(isinstance(each, DecisionRefused) for each in answers) == 5


async def test_a_failed_retry_goes_back_to_who_has_it(db: Database) -> None:
    (number,) = await opened(db, wish())
    await worked(db, number, "claim")
    await taken(db, number, "retry")
    assert await opened(db, wish(), now=NOW + 20) == [number]
    assert (await look(db, number))[0].state is CaseState.TAKEN


async def test_a_released_case_that_came_back_says_so_again(db: Database) -> None:
    (first,) = await opened(db, wish())
    async with db.begin() as tx:
        await store.close_cases(tx, [wish().key], decision=Ending.APPLIED, reason="", now=NOW)
    (number,) = await opened(db, wish())
    await worked(db, number, "claim")
    assert (await worked(db, number, "release")).state is CaseState.CAME_BACK
    assert (await look(db, number))[0].former == first


async def test_parking_says_until_when_and_ends(db: Database) -> None:
    (number,) = await opened(db, wish())
    await worked(db, number, "park", until="7d, 100x", marks=MARKS)
    found, history = await look(db, number)
    assert (found.state, found.parked_until) == (CaseState.PARKED, "2025-11-28 08:00:10Z or 100 more times")
    assert history[-1].choice == found.parked_until
    assert (await worked(db, number, "unpark")).state is CaseState.OPEN
    with pytest.raises(DecisionRefused, match="not parked"):
        await worked(db, number, "unpark")
    with pytest.raises(DecisionRefused, match="events are: connection:jira, deploy"):
        await worked(db, number, "park", until="whenever", marks=MARKS)


async def test_a_parked_case_stays_parked_whoever_has_it_and_however_often_it_repeats(db: Database) -> None:
    (number,) = await opened(db, wish())
    await worked(db, number, "park", until="7d")
    assert (await worked(db, number, "claim")).state is CaseState.PARKED
    await opened(db, wish(title="another sentence"), now=NOW + 30)
    assert (await look(db, number))[0].state is CaseState.PARKED
    assert (await worked(db, number, "unpark")).state is CaseState.TAKEN


async def test_escalating_needs_a_reason_and_counts(db: Database) -> None:
    (number,) = await opened(db, wish())
    with pytest.raises(DecisionRefused, match="Give a reason"):
        await worked(db, number, "escalate")
    await worked(db, number, "escalate", text="the customer waits", to="lead")
    found, _ = await look(db, number)
    assert (found.escalated, found.owner) == (1, "lead")


async def test_a_link_is_an_address(db: Database) -> None:
    (number,) = await opened(db, wish())
    await worked(db, number, "link", to="https://bugs.example/7", text="the bug")
    with pytest.raises(DecisionRefused, match="begins with http"):
        await worked(db, number, "link", to="javascript:alert(1)")
    assert (await look(db, number))[1][-1].choice == "https://bugs.example/7"


async def test_nothing_is_done_with_a_closed_case(db: Database) -> None:
    (number,) = await opened(db, wish())
    await taken(db, number, "discard", reason="not needed")
    for name in WorkName:
        with pytest.raises(DecisionRefused, match="stays as it is"):
            await worked(db, number, name, to="https://a/", text="x", until="1d")
    with pytest.raises(CaseNotFound):
        await worked(db, "FO-999", "claim")


async def test_files(db: Database) -> None:
    (number,) = await opened(db, wish())
    async with db.begin() as tx:
        done, file = await attachments.add(tx, number, name="../log.txt", content=b"line", by=ANN, now=NOW)
        assert done.work == 1
    async with db.read() as tx:
        (kept,) = await attachments.of_case(tx, number)
        assert (kept.name, kept.media_type, kept.size, kept.made_by) == ("log.txt", "text/plain", 4, "ann")
        found = await attachments.content_of(tx, number, file)
        assert found is not None and found[1] == b"line"
        assert await attachments.content_of(tx, "FO-999", file) is None
    assert (await look(db, number))[1][-1].choice == "log.txt"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"x" * (MOST_BYTES + 1), "1 MiB"),
        (b"<script>", "no markup"),
        (b"MZ\0", "no programs"),
    ],
)
async def test_files_that_are_not_kept(db: Database, content: bytes, why: str) -> None:
    (number,) = await opened(db, wish())
    with pytest.raises(DecisionRefused, match=why):
        async with db.begin() as tx:
            await attachments.add(tx, number, name="a.txt", content=content, by=ANN, now=NOW)
    assert [step.name for step in (await look(db, number))[1]] == ["opened"]


async def test_a_case_holds_only_so_much(db: Database) -> None:
    (number,) = await opened(db, wish())
    async with db.begin() as tx:
        for at in range(MOST_OF_CASE // MOST_BYTES):
            content = b"x" * MOST_BYTES
            await attachments.add(tx, number, name=f"{at}.txt", content=content, by=ANN, now=NOW)
        with pytest.raises(DecisionRefused, match="together"):
            await attachments.add(tx, number, name="more.txt", content=b"x", by=ANN, now=NOW)


async def test_tasks(db: Database) -> None:
    (number,) = await opened(db, wish())
    async with db.begin() as tx:
        _, task = await tasks.add(tx, number, kind=tasks.Kind.CONTACT, title="Ask the owner", owner="", by=ANN, now=NOW)
        await tasks.move(tx, number, WorkName.TAKE_TASK, task, said="", by=BOB, now=NOW)
        with pytest.raises(DecisionRefused, match="what came of it"):
            await tasks.move(tx, number, WorkName.END_TASK, task, said=" ", by=BOB, now=NOW)
        await tasks.move(tx, number, WorkName.END_TASK, task, said="they agree", by=BOB, now=NOW + 5)
        with pytest.raises(DecisionRefused, match="done already, by bob"):
            await tasks.move(tx, number, WorkName.DROP_TASK, task, said="x", by=ANN, now=NOW + 6)
        with pytest.raises(DecisionRefused, match="no task"):
            await tasks.move(tx, "FO-2", WorkName.END_TASK, task, said="x", by=ANN, now=NOW)
    async with db.read() as tx:
        (kept,) = await tasks.of_case(tx, number)
    assert (kept.owner, kept.state, kept.ended_by, kept.note) == ("bob", "done", "bob", "they agree")
    assert [step.action for step in (await look(db, number))[1]] == ["", "add_task", "take_task", "end_task"]
