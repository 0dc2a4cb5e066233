"""Collects the evidence: logs and objects from the stand-ins, conflict ledger and open cases from the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.demo.comments import FIELD as COMMENTS
from gateway.demo.evidence import CaseRow, Chores, Evidence, Flow, LedgerRow, Side, Thing
from gateway.demo.flows import DUE, STAFF, TASKS, Part
from gateway.demo.stand_ins import StandIn
from gateway.demo.terms import Terms
from gateway.demo.watch import Watch
from gateway.storage.database import Database, loads

_LEDGER = "SELECT record, connection, object_id, field, value, at FROM conflict_ledger"
_LINKS = "SELECT record, connection, object_id FROM link"
_CASES = "SELECT number, cls, cause, record, connection, object_id, field, evidence FROM cases WHERE closed_at IS NULL"

_HOLDS_NOTHING = frozenset({"duplicate"})
"""A second object is a broken promise, whether a case tells of it or not."""


async def evidence(watch: Watch, stand_ins: Mapping[str, StandIn], terms: Terms, database: Database) -> Evidence:
    """Everything the judge needs, as it is now."""
    await watch.read()
    objects = {name: await stand_in.objects() for name, stand_in in stand_ins.items()}

    def side(part: Part, others: Iterable[Part] = ()) -> Side:
        return Side(
            connection=part.connection,
            translator=terms.mappings[part],
            log=tuple(entry for entry in watch.entries[part.home] if part.holds(entry.object, entry.key)),
            objects=tuple(one for one in objects[part.home] if part.holds(one.object, one.key)),
            comment_kinds=terms.comments(part, others),
            made=part.made,
        )

    flows = tuple(Flow(name, tuple(side(part, parts) for part in parts)) for name, parts in terms.flows.items())
    chores = Chores(side(terms.flows[STAFF][0]), side(TASKS), "active", DUE) if terms.chores else None
    async with database.read() as tx:
        ledger, cases = await ledger_and_cases(tx)
    found = Evidence(flows, ledger, cases, chores)
    seen = {id(entry) for one in found.sides for entry in one.log}
    besides = tuple(entry for entries in watch.entries.values() for entry in entries if id(entry) not in seen)
    return replace(found, besides=besides)


async def ledger_and_cases(tx: AsyncConnection) -> tuple[tuple[LedgerRow, ...], tuple[CaseRow, ...]]:
    """What the gateway keeps of values that lost, and what it openly holds."""
    linked: dict[str, set[Thing]] = defaultdict(set)
    for record, connection, number in await tx.execute(text(_LINKS)):
        linked[record].add((connection, number))
    ledger = tuple(_ledger_row(row, linked) for row in (await tx.execute(text(_LEDGER))).mappings())
    cases = [_case_row(row, linked) for row in (await tx.execute(text(_CASES))).mappings()]
    return ledger, tuple(cases)


def _ledger_row(row: Mapping[Any, Any], linked: Mapping[str, set[Thing]]) -> LedgerRow:
    """A row names the object its value was typed on; where it does not, any object of the record will do."""
    named: Iterable[Thing] = (
        [(row["connection"], row["object_id"])] if row["object_id"] else linked.get(row["record"], ())
    )
    return LedgerRow(frozenset(named), row["field"], loads(row["value"]), row["at"])


def _case_row(row: Mapping[Any, Any], linked: Mapping[str, set[Thing]]) -> CaseRow:
    things = set(linked.get(row["record"], ()))
    if row["object_id"]:
        things.add((row["connection"], row["object_id"]))
    return CaseRow(f"FO-{row['number']}", frozenset(things), held_fields(row))


def held_fields(row: Mapping[Any, Any]) -> frozenset[str] | None:
    """What an open case holds: one field, the fields of a window, comments, or (None) all that waits in its lane."""
    if row["cls"] in _HOLDS_NOTHING:
        return frozenset()
    if row["field"]:
        return frozenset({row["field"]})
    if row["cause"].startswith("item."):
        return frozenset({COMMENTS})
    if row["cls"] == "overwrite":
        return frozenset((loads(row["evidence"]) or {}).get("fields", ()))
    return None


async def is_used(database: Database) -> bool:
    """Whether records of another run are in this database."""
    async with database.read() as tx:
        there = await tx.run_sync(lambda connection: inspect(connection).has_table("record"))
        return bool(there) and bool((await tx.execute(text("SELECT count(*) FROM record"))).scalar_one())


async def has_left(database: Database, email: str) -> bool:
    """Whether a departure of this person is in this database: then nothing is given to them any more."""
    query = text("SELECT count(*) FROM leaver_name WHERE kind = 'email' AND value = :email")
    async with database.read() as tx:
        there = await tx.run_sync(lambda connection: inspect(connection).has_table("leaver_name"))
        return bool(there) and bool((await tx.execute(query, {"email": email})).scalar_one())
