"""Opening, updating, closing and coming back."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter import store
from dead_letter.classify import Cause
from dead_letter.evidence import Redactor
from dead_letter.tables import cases
from dead_letter.values import CaseState, Ending, NewCase, Step
from gateway.storage.database import Database
from tests.support.cases import NOW, wish


async def _open(db: Database, *new: NewCase, now: float = NOW) -> dict[str, str]:
    async with db.begin() as tx:
        return await store.open_cases(tx, new, now=now)


async def _close(db: Database, *keys: str, now: float = NOW + 60) -> list[str]:
    async with db.begin() as tx:
        return await store.close_cases(tx, keys, decision=Ending.APPLIED, reason="written", now=now)


async def _history(db: Database, number: str) -> list[Step]:
    async with db.read() as tx:
        return await store.history(tx, number)


async def test_a_new_case_is_read_back_whole(db: Database) -> None:
    new = wish(field="status")
    numbers = await _open(db, new)
    assert numbers == {new.key: "FO-1"}
    async with db.read() as tx:
        found = await store.get_case(tx, "fo-1")
    assert found is not None
    assert {name: getattr(found, name) for name in NewCase.__struct_fields__} == {
        name: getattr(new, name) for name in NewCase.__struct_fields__
    }
    assert (found.state, found.version, found.count, found.former) == (CaseState.OPEN, 1, 1, None)
    assert (found.first_seen, found.last_seen, found.closed_at) == (NOW, NOW, None)
    assert [(step.name, step.version, step.actor) for step in await _history(db, "FO-1")] == [("opened", 1, "lockstep")]


async def test_the_same_again_only_counts(db: Database) -> None:
    await _open(db, wish())
    assert await _open(db, wish(), now=NOW + 5) == {wish().key: "FO-1"}
    async with db.read() as tx:
        found = await store.get_case(tx, "FO-1")
    assert found is not None
    assert (found.count, found.version, found.first_seen, found.last_seen) == (2, 1, NOW, NOW + 5)
    assert len(await _history(db, "FO-1")) == 1


async def test_other_evidence_makes_a_new_version_and_says_what_changed(db: Database) -> None:
    await _open(db, wish())
    await _open(db, wish(cause=Cause.TARGET_MOVING, evidence={"answer": {"status": 403}, "looks": 1}), now=NOW + 5)
    async with db.read() as tx:
        found = await store.get_case(tx, "FO-1")
    assert found is not None
    assert (found.version, found.cause, found.evidence) == (
        2,
        "target.moving",
        {"answer": {"status": 403}, "looks": 1},
    )
    changed = (await _history(db, "FO-1"))[-1]
    assert (changed.name, changed.version) == ("changed", 2)
    assert set(changed.changed) == {"cause", "fingerprint", "evidence.answer", "evidence.looks"}


async def test_a_batch_mixes_new_and_known_and_repeated_keys(db: Database) -> None:
    await _open(db, wish("r2"))
    numbers = await _open(db, wish("r1"), wish("r2"), wish("r3"), wish("r3", evidence={"last": True}))
    assert numbers[wish("r2").key] == "FO-1"
    assert len(set(numbers.values())) == 3
    async with db.read() as tx:
        third = await store.get_case(tx, numbers[wish("r3").key])
    assert third is not None
    assert (third.count, third.version, third.evidence) == (2, 1, {"last": True})


async def test_nothing_asked_for_costs_no_statement(db: Database) -> None:
    assert await _open(db) == {}
    assert await _close(db) == []


async def test_many_at_once(db: Database) -> None:
    # More than one statement's worth, so that the batching is crossed.
    numbers = await _open(db, *(wish(f"r{n:04}") for n in range(1203)))
    assert len(set(numbers.values())) == 1203
    assert len(await _close(db, *numbers)) == 1203
    async with db.read() as tx:
        assert await store.open_counts(tx) == []


async def test_a_closed_case_comes_back_under_a_new_number(db: Database) -> None:
    await _open(db, wish())
    assert await _close(db, wish().key) == ["FO-1"]
    numbers = await _open(db, wish(), now=NOW + 90)
    back = numbers[wish().key]
    assert back != "FO-1"
    async with db.read() as tx:
        former, found = await store.get_case(tx, "FO-1"), await store.get_case(tx, back)
    assert former is not None
    assert found is not None
    assert (former.state, former.ending, former.closed_at) == (CaseState.CLOSED, "applied", NOW + 60)
    assert (found.state, found.former, found.count, found.first_seen) == (CaseState.CAME_BACK, "FO-1", 1, NOW + 90)
    assert [step.name for step in await _history(db, back)] == ["came_back"]
    assert [step.name for step in await _history(db, "FO-1")] == ["opened", "closed"]


async def test_it_links_to_the_last_of_several_closed_ones(db: Database) -> None:
    numbers: list[str] = []
    for _ in range(3):
        numbers += (await _open(db, wish())).values()
        await _close(db, wish().key)
    numbers += (await _open(db, wish())).values()
    async with db.read() as tx:
        found = await store.get_case(tx, numbers[3])
    assert found is not None
    assert found.former == numbers[2]


async def test_closing_what_is_not_open_does_nothing(db: Database) -> None:
    await _open(db, wish())
    await _close(db, wish().key)
    assert await _close(db, wish().key, "refused:nobody:jira") == []
    assert len(await _history(db, "FO-1")) == 2


async def test_obsolete_says_why(db: Database) -> None:
    await _open(db, wish("r1"), wish("r2"))
    async with db.begin() as tx:
        assert await store.obsolete(tx, [wish("r1").key], reason="a newer status was written", now=NOW) == ["FO-1"]
        assert await store.obsolete_each(tx, {wish("r2").key: "the object is gone"}, now=NOW) == ["FO-2"]
    async with db.read() as tx:
        first, second = await store.get_case(tx, "FO-1"), await store.get_case(tx, "FO-2")
    assert first is not None
    assert second is not None
    assert (first.ending, first.closed_by, first.reason) == ("obsolete", "lockstep", "a newer status was written")
    assert second.reason == "the object is gone"
    assert (await _history(db, "FO-1"))[-1].reason == "a newer status was written"


@pytest.mark.parametrize(
    ("before", "after"),
    [(CaseState.IN_RUN, CaseState.OPEN), (CaseState.PARKED, CaseState.PARKED), (CaseState.TAKEN, CaseState.TAKEN)],
)
async def test_a_failed_retry_opens_it_again_and_other_states_stay(
    db: Database, before: CaseState, after: CaseState
) -> None:
    await _open(db, wish())
    async with db.begin() as tx:
        await tx.execute(update(cases).values(state=before))
    await _open(db, wish(), now=NOW + 5)
    async with db.read() as tx:
        found = await store.get_case(tx, "FO-1")
    assert found is not None
    assert found.state is after
    # Same evidence: only the failed retry is news.
    assert found.version == (2 if before is CaseState.IN_RUN else 1)


async def test_a_secret_in_evidence_never_reaches_the_table(db: Database) -> None:
    evidence = {
        "request": {"headers": {"Authorization": "Basic bG9ja3N0ZXA6aHVudGVyMg=="}, "body": "note=hunter2-and-more"},
    }
    new = wish(evidence=evidence, title="jira says: hunter2-and-more is wrong")
    async with db.begin() as tx:
        await store.open_cases(tx, [new], now=NOW, redactor=Redactor(secrets=["hunter2-and-more"]))
        row = (await tx.execute(select(cases))).one()
    assert "hunter2" not in str(row)
    assert "bG9ja3N0ZXA6aHVudGVyMg" not in str(row)


async def test_a_rolled_back_case_leaves_nothing_and_its_number_is_not_needed(db: Database) -> None:
    async def undone() -> None:
        async with db.begin() as tx:
            await store.open_cases(tx, [wish()], now=NOW)
            raise RuntimeError("undo")

    with pytest.raises(RuntimeError, match="undo"):
        await undone()
    async with db.read() as tx:
        assert await store.open_counts(tx) == []
    numbers = await _open(db, wish())
    assert len(numbers) == 1
    assert len(await _history(db, numbers[wish().key])) == 1


async def test_a_number_is_not_given_twice_after_a_purge(db: Database) -> None:
    await _open(db, wish("r1"))
    async with db.begin() as tx:
        await tx.execute(cases.delete())
    assert await _open(db, wish("r2")) == {wish("r2").key: "FO-2"}


async def test_workers_that_open_the_same_cases_at_once_share_them(db: Database) -> None:
    """Eight writers, the same keys in different order: one open case per key, all observations counted, no deadlock."""
    records = [f"r{n}" for n in range(12)]

    async def worker(turn: int) -> dict[str, str]:
        return await _open(db, *(wish(record) for record in records[turn:] + records[:turn]))

    answers = await asyncio.gather(*(worker(turn) for turn in range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert len(set(answers[0].values())) == 12
    async with db.read() as tx:
        counts = {row[0]: row[1] for row in await tx.execute(select(cases.c.key, cases.c.count))}
    assert counts == dict.fromkeys((wish(record).key for record in records), 8)


# SQLite has one writer at a time; this race exists on PostgreSQL only.
@pytest.mark.parametrize("db", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_a_case_opened_by_another_worker_in_between_is_found(db: Database) -> None:
    """Our insert waits for the other's uncommitted row, then the next pass updates it."""
    async with db.begin() as other:
        theirs = await store.open_cases(other, [wish()], now=NOW)
        ours = asyncio.create_task(_open(db, wish(), now=NOW + 1))
        async with db.read() as watcher:
            await _until_someone_waits(watcher)
    assert await ours == theirs
    async with db.read() as tx:
        found = await store.get_case(tx, theirs[wish().key])
    assert found is not None
    assert found.count == 2


async def _until_someone_waits(watcher: AsyncConnection) -> None:
    while not (await watcher.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))).scalar_one():
        pass  # each look is a round trip, so the other task runs meanwhile
