"""The value that identifies a thing in all systems, where a flow has one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.values import Change
from gateway.sync import store, undecided
from gateway.sync.bounds import NATURAL, digest
from gateway.sync.flow import Flow, Member
from gateway.sync.unit import Unit


def canonical(member: Member, change: Change) -> dict[str, Any]:
    """What a snapshot says in canonical terms; values the mapping does not know are left out."""
    return undecided.understood(member, change)[0]


def unclaimed(unit: Unit) -> str:
    """The natural key that this transaction gave to a record without one."""
    canon = unit.state.fields.get(unit.flow.natural or "")
    if unit.state.natural or canon is None or canon.now.rev != unit.state.rev + 1 or canon.now.value in (None, ""):
        return ""
    return digest(str(canon.now.value), NATURAL)


async def claim(tx: AsyncConnection, units: Mapping[str, Unit]) -> None:
    """Records whose natural key became known take it. If another record has it, a person must join the two."""
    nameless = {record: key for record, unit in units.items() if (key := unclaimed(unit))}
    if not nameless:
        return
    owners = await store.natural_records(tx, set(nameless.values()))
    for record, key in nameless.items():
        unit = units[record]
        owner = owners.setdefault((unit.flow.name, key), record)
        if owner == record:
            unit.state.natural = key
            continue
        title = f"{unit.flow.natural} {key!r} names two records: one thing twice, or one of them is named wrongly"
        found = {"natural": key, "other_record": owner}
        unit.case("duplicate", "object.duplicate", title, key=f"duplicate:{record}:{owner}", evidence=found)


def natural_key(flow: Flow, change: Change) -> str | None:
    """The value that identifies the thing everywhere, as this snapshot shows it."""
    if flow.natural is None or not change.snapshot.raw:
        return None
    value = canonical(flow.members[change.connection], change).get(flow.natural)
    return None if value in (None, "") else digest(str(value), NATURAL)
