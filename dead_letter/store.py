"""Cases in the database: statements over batches inside the caller's transaction, on SQLite and PostgreSQL alike.

Rows are locked in order of their keys before they are changed (on SQLite the write transaction is the lock), so batches
of several workers cannot deadlock here. Relies on READ COMMITTED, PostgreSQL's default: a row that won a race is seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import StorageError
from dead_letter.evidence import Redactor
from dead_letter.grouping import back_in, groups_of, note_closed
from dead_letter.rows import (
    TELLING,
    VENDOR,
    Observation,
    differences,
    dump,
    observe,
    opened_row,
    step_row,
    to_case,
)
from dead_letter.tables import IS_OPEN, case_history, cases
from dead_letter.values import Case, CaseState, Ending, NewCase, Step, format_number, parse_number
from dead_letter.worklist import get_case, group_cases, history, list_cases, open_counts, open_groups

__all__ = [
    "GATEWAY",
    "close_cases",
    "get_case",
    "group_cases",
    "history",
    "list_cases",
    "lock_case",
    "obsolete",
    "obsolete_each",
    "open_cases",
    "open_counts",
    "open_groups",
    "record_decision",
    "record_step",
]

GATEWAY = "lockstep"
"""The actor of what nobody decided."""

_BATCH = 500  # rows per statement: 40 columns each stay below both databases' limit of bound parameters
_PASSES = 8
_PLAIN = Redactor()
NOT_PARKED: Mapping[str, Any] = {"park": "", "park_at": None, "park_count": None}


async def open_cases(
    tx: AsyncConnection, new: Sequence[NewCase], *, now: float, redactor: Redactor = _PLAIN
) -> dict[str, str]:
    """Key -> number. An open case under the key is updated: content and evidence of the latest wish, count, last_seen,
    and a new version if anything that matters differs; one whose retry failed is open again. Where only closed cases
    have the key a new one is opened as `came_back`, linked to the last. Evidence is redacted here, with `redactor`.
    """
    pending = observe(new, redactor)
    numbers: dict[str, str] = {}
    for _ in range(_PASSES):
        if not pending:
            return numbers
        for batch in _batches(list(pending.values())):
            numbers |= await _open_batch(tx, batch, now)
        pending = {key: seen for key, seen in pending.items() if key not in numbers}
    raise StorageError("other workers keep opening and closing the same cases; the decision has to be made again")


async def _open_batch(tx: AsyncConnection, batch: Sequence[Observation], now: float) -> dict[str, str]:
    """Keys left out were opened by another worker between two statements: the next pass finds them."""
    open_now = {row["key"]: row for row in await _lock_open(tx, [seen.key for seen in batch])}
    await _update(tx, [(open_now[seen.key], seen) for seen in batch if seen.key in open_now], now)
    opened = await _insert(tx, [seen for seen in batch if seen.key not in open_now], now)
    return {key: format_number(row["number"]) for key, row in open_now.items()} | opened


async def _insert(tx: AsyncConnection, batch: Sequence[Observation], now: float) -> dict[str, str]:
    if not batch:
        return {}
    former = await _last_closed(tx, [seen.key for seen in batch])
    groups = await groups_of(tx, batch)
    back = await back_in(tx, set(groups.values()))
    rows = []
    for seen in batch:
        before = former.get(seen.key)
        group = groups[seen.key]
        rows.append(opened_row(seen, before or back.get(group), group, now, back=before is not None or group in back))
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    statement = (
        dialect.insert(cases)
        .on_conflict_do_nothing(index_elements=[cases.c.key], index_where=IS_OPEN)
        .returning(cases.c.key, cases.c.number, cases.c.state)
    )
    inserted = (await tx.execute(statement, rows)).all()
    steps = []
    for _, number, state in inserted:
        name = "opened" if state == CaseState.OPEN else "came_back"
        steps.append((number, Step(at=now, name=name, version=1, state=CaseState(state), actor=GATEWAY)))
    await _write_history(tx, steps)
    return {key: format_number(number) for key, number, _ in inserted}


async def _update(tx: AsyncConnection, batch: Sequence[tuple[RowMapping, Observation]], now: float) -> None:
    if not batch:
        return
    values, steps = [], []
    moved = [seen for row, seen in batch if row["fingerprint"] != seen.content["fingerprint"]]
    groups = {seen.key: row["group_key"] for row, seen in batch} | await groups_of(tx, moved)
    for row, seen in batch:
        changed = differences(row, seen)
        # One that was on its way failed: whoever has it goes on having it.
        failed = row["state"] == CaseState.IN_RUN
        state = (CaseState.TAKEN if row["owner"] else CaseState.OPEN) if failed else CaseState(row["state"])
        version = row["version"] + bool(changed)
        values.append(
            {
                **{name: seen.content[name] for name in (*TELLING, *VENDOR)},
                "evidence": dump(seen.evidence),
                "state": state,
                "version": version,
                "count": row["count"] + seen.times,
                "last_seen": now,
                "group_key": groups[seen.key],
                "the_number": row["number"],
            }
        )
        if changed:
            steps.append(
                (
                    row["number"],
                    Step(
                        at=now,
                        name="changed",
                        version=version,
                        state=state,
                        actor=GATEWAY,
                        changed=changed,
                        work=row["work"],
                    ),
                )
            )
    await tx.execute(update(cases).where(cases.c.number == bindparam("the_number")), values)
    await _write_history(tx, steps)


async def close_cases(
    tx: AsyncConnection, keys: Iterable[str], *, decision: Ending, reason: str, actor: str = GATEWAY, now: float
) -> list[str]:
    """Closes what is open under the keys; keys without an open case are passed over. Gives the numbers closed."""
    return await _close(tx, dict.fromkeys(keys, reason), decision, actor, now)


async def obsolete(tx: AsyncConnection, keys: Iterable[str], *, reason: str, now: float) -> list[str]:
    """Closes cases that a newer change made moot; `reason` says which."""
    return await obsolete_each(tx, dict.fromkeys(keys, reason), now=now)


async def obsolete_each(tx: AsyncConnection, reasons: Mapping[str, str], *, now: float) -> list[str]:
    """As `obsolete`, with a reason per key."""
    return await _close(tx, reasons, Ending.OBSOLETE, GATEWAY, now)


async def _close(tx: AsyncConnection, reasons: Mapping[str, str], ending: Ending, actor: str, now: float) -> list[str]:
    closed: list[str] = []
    for batch in _batches(sorted(reasons)):
        rows = await _lock_open(tx, batch)
        if not rows:
            continue
        values = [
            {"the_number": row["number"], "reason": reasons[row["key"]], "version": row["version"] + 1} for row in rows
        ]
        await tx.execute(_closing(ending, actor, now), values)
        steps = []
        for row in rows:
            step = Step(
                at=now,
                name="closed",
                version=row["version"] + 1,
                state=CaseState.CLOSED,
                actor=actor,
                action=ending,
                reason=reasons[row["key"]],
                work=row["work"],
            )
            steps.append((row["number"], step))
        await _write_history(tx, steps)
        closed += [format_number(row["number"]) for row in rows]
    return closed


def _closing(ending: Ending, actor: str, now: float) -> Any:
    return (
        update(cases)
        .where(cases.c.number == bindparam("the_number"))
        .values(
            state=CaseState.CLOSED,
            closed_at=now,
            ending=ending,
            closed_by=actor,
            park="",
            park_at=None,
            park_count=None,
            pending="",
        )
    )


async def record_decision(tx: AsyncConnection, case: Case, step: Step, *, ending: Ending | None) -> None:
    """A person's decision on a case that `lock_case` gave: its new version and state, and the line in its history."""
    number = _number(case.number)
    values: dict[str, Any] = {"version": step.version, "state": step.state, "pending": ""}
    if case.state is CaseState.PARKED and step.state is not CaseState.PARKED:
        values |= NOT_PARKED
    if ending:
        values |= {"closed_at": step.at, "ending": ending, "closed_by": step.actor, "reason": step.reason, **NOT_PARKED}
        await note_closed(tx, case.group, number)
    condition = (cases.c.number == number) & (cases.c.version == case.version)
    result = await tx.execute(update(cases).where(condition).values(values))
    if result.rowcount != 1:
        raise StorageError(f"{case.number} moved while it was locked; the database is not in READ COMMITTED")
    await _write_history(tx, [(number, step)])


async def record_step(tx: AsyncConnection, case: Case, step: Step, values: Mapping[str, Any]) -> None:
    """A step of people's work on a case that `lock_case` gave: it moves the work counter and never the version."""
    number = _number(case.number)
    told = {**values, "work": step.work, "state": step.state}
    await tx.execute(update(cases).where(cases.c.number == number).values(**told))
    await _write_history(tx, [(number, step)])


async def lock_case(tx: AsyncConnection, number: str) -> Case | None:
    """As `get_case`, held against other decisions until the transaction ends."""
    parsed = parse_number(number)
    if parsed is None:
        return None
    query = select(cases).where(cases.c.number == parsed).with_for_update()
    row = (await tx.execute(query)).mappings().first()
    return to_case(row) if row else None


async def _lock_open(tx: AsyncConnection, keys: Sequence[str]) -> Sequence[RowMapping]:
    query = select(cases).where(cases.c.key.in_(keys), IS_OPEN).order_by(cases.c.key).with_for_update()
    return (await tx.execute(query)).mappings().all()


async def _last_closed(tx: AsyncConnection, keys: Sequence[str]) -> dict[str, int]:
    query = select(cases.c.key, func.max(cases.c.number)).where(cases.c.key.in_(keys), ~IS_OPEN).group_by(cases.c.key)
    return {row[0]: row[1] for row in await tx.execute(query)}


async def _write_history(tx: AsyncConnection, steps: Sequence[tuple[int, Step]]) -> None:
    if steps:
        await tx.execute(insert(case_history), [step_row(number, step) for number, step in steps])


def _number(text: str) -> int:
    parsed = parse_number(text)
    if parsed is None:
        raise ValueError(f"{text!r} is not the number of a case")
    return parsed


def _batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]
