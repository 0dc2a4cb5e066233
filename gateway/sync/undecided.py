"""Conditions of a flow that cannot be decided for an object: a case with the expression and the values, and until then
the object is not selected. A later notice of the object, or a retry of the case, decides anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.contract.errors import MappingError
from connectors.contract.values import Change
from dead_letter.values import CaseClass, NewCase
from gateway.sync.flow import Condition, Flow, Member
from gateway.sync.unit import Unit

CAUSE = "condition.undecided"


@dataclass(frozen=True, slots=True)
class Undecided:
    """Why, and what the condition looked at: canonical values, or what the system shows where the mapping does not
    know it.
    """

    condition: str
    reason: str
    values: Mapping[str, Any]

    def evidence(self) -> dict[str, Any]:
        """For the case."""
        return {"condition": self.condition, "reason": self.reason, "values": dict(self.values)}


def judge(condition: Condition, values: Mapping[str, Any], unread: Mapping[str, MappingError]) -> bool | Undecided:
    """The condition's answer. A field that it names and that the mapping could not read leaves it undecided, because
    an empty field might have been decided the other way.
    """
    named = sorted(getattr(condition, "mentions", ()))
    text = str(getattr(condition, "text", "where"))
    lacking = {name: unread[name] for name in named if name in unread}
    if lacking:
        shown = {name: error.value for name, error in lacking.items()}
        return Undecided(text, "; ".join(map(str, lacking.values())), shown)
    try:
        return condition(values)
    except MappingError as error:
        return Undecided(text, str(error), {name: values.get(name) for name in named})


def selects(flow: Flow, change: Change) -> bool | Undecided:
    """Whether the flow's filter lets this object begin a record."""
    member = flow.members[change.connection]
    return True if member.where is None else judge(member.where, *understood(member, change))


def understood(member: Member, change: Change) -> tuple[dict[str, Any], dict[str, MappingError]]:
    """What a snapshot says in canonical terms, and the fields whose values the mapping does not know."""
    values: dict[str, Any] = {}
    unread: dict[str, MappingError] = {}
    for name, ext in member.mapping.read(change.snapshot.raw).items():
        try:
            values[name] = member.mapping.from_ext(name, ext)
        except MappingError as error:
            unread[name] = error
    return values, unread


def filter_key(flow: Flow, change: Change) -> str:
    """Key of the case about the filter."""
    return f"mapping:{flow.name}:{change.connection}:{change.snapshot.id}:where"


def filter_case(flow: Flow, change: Change, why: Undecided, notice: str) -> NewCase:
    """The case of an object whose selection cannot be decided. Retrying it reads the object again."""
    thing = change.snapshot.key or change.snapshot.id
    return NewCase(
        key=filter_key(flow, change),
        cls=CaseClass.MAPPING,
        cause=CAUSE,
        title=f"whether flow {flow.name} takes {thing} of {change.connection} cannot be decided: {why.reason}",
        flow=flow.name,
        connection=change.connection,
        object=change.snapshot.object,
        object_id=change.snapshot.id,
        object_key=change.snapshot.key,
        evidence={**why.evidence(), "notice": notice},
        fingerprint=f"{CAUSE}:{flow.name}:{change.connection}:{why.condition}",
    )


def creates(unit: Unit, connection: str, when: Condition) -> bool:
    """Whether the object is made now. The case is asked for once, not with every decision on the record."""
    answer, held, key = judge(when, unit.state.values(), {}), unit.held(connection), create_key(unit, connection)
    if not isinstance(answer, Undecided):
        if held.undecided:
            held.undecided = ""
            unit.moot(key, "the condition can be decided now")
        return answer
    if held.undecided != answer.reason:
        held.undecided = answer.reason
        title = f"whether the record is made in {connection} cannot be decided: {answer.reason}"
        unit.case("mapping", CAUSE, title, connection=connection, key=key, evidence=answer.evidence())
    return False


def create_key(unit: Unit, connection: str) -> str:
    """Key of the case about `create.when`."""
    return f"mapping:{unit.state.id}:{connection}:create"
