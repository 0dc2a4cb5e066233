"""Rule 13: whether a system keeps what it is given. A write that is answered as done proves nothing about a field that
the answer does not show; what shows it, or shows that it was dropped, is looked for here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.contract.values import Receipt, Snapshot
from gateway.sync.attempts import Attempt, Seen
from gateway.sync.gap import unseen
from gateway.sync.state import NEVER, Shadow
from gateway.sync.unit import Unit

TIMES = 3
"""So many writes stored otherwise than sent, or whole reads without the field, and a person is asked."""

Exts = Mapping[str, Any]


def stored(unit: Unit, connection: str, attempt: Attempt, receipt: Receipt, seen: Seen | None) -> dict[str, Any]:
    """What the target holds now of the fields sent: by its answer, else by a read-back that proves that a field stayed
    as it was, else by the declared normalisers.
    """
    mapping = unit.member(connection).mapping
    shown = _unchanged(unit, connection, attempt, seen)
    if receipt.snapshot is not None:
        shown |= mapping.read(receipt.snapshot.raw)
    return {name: shown.get(name, mapping.norm(name, sent.ext)) for name, sent in attempt.fields.items()}


def _unchanged(unit: Unit, connection: str, attempt: Attempt, seen: Seen | None) -> dict[str, Any]:
    """Fields that look as before our write, and that nobody changed since by the history: neither we nor somebody who
    took our value back. Without a history the two cannot be told apart, and rule 23 decides.
    """
    if seen is None or seen.snapshot is None or not seen.snapshot.exists or seen.history is None:
        return {}
    member, told = unit.member(connection), unit.held(connection).told
    newer = unseen(seen.history, member, attempt.base, attempt.base_at, told, attempt.pre)
    read = member.mapping.history
    touched = {name for entry in newer for name in (*read(entry.before), *read(entry.after))}
    shown = member.mapping.read(seen.snapshot.raw)
    return {
        name: shown[name]
        for name in attempt.fields
        if name in shown and name not in touched and shown[name] == attempt.pre.get(name)
    }


def differs(unit: Unit, connection: str, name: str, *, sent: Any, found: Any, before: Any) -> None:
    """Counts a write that was stored otherwise than sent; the last one holds the field in this system by a case."""
    shadow = unit.shadow(connection, name)
    shadow.mismatches += 1
    if shadow.mismatches < TIMES:
        return
    if found == before:
        _hold(unit, connection, name, sent, found, f"{shadow.mismatches} writes changed nothing")
        return
    shadow.held = unit.case(
        "refused",
        "target.normalises",
        f"{connection} stores {name} differently than it was sent; declare how in the mapping",
        connection=connection,
        name=name,
        evidence={"sent": sent, "stored": found},
    )


def confirmed(unit: Unit, connection: str, name: str) -> None:
    """A write is stored as it was sent, as far as its answer tells. What was never shown is looked for once more
    before a retry counts as having worked.
    """
    shadow = unit.shadow(connection, name)
    if shadow.absent:
        _read_again(unit, connection)
        return
    unit.worked(shadow.asked)
    shadow.asked = ""


def look(unit: Unit, connection: str, snapshot: Snapshot, exts: Exts) -> None:
    """Looks for the fields that we wrote in a whole picture of the object, taken after the write."""
    if snapshot.partial or not snapshot.exists:
        return
    mapping = unit.member(connection).mapping
    for name, shadow in unit.held(connection).shadow.items():
        if name in exts:
            if shadow.absent:
                shadow.absent = 0
                unit.worked(shadow.asked)
                shadow.asked = ""
        elif _expected(shadow) and name in mapping.fields and mapping.fields[name].readable:
            _absent(unit, connection, name, shadow)


def _expected(shadow: Shadow) -> bool:
    """Whether our own write should show. An empty value may be shown by leaving the field out."""
    return bool(shadow.wrote) and shadow.known and shadow.carried != NEVER and shadow.ext not in (None, [])


def _absent(unit: Unit, connection: str, name: str, shadow: Shadow) -> None:
    shadow.absent += 1
    if shadow.absent < TIMES:
        _read_again(unit, connection)
        return
    sent = shadow.ext
    shadow.ext, shadow.carried = None, NEVER
    _hold(unit, connection, name, sent, None, f"no read shows it ({shadow.absent} tried)")


def _read_again(unit: Unit, connection: str) -> None:
    unit.held(connection).hint_rev = unit.state.rev + 1
    unit.lane(connection).read_wanted = True


def _hold(unit: Unit, connection: str, name: str, sent: Any, shown: Any, proof: str) -> None:
    unit.shadow(connection, name).held = unit.case(
        "refused",
        "field.not_kept",
        f"{connection} takes {name} and does not keep it: {proof}",
        connection=connection,
        name=name,
        evidence={"sent": sent, "shown": shown},
    )
