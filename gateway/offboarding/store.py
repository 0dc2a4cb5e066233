"""Rows of departures. The transaction is a parameter. Whoever changes anything of a departure takes its row first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
import orjson
from sqlalchemy import RowMapping, Select, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.core.ids import new_id
from gateway.offboarding import tables as t
from gateway.offboarding.values import (
    Event,
    Evidence,
    EvidenceKind,
    Leaver,
    LeaverDoc,
    LeaverState,
    Place,
    Step,
    StepDoc,
    StepState,
    SystemDoc,
    SystemState,
)
from gateway.storage.database import insert, insert_all

T = TypeVar("T")
MOST_NAME = 300


def encode(value: Any) -> str:
    """A struct as a column keeps it."""
    return msgspec.json.encode(value).decode()


def canonical(value: Any) -> str:
    """One spelling for one value: sorted keys, no spaces."""
    return orjson.dumps(msgspec.to_builtins(value, str_keys=True), option=orjson.OPT_SORT_KEYS).decode()


def digest_of(content: str) -> str:
    """SHA-256, as hex digits."""
    return sha256(content.encode()).hexdigest()


def folded(value: str) -> str:
    """As names are compared."""
    return value.strip().casefold()[:MOST_NAME]


async def insert_leaver(tx: AsyncConnection, new: Leaver, names: Iterable[tuple[str, str]]) -> int:
    """Gives the number. IntegrityError: the person has this period already."""
    values = _columns(new)
    del values["number"]
    number = (await tx.execute(t.leaver.insert().values(**values).returning(t.leaver.c.number))).scalar_one()
    await add_names(tx, number, names)
    return int(number)


async def add_names(tx: AsyncConnection, number: int, names: Iterable[tuple[str, str]]) -> None:
    """By what else the person is found again."""
    found = {(kind, folded(value)) for kind, value in names if value.strip()}
    rows = [{"kind": kind, "value": value, "number": number} for kind, value in sorted(found)]
    if rows:
        await tx.execute(insert(tx, t.leaver_name).on_conflict_do_nothing(), rows)


async def numbers_of(tx: AsyncConnection, names: Iterable[tuple[str, str]]) -> dict[int, set[str]]:
    """Departures that any of these names is known of -> the kinds of those."""
    found: dict[int, set[str]] = {}
    row = t.leaver_name.c
    for kind, value in names:
        if not value.strip():
            continue
        query = select(row.number).where(row.kind == kind, row.value == folded(value))
        for (number,) in await tx.execute(query):
            found.setdefault(number, set()).add(kind)
    return found


async def take(tx: AsyncConnection, number: int) -> Leaver | None:
    """The row, locked until the transaction ends: nobody else changes anything of the departure meanwhile."""
    found = (await tx.execute(select(t.leaver).where(t.leaver.c.number == number).with_for_update())).mappings()
    row = found.first()
    return None if row is None else _leaver(row)


async def get(tx: AsyncConnection, number: int) -> Leaver | None:
    """The row as it is."""
    row = (await tx.execute(select(t.leaver).where(t.leaver.c.number == number))).mappings().first()
    return None if row is None else _leaver(row)


async def listed(tx: AsyncConnection, query: Select[Any]) -> list[Leaver]:
    """Rows of a query over the whole table."""
    return [_leaver(row) for row in (await tx.execute(query)).mappings()]


async def of_person(tx: AsyncConnection, numbers: Collection[int]) -> list[Leaver]:
    """Those with these numbers, the newest first."""
    if not numbers:
        return []
    query = select(t.leaver).where(t.leaver.c.number.in_(list(numbers))).order_by(t.leaver.c.number.desc())
    return await listed(tx, query)


async def asked_about(tx: AsyncConnection, person: str) -> bool:
    """Whether the person has a departure that was neither withdrawn nor ended by a return."""
    row, over = t.leaver.c, (LeaverState.CANCELLED, LeaverState.RETURNED)
    query = select(row.number).where(row.person == person, row.state.not_in(over)).limit(1)
    return (await tx.execute(query)).first() is not None


async def periods_of(tx: AsyncConnection, person: str) -> set[str]:
    """Those that a person has rows of."""
    query = select(t.leaver.c.period).where(t.leaver.c.person == person)
    return {period for (period,) in await tx.execute(query)}


async def save(tx: AsyncConnection, leaver: Leaver) -> None:
    """All columns, of a row that was taken."""
    values = _columns(leaver)
    await tx.execute(update(t.leaver).where(t.leaver.c.number == values.pop("number")).values(**values))


def _columns(leaver: Leaver) -> dict[str, Any]:
    values = {name: getattr(leaver, name) for name in Leaver.__struct_fields__}
    return values | {"kind": str(leaver.kind), "state": str(leaver.state), "doc": encode(leaver.doc)}


def _leaver(row: RowMapping) -> Leaver:
    values = dict(row) | {
        "kind": Event(row["kind"]),
        "state": LeaverState(row["state"]),
        "doc": msgspec.json.decode(row["doc"], type=LeaverDoc),
    }
    return Leaver(**values)


async def insert_places(tx: AsyncConnection, places: Sequence[Place]) -> None:
    """New ones; those that are there stay as they are."""
    if places:
        rows = [_place_columns(each) for each in places]
        await tx.execute(insert(tx, t.leaver_system).on_conflict_do_nothing(), rows)


async def save_place(tx: AsyncConnection, place: Place) -> None:
    """All columns, of a departure that was taken; its version grows."""
    place.version += 1
    values = _place_columns(place)
    mine = _of(values.pop("number"), values.pop("connection"))
    await tx.execute(update(t.leaver_system).where(mine).values(**values))


async def lease(tx: AsyncConnection, place: Place, until: float) -> None:
    """Only that, of a departure that was taken; its version stays."""
    mine = _of(place.number, place.connection)
    await tx.execute(update(t.leaver_system).where(mine).values(lease_until=until))


def _of(number: int, connection: str) -> Any:
    return and_(t.leaver_system.c.number == number, t.leaver_system.c.connection == connection)


async def place_of(tx: AsyncConnection, number: int, connection: str) -> Place | None:
    """One person in one system."""
    row = (await tx.execute(select(t.leaver_system).where(_of(number, connection)))).mappings().first()
    return None if row is None else _place(row)


async def places_of(tx: AsyncConnection, numbers: Collection[int]) -> list[Place]:
    """All of some departures, by number and name."""
    row = t.leaver_system.c
    query = select(t.leaver_system).where(row.number.in_(list(numbers))).order_by(row.number, row.connection)
    return [_place(each) for each in (await tx.execute(query)).mappings()] if numbers else []


async def due_places(
    tx: AsyncConnection, now: float, worker: str, limit: int, *, without: Collection[str] = ()
) -> list[Place]:
    """Those that a worker should come by for now: who is wanted at once first, then the privileged, then by deadline.
    `without`: systems in which it has no hand free.
    """
    row = t.leaver_system.c
    free = or_(row.owner.in_(["", worker]), row.lease_until < now)
    query = select(t.leaver_system).join(t.leaver, t.leaver.c.number == row.number).where(row.next_at <= now, free)
    query = query.where(row.connection.not_in(sorted(without))) if without else query
    query = query.order_by(t.leaver.c.urgent.desc(), row.privileged.desc(), row.due_at, row.number).limit(limit)
    return [_place(each) for each in (await tx.execute(query)).mappings()]


def _place_columns(place: Place) -> dict[str, Any]:
    values = {name: getattr(place, name) for name in Place.__struct_fields__}
    return values | {"state": str(place.state), "doc": encode(place.doc)}


def _place(row: RowMapping) -> Place:
    doc = msgspec.json.decode(row["doc"], type=SystemDoc)
    return Place(**(dict(row) | {"state": SystemState(row["state"]), "doc": doc}))


async def steps_of(tx: AsyncConnection, numbers: Collection[int], connection: str | None = None) -> list[Step]:
    """In their order."""
    row = t.leaver_step.c
    query = select(t.leaver_step).where(row.number.in_(list(numbers)))
    if connection is not None:
        query = query.where(row.connection == connection)
    query = query.order_by(row.number, row.connection, row.place, row.id)
    return [_step(each) for each in (await tx.execute(query)).mappings()] if numbers else []


async def save_steps(tx: AsyncConnection, steps: Sequence[Step]) -> None:
    """New ones, and those that are there as they are now."""
    if not steps:
        return
    statement = insert(tx, t.leaver_step)
    names = [name for name in Step.__struct_fields__ if name not in ("id", "number", "connection")]
    put = {name: statement.excluded[name] for name in names}
    rows = [_step_columns(each) for each in steps]
    await tx.execute(statement.on_conflict_do_update(index_elements=["id"], set_=put), rows)


def _step_columns(step: Step) -> dict[str, Any]:
    values = {name: getattr(step, name) for name in Step.__struct_fields__}
    return values | {"state": str(step.state), "doc": encode(step.doc)}


def _step(row: RowMapping) -> Step:
    doc = msgspec.json.decode(row["doc"], type=StepDoc)
    return Step(**(dict(row) | {"state": StepState(row["state"]), "doc": doc}))


async def add_evidence(
    tx: AsyncConnection, at: float, kind: EvidenceKind, content: Any, *, number: int, connection: str, step: str = ""
) -> str:
    """Gives its id."""
    text = canonical(content)
    row = {"id": new_id("ev", at=at), "number": number, "connection": connection, "step": step, "at": at}
    await insert_all(tx, t.leaver_evidence, [row | {"kind": str(kind), "digest": digest_of(text), "content": text}])
    return str(row["id"])


async def evidence_of(tx: AsyncConnection, number: int, step: str | None = None) -> list[Evidence]:
    """In the order in which it was found."""
    row = t.leaver_evidence.c
    query = select(t.leaver_evidence).where(row.number == number).order_by(row.at, row.id)
    query = query if step is None else query.where(row.step == step)
    return [
        Evidence(**(dict(each) | {"kind": EvidenceKind(each["kind"]), "content": orjson.loads(each["content"])}))
        for each in (await tx.execute(query)).mappings()
    ]


async def history_of(tx: AsyncConnection, number: int) -> list[dict[str, Any]]:
    """What happened, in order."""
    row = t.leaver_history.c
    query = select(t.leaver_history).where(row.number == number).order_by(row.at, row.id)
    return [dict(each) for each in (await tx.execute(query)).mappings()]


async def tally(tx: AsyncConnection, now: float) -> dict[str, float | int | None]:
    """How many are open, past due, and when the next one falls due; of those whose time has come or will."""
    row = t.leaver.c
    still = and_(row.closed_at.is_(None), row.done_at.is_(None))
    past = and_(still, row.due_at < now)
    query = select(
        func.count().filter(still).label("open"),
        func.count().filter(past).label("past_due"),
        func.count().filter(and_(past, row.privileged)).label("privileged"),
        func.min(row.due_at).filter(and_(still, row.due_at >= now)).label("next_due_at"),
    ).where(row.closed_at.is_(None))
    return dict((await tx.execute(query)).mappings().one())
