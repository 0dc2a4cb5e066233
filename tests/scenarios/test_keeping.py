"""What is kept beyond its time: archived, held, erased; and every proof still holds afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select, update

from dead_letter import store
from dead_letter.tables import case_approvals, case_attachments, case_history, case_tasks, cases
from gateway.audit.floor import delete_until
from gateway.audit.keys import signer_for
from gateway.audit.tables import audit
from gateway.core.signing import Signer
from gateway.keeping import archive, holds
from gateway.keeping.archive import Broken
from gateway.keeping.holds import Hold, Kind
from gateway.keeping.tables import archive as documents
from gateway.keeping.tables import archive_head
from gateway.keeping.witness import witness
from gateway.sync import erasing
from gateway.sync import tables as t
from gateway.sync.retention import Kept, sweep
from tests.scenarios.world_of_two import Two, two
from tests.support.cases import wish

DAY = 86_400.0
AGES = {"journal_s": 30 * DAY, "receipts_s": 30 * DAY, "cases_s": 365 * DAY, "audit_s": 4000 * DAY}


async def forget(w: Two, **changed: Any) -> Any:
    return await sweep(w.g.database, now=w.g.clock.now(), **{**AGES, **changed})


async def closed(w: Two, *records: str, **more: Any) -> list[str]:
    """Cases that are closed now."""
    async with w.g.database.begin() as tx:
        numbers = await store.open_cases(tx, [wish(each, key=each, **more) for each in records], now=w.g.clock.now())
        await store.obsolete(tx, records, reason="moot", now=w.g.clock.now())
    return list(numbers.values())


async def held_over(w: Two, kind: Kind, target: str) -> str:
    hold = Hold(
        number="",
        kind=kind,
        target=target,
        label=target,
        reason="a lawsuit",
        set_by="ann",
        set_at=w.g.clock.now(),
        ends_at=None,
        released_by="",
        released_at=None,
        release_reason="",
    )
    async with w.g.database.begin() as tx:
        return await holds.add(tx, hold)


async def archived(w: Two) -> list[Any]:
    async with w.g.database.read() as tx:
        return list((await tx.execute(select(documents).order_by(documents.c.seq))).mappings())


async def findings(w: Two) -> list[Broken]:
    async with w.g.database.read() as tx:
        told, keys = await witness(tx), {signer_for(w.g.database).public}
        return [each async for each in archive.verify(tx, keys, told, now=w.g.clock.now())]


async def names(w: Two) -> list[str]:
    return [each["name"] for each in await archived(w)]


async def test_a_closed_case_goes_into_the_archive_whole(store_url: str) -> None:
    async with two(store_url, linked=False) as w:
        (number,) = await closed(w, "r1")
        w.g.clock.advance(364 * DAY)
        assert (await forget(w)).cases == 0
        w.g.clock.advance(2 * DAY)
        assert (await forget(w)).cases == 1
        (row,) = await archived(w)
        async with w.g.database.read() as tx:
            found = await archive.read(tx, 1)
            bound = (await tx.execute(select(audit.c.detail).where(audit.c.kind == "archived"))).scalar_one()
            assert (await tx.execute(select(cases.c.number))).all() == []
        assert (row["name"], row["kind"], found["content"]["ending"]) == (number, "case", "obsolete")
        assert [step["name"] for step in found["content"]["history"]] == ["opened", "closed"]
        assert row["link"] in bound, "the trail tells of the document, and the archive cannot be written anew unseen"
        assert await findings(w) == []


async def test_lineage_goes_into_the_archive_in_its_order(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.sync import retention

    monkeypatch.setattr(retention, "BATCH", 2)
    async with two(store_url) as w:
        w.edit_a(x="1")
        await w.g.settle()
        (record,) = await w.g.records()
        async with w.g.database.begin() as tx:
            kept = [row.fver for row in await tx.execute(select(t.field_version).order_by(t.field_version.c.fver))]
            await tx.execute(update(t.record).values(tombstoned=True, left_at=t.record.c.updated_at))
        w.g.decider.cache.forget([record.id])
        w.g.clock.advance(101 * DAY)
        await forget(w, audit_s=100 * DAY)
        async with w.g.database.read() as tx:
            found = [await archive.read(tx, row["seq"]) for row in await archived(w)]
        told = [each["fver"] for one in found for each in one["content"]["versions"] if one["kind"] == "lineage"]
        assert told == kept and len(found) > 1
        assert await findings(w) == []


async def test_classes_have_ages_of_their_own(store_url: str) -> None:
    async with two(store_url, linked=False) as w:
        (mine,) = await closed(w, "r1", flow="deals")
        (other,) = await closed(w, "r2", flow="people")
        (last,) = await closed(w, "r3", flow="things")
        deals = Kept(10 * DAY, 10 * DAY, 20 * DAY, frozenset({"deals"}))
        people = Kept(600 * DAY, 600 * DAY, 900 * DAY, frozenset({"people"}))
        w.g.clock.advance(11 * DAY)
        await forget(w, apart=[deals, people])
        assert await names(w) == [mine]
        w.g.clock.advance(355 * DAY)
        await forget(w, apart=[deals, people])
        assert await names(w) == [mine, last]
        assert [row["gone"] for row in await archived(w)] == ["age", ""], "its time in the archive is over"
        w.g.clock.advance(300 * DAY)
        await forget(w, apart=[deals, people])
        assert await names(w) == [mine, last, other]
        assert await findings(w) == [], "what went by age is still proved to have been there"


@pytest.mark.parametrize(
    ("kind", "target"), [(Kind.ALL, ""), (Kind.FLOW, "incidents"), (Kind.RECORD, "r1"), (Kind.CASE, "")]
)
async def test_what_is_held_stays_until_it_is_released(store_url: str, kind: Kind, target: str) -> None:
    async with two(store_url, linked=False) as w:
        (mine,) = await closed(w, "r1")
        (other,) = await closed(w, "r2", flow="others")
        number = await held_over(w, kind, target if kind is not Kind.CASE else mine)
        w.g.clock.advance(366 * DAY)
        await forget(w)
        assert await names(w) == ([] if kind is Kind.ALL else [other])
        async with w.g.database.begin() as tx:
            assert await holds.release(tx, number, by="ann", reason="settled", now=w.g.clock.now())
            assert not await holds.release(tx, number, by="bob", reason="again", now=w.g.clock.now())
        await forget(w)
        assert set(await names(w)) == {mine, other}


async def test_a_hold_is_over_the_archive_too(store_url: str) -> None:
    async with two(store_url, linked=False) as w:
        (mine,) = await closed(w, "r1")
        w.g.clock.advance(366 * DAY)
        await forget(w)
        await held_over(w, Kind.CASE, mine)
        w.g.clock.advance(8 * 366 * DAY)
        await forget(w)
        assert [row["gone"] for row in await archived(w)] == [""]


async def test_the_journal_of_a_held_record_stays(store_url: str) -> None:
    async with two(store_url) as w:
        (record,) = await w.g.records()
        number = await held_over(w, Kind.RECORD, record.id)
        w.g.clock.advance(31 * DAY)
        assert (await forget(w)).notices == 0
        async with w.g.database.begin() as tx:
            await holds.release(tx, number, by="ann", reason="settled", now=w.g.clock.now())
        assert (await forget(w)).notices > 0


MUTATIONS: dict[str, Any] = {
    "content": update(documents).where(documents.c.seq == 2).values(content=b"x"),
    "content gone": update(documents).where(documents.c.seq == 2).values(content=None),
    "name": update(documents).where(documents.c.seq == 2).values(name="FO-99"),
    "time": update(documents).where(documents.c.seq == 2).values(closed_at=1.0),
    "missing": documents.delete().where(documents.c.seq == 2),
    "the newest missing": documents.delete().where(documents.c.seq == 3),
    "the first missing": documents.delete().where(documents.c.seq == 1),
    "all missing": documents.delete(),
    "head wound back": update(archive_head).values(seq=2),
    "another key": update(archive_head).values(key="x"),
    "no head": archive_head.delete(),
    "said to be erased": update(documents).where(documents.c.seq == 2).values(content=None, salt="", gone="erased"),
    "said to be old": update(documents).where(documents.c.seq == 2).values(content=None, salt="", gone="age"),
}


@pytest.mark.parametrize("what", MUTATIONS)
async def test_whatever_is_done_to_the_archive_is_found(tmp_path: Any, what: str) -> None:
    async with two(f"sqlite+aiosqlite:///{tmp_path}/store.db", linked=False) as w:
        await closed(w, "r1", "r2", "r3")
        w.g.clock.advance(366 * DAY)
        await forget(w)
        assert await findings(w) == []
        async with w.g.database.begin() as tx:
            await tx.execute(MUTATIONS[what])
        assert await findings(w) != []


@pytest.mark.parametrize("all_of_it", [False, True])
async def test_an_older_archive_put_back_is_found_by_the_trail(tmp_path: Any, all_of_it: bool) -> None:
    async with two(f"sqlite+aiosqlite:///{tmp_path}/store.db", linked=False) as w:
        heads = []
        for record in ("r1", "r2"):
            await closed(w, record)
            w.g.clock.advance(366 * DAY)
            await forget(w)
            async with w.g.database.read() as tx:
                heads.append((await tx.execute(select(archive_head))).mappings().one())
        assert await findings(w) == []
        async with w.g.database.begin() as tx:
            await tx.execute(archive_head.delete())
            await tx.execute(documents.delete().where(documents.c.seq > (0 if all_of_it else 1)))
            if not all_of_it:  # with the head of then, signed by our own key
                await tx.execute(insert(archive_head).values(**heads[0]))
        why = "missing up to 2, of which the audit trail tells"
        assert [each.why for each in await findings(w)] == [why]


async def test_only_our_own_key_makes_a_head(tmp_path: Any) -> None:
    async with two(f"sqlite+aiosqlite:///{tmp_path}/store.db", linked=False) as w:
        await closed(w, "r1")
        w.g.clock.advance(366 * DAY)
        await forget(w)
        ours, other = signer_for(w.g.database), Signer(b"o" * 32)
        async with w.g.database.read() as tx:
            head = (await tx.execute(select(archive_head))).mappings().one()
        right, wrong = archive.message(1, head["link"]), archive.message(2, head["link"])
        for key, signature, why in (
            (other.public, other.sign(right), "the head is signed by a key that is not ours"),
            (ours.public, ours.sign(wrong), "the signature of the head is wrong"),
        ):
            async with w.g.database.begin() as tx:
                await tx.execute(update(archive_head).values(key=key, signature=signature))
            assert [each.why for each in await findings(w)] == [why]


async def test_documents_that_change_places_are_found(tmp_path: Any) -> None:
    async with two(f"sqlite+aiosqlite:///{tmp_path}/store.db", linked=False) as w:
        await closed(w, "r1", "r2")
        w.g.clock.advance(366 * DAY)
        await forget(w)
        async with w.g.database.begin() as tx:
            for old, new in ((1, 9), (2, 1), (9, 2)):
                await tx.execute(update(documents).where(documents.c.seq == old).values(seq=new))
        assert await findings(w) != []


async def test_erasure_leaves_what_keeps_a_record_gone_and_nothing_that_was_said(store_url: str) -> None:
    async with two(store_url) as w:
        w.edit_a(x="erika mustermann")
        await w.g.settle()
        (record,) = await w.g.records()
        async with w.g.database.begin() as tx:
            assert "has not left" in await erasing.hindered(tx, record.id)
        w.g.clock.advance(1)
        w.a.delete(w.ai)
        w.b.delete(w.bi)
        await w.g.settle()
        async with w.g.database.begin() as tx:
            hindered = await erasing.hindered(tx, record.id)
        assert hindered == ""
        number = await held_over(w, Kind.RECORD, record.id)
        async with w.g.database.begin() as tx:
            assert "legal hold" in await erasing.hindered(tx, record.id)
            await holds.release(tx, number, by="ann", reason="settled", now=w.g.clock.now())
        async with w.g.database.begin() as tx:
            assert await erasing.hindered(tx, record.id) == ""
            gone = await erasing.erase(tx, record.id, now=w.g.clock.now(), actor="ann", why="asked to")
        assert gone["versions"] and gone["notices"] and gone["entries"]
        assert "erika" not in await everything(w)
        w.g.decider.cache.forget([record.id])
        await w.g.settle()
        (left,) = await w.g.records()
        assert left.tombstoned_at is not None, "it is still known to have left"


async def test_erasure_reaches_all_that_was_written_about_a_record(store_url: str) -> None:
    async with two(store_url) as w:
        (record,) = await w.g.records()
        w.a.delete(w.ai)
        w.b.delete(w.bi)
        await w.g.settle()
        (number,) = await closed(w, record.id, title="Erika says no", evidence={"value": "Erika"}, object_key="erika")
        async with w.g.database.begin() as tx:
            for table, row in written(record.id, int(number.removeprefix("FO-")), w):
                await tx.execute(insert(table).values(**row))
        assert (await everything(w)).count("erika") >= 12
        async with w.g.database.begin() as tx:
            assert await erasing.hindered(tx, record.id) == ""
            await erasing.erase(tx, record.id, now=w.g.clock.now(), actor="ann", why="asked to")
        assert [line for line in (await everything(w)).splitlines() if "erika" in line] == []


def written(record: str, number: int, w: Two) -> list[tuple[Any, dict[str, Any]]]:
    """A row with a name in each place where people and systems write something about a record."""
    about, said = {"number": number, "at": 0.0}, "Erika Mustermann"
    history = {"name": "retry", "version": 1, "state": "closed", "actor": "ann", "action": "retry", "changed": "[]"}
    asked = {"action": "edit", "requested_by": "ann", "requested_person": "u1", "requested_at": 0.0, "expires_at": 0.0}
    decided = {"expected_version": 1, "state": "agreed", "decided_by": "eve", "decided_person": "u2", "decided_at": 0.0}
    task = {"kind": "ask", "owner": "ann", "state": "done", "made_by": "ann", "made_at": 0.0, "ended_by": "ann"}
    file = {"media_type": "text/plain", "size": 1, "sha256": "", "made_by": "ann", "made_at": 0.0}
    lost = {"flow": w.g.flow.name, "connection": "a", "object_id": w.ai, "field": "x", "reason": "", "source": ""}
    value = {"field": "x", "fver": 99, "source": "a", "notice": "", "mapping": "", "at": 0.0}
    return [
        (case_history, {**about, **history, "choice": said, "reason": said, "proof": said}),
        (
            case_approvals,
            {"id": "p1", "number": number, **asked, **decided, "said": said, "reason": said, "note": said},
        ),
        (case_tasks, {"id": "t1", "number": number, **task, "ended_at": 0.0, "title": said, "note": said}),
        (case_attachments, {"id": "f1", "number": number, **file, "name": "erika.txt", "content": b"erika"}),
        (t.conflict_ledger, {"id": "c1", "record": record, **lost, "value": said, "at": 0.0}),
        (t.field_version, {"record": record, **value, "value": said}),
        (t.remark, {"id": "m1", "flow": w.g.flow.name, "record": record, "said_at": 0.0, "doc": said}),
        (t.former_key, {"connection": "a", "object": "thing", "object_key": "erika@x.org", "object_id": w.ai}),
        (t.reference, {"record": record, "connection": "a", "name": "erika", "flow": w.g.flow.name, "looks": 1}),
    ]


async def test_what_is_not_over_is_not_erased(store_url: str) -> None:
    async with two(store_url) as w:
        (record,) = await w.g.records()
        w.a.delete(w.ai)
        w.b.delete(w.bi)
        await w.g.settle()
        async with w.g.database.begin() as tx:
            mine = update(t.lane).where(t.lane.c.record == record.id)
            for busy, idle in (({"work": True}, {"work": False}), ({"owner": "w1"}, {"owner": ""})):
                await tx.execute(mine.values(**busy))
                assert "still to be closed" in await erasing.hindered(tx, record.id)
                await tx.execute(mine.values(**idle))
            (number,) = (await store.open_cases(tx, [wish(record.id, key="k")], now=w.g.clock.now())).values()
            assert "a case about it is open" in await erasing.hindered(tx, record.id)
            await store.obsolete(tx, ["k"], reason="moot", now=w.g.clock.now())
        await held_over(w, Kind.CASE, number)
        async with w.g.database.begin() as tx:
            assert "one of its cases" in await erasing.hindered(tx, record.id)
            assert await erasing.hindered(tx, "r-none") == "it is not known"


async def test_a_hold_over_a_case_in_the_archive_keeps_the_record_too(store_url: str) -> None:
    async with two(store_url) as w:
        (record,) = await w.g.records()
        w.a.delete(w.ai)
        w.b.delete(w.bi)
        await w.g.settle()
        (number,) = await closed(w, record.id)
        w.g.clock.advance(366 * DAY)
        await forget(w, audit_s=9000 * DAY)
        hold = await held_over(w, Kind.CASE, number)
        async with w.g.database.begin() as tx:
            assert "legal hold" in await erasing.hindered(tx, record.id)
            await holds.release(tx, hold, by="ann", reason="settled", now=w.g.clock.now())
        async with w.g.database.begin() as tx:
            assert await erasing.hindered(tx, record.id) == ""
            await erasing.erase(tx, record.id, now=w.g.clock.now(), actor="ann", why="asked to")
        kept = [(each["name"], each["content"], each["salt"], each["gone"]) for each in await archived(w)]
        assert (number, None, "", "erased") in kept and await findings(w) == []


async def test_erasure_stands_in_the_trail_where_nothing_else_does_any_more(store_url: str) -> None:
    async with two(store_url) as w:
        (record,) = await w.g.records()
        w.a.delete(w.ai)
        w.b.delete(w.bi)
        await w.g.settle()
        await delete_until(w.g.database, w.g.clock.now() + DAY, now=w.g.clock.now(), batch=1000)
        async with w.g.database.begin() as tx:
            await erasing.erase(tx, record.id, now=w.g.clock.now(), actor="ann", why="asked to")
        async with w.g.database.read() as tx:
            rows = await tx.execute(select(audit.c.actor, audit.c.detail).where(audit.c.kind == "erased"))
            ((actor, detail),) = rows
        assert actor == "ann" and record.id in detail and "asked to" in detail


async def everything(w: Two) -> str:
    """All texts of all tables."""
    found = []
    from gateway.storage.schema import PARTS

    async with w.g.database.read() as tx:
        for table in (table for part in PARTS for table in part.sorted_tables):
            found += [str(tuple(row)) for row in await tx.execute(select(table))]
    return "\n".join(found).casefold()
