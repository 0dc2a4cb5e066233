"""Rule 23: a field that keeps changing although no person edits it is left alone, and a person is asked.

What can be told: a change is ours (the author, or the very version our write made), or it answers our own write of that
field at once, again and again with the same value. Nobody's name says whether a machine bears it (ADR 0032).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.sync.state import NEVER, FieldState, Flip
from gateway.sync.unit import Unit

ANSWERS_WITHIN_S = 10.0
"""A change of a field this soon after our own write of it may be a rule's answer; a later one is a person's."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A canonical value that one system brings and no other has. `by`: the epoch second (our clock) by which it was
    typed.
    """

    connection: str
    field: str
    value: Any
    by: float
    actor: str = ""
    ours: bool = False
    """Proved: what our own write made of the value, in the system, without anybody else."""
    version: int | None = None


def flaps(unit: Unit, seen: Sighting) -> bool:
    """Counts a change that no person made; one that a person made ends the count.

    True: it was one too many. The value is in the ledger, the field is held in this system by a case, and the caller
    leaves the canonical value as it is.
    """
    canon, shadow = unit.state.fields[seen.field], unit.shadow(seen.connection, seen.field)
    if not seen.ours:
        if not shadow.wrote or seen.by > shadow.wrote + ANSWERS_WITHIN_S:
            canon.flips.clear()
            return False
        if canon.now.source == seen.connection:
            return False  # our write was answered already; this is more of the same
    _count(canon, seen)
    if sum(flip.times for flip in canon.flips.values()) <= len(unit.flow.members) + 1:
        return False
    shadow.held = _ask(unit, canon, seen)
    shadow.carried = NEVER
    unit.lost(seen.connection, seen.field, seen.value, "flips without a person", version=seen.version)
    return True


def reset(unit: Unit, name: str) -> None:
    """A person decided about the field: the count begins anew."""
    if name in unit.state.fields:
        unit.state.fields[name].flips.clear()


def _count(canon: FieldState, seen: Sighting) -> None:
    """Somebody new, or a new value, is a person until the same comes again."""
    before = canon.flips.get(seen.connection)
    again = before is not None and before.value == seen.value and _same(before.actor, seen.actor)
    if before is not None and not again and not seen.ours:
        canon.flips.clear()
    times = before.times + 1 if before is not None and (again or seen.ours) else int(seen.ours)
    actor = seen.actor or (before.actor if before is not None and again else "")
    canon.flips[seen.connection] = Flip(seen.value, actor, times)


def _same(one: str, other: str) -> bool:
    return not one or not other or one == other


def _ask(unit: Unit, canon: FieldState, seen: Sighting) -> str:
    return unit.case(
        "conflict",
        "conflict.flapping",
        f"{seen.field} flips to and fro without anybody editing it; {seen.connection} answers each of our writes",
        connection=seen.connection,
        name=seen.field,
        evidence={
            "sides": {"canonical": canon.now.value, seen.connection: seen.value},
            "canonical_from": canon.now.source,
            "answers": [
                {"connection": connection, "value": flip.value, "actor": flip.actor, "times": flip.times}
                for connection, flip in canon.flips.items()
            ],
        },
    )
