"""What a decision would write, and where. Computed from what is stored; nothing is read from a system or sent."""

from __future__ import annotations

from typing import Any

from connectors.contract.errors import MappingError
from dead_letter.values import Case
from gateway.storage.database import Database
from gateway.sync.batch import Topology
from gateway.sync.flow import Flow
from gateway.sync.state import RecordState
from gateway.sync.store import load_records

Facts = dict[str, Any]
KEPT = "canonical"
"""The side of a conflict that the record holds now."""


async def resolve_preview(database: Database, topology: Topology, case: Case, side: str, value: Any) -> Facts | None:
    """The value that the field would have, and per system what it shows and what would be written there.

    `side` is one of the case's; empty: `value` is taken. Raises MappingError if a system cannot be given the value.
    None: the record, its flow or the field is not known any more.
    """
    state, flow = await _kept(database, topology, case)
    if state is None or flow is None or case.field not in state.fields:
        return None
    return _preview(state, flow, case, case.field, _wanted(state, flow, case, side, value))


async def value_preview(database: Database, topology: Topology, case: Case, field: str, value: Any) -> Facts | None:
    """As `resolve_preview`, for another value of any field of the case's record."""
    state, flow = await _kept(database, topology, case)
    known = flow is not None and any(field in member.mapping.fields for member in flow.members.values())
    return _preview(state, flow, case, field, value) if state is not None and flow is not None and known else None


async def _kept(database: Database, topology: Topology, case: Case) -> tuple[RecordState | None, Flow | None]:
    async with database.read() as tx:
        state = (await load_records(tx, [case.record])).get(case.record)
    return state, topology.flows.get(case.flow)


def _preview(state: RecordState, flow: Flow, case: Case, field: str, wanted: Any) -> Facts:
    systems = {
        name: _system(state, flow, name, field, wanted)
        for name, member in flow.members.items()
        if field in member.mapping.fields
    }
    known = state.fields.get(field)
    return {
        "number": case.number,
        "field": field,
        "value": wanted,
        "was": known.now.value if known else None,
        "systems": systems,
        "changes": sum(each["written"] for each in systems.values()),
    }


def _wanted(state: RecordState, flow: Flow, case: Case, side: str, value: Any) -> Any:
    if not side:
        return value
    if side != case.connection:
        return state.fields[case.field].now.value
    shadow = state.members[side].shadow[case.field]
    try:
        return flow.members[side].mapping.from_ext(case.field, shadow.ext)
    except MappingError:
        return shadow.ext


def _system(state: RecordState, flow: Flow, name: str, field: str, wanted: Any) -> Facts:
    mapping, held = flow.members[name].mapping, state.members.get(name)
    shadow = held.shadow.get(field) if held else None
    shows = shadow.ext if shadow else None
    then = mapping.norm(field, mapping.to_ext(field, wanted))
    return {"object": (held.key or held.id) if held else "", "shows": shows, "then": then, "written": then != shows}
