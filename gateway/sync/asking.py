"""Questions about a record that its values leave open: a case says so once, until it can be decided."""

from __future__ import annotations

from connectors.contract.written.conditions import Condition
from gateway.sync import undecided
from gateway.sync.state import LinkState
from gateway.sync.undecided import Undecided
from gateway.sync.unit import Unit


def holds(unit: Unit, key: str, condition: Condition | None, what: str) -> bool:
    """A condition that cannot be decided does not hold. `what`: the question, with `{}` for the key."""
    answer = True if condition is None else undecided.judge(condition, unit.state.values(), {})
    if isinstance(answer, Undecided):
        ask(unit, key, what, answer)
        return False
    if condition is not None:
        answered(unit, key)
    return answer


def ask(unit: Unit, key: str, what: str, why: Undecided) -> None:
    """Opens the case, unless it says this already."""
    state = unit.state
    if state.undecided.get(key) == why.reason:
        return
    state.undecided[key] = why.reason
    unit.case(
        "mapping",
        "condition.undecided",
        f"{what.format(key)} cannot be decided: {why.reason}",
        connection=home(unit),
        key=case_key(state.id, key),
        evidence=why.evidence(),
    )


def answered(unit: Unit, key: str) -> None:
    """It can be decided now."""
    if unit.state.undecided.pop(key, None) is not None:
        unit.moot(case_key(unit.state.id, key), "it can be decided now")


def case_key(record: str, key: str) -> str:
    """Key of the case about such a question."""
    return f"mapping:{record}:tasks:{key}"


def home(unit: Unit) -> str:
    """Where the record can be looked at: a retry of the case reads it there."""
    linked = (name for name, held in unit.state.members.items() if held.link is LinkState.PRIMARY)
    return next(linked, next(iter(unit.flow.members)))
