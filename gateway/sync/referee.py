"""P8: nothing is given to somebody who has left. Asked in the transaction that would begin a write. Pure.

A record that is the person, or that is nothing without the person (a membership, a right), leaves with them: it gets
the tombstone, however it came to be. In any other record a field that names them goes to the others as their successor,
as nobody, or not before a person decided; a set of people goes without them. What somebody typed stays where they typed
it, and a case tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from connectors.contract.errors import MappingError
from gateway.sync.attempts import Attempt
from gateway.sync.conflict import release
from gateway.sync.departed import NO_MARK, Gone, Index
from gateway.sync.departure import leave
from gateway.sync.flow import Flow
from gateway.sync.identities import Known
from gateway.sync.state import FieldVersion, MemberState
from gateway.sync.unit import Unit

HELD = "person.left"
"""Cause of the case: a field waits for a decision."""
GIVEN = "person.given"
"""Cause of the case: something was given to somebody who has left, and people see to it."""
SOURCE = "departures"
"""Where a value comes from that a departure's rule gave."""
IDENTITIES: Mapping[str, Known] = {
    "email": Known.EMAIL,
    "user_name": Known.USER_NAME,
    "employee_number": Known.EMPLOYEE_NUMBER,
    "login": Known.LOGIN,
}
SIGNS_IN = frozenset({"user_name", "login"})
"""A record type with one of these fields is of people."""

Outward = Callable[[Unit, str, str, FieldVersion], tuple[Any, bool]]


class PersonLeft(MappingError):
    """The value names somebody who has left, and nobody stands in."""

    def __init__(self, field: str, value: object, gone: Gone) -> None:
        super().__init__(field, value)
        self.gone = gone

    def __str__(self) -> str:
        return f"{self.field} names {self.value}, who has left ({self.gone.case}), and nobody is known to take over"


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """Fields of a flow that name people."""

    person: Mapping[str, Known]
    """Of a record that is a person: what it is known by."""
    grants: tuple[str, ...]
    """Of a record that is nothing without the person."""
    users: tuple[str, ...]
    sets: tuple[str, ...]


def names_of(unit: Unit) -> Names:
    """Of the record's flow."""
    return unit.departed.remembered(unit.flow, _names)


def _names(flow: Flow) -> Names:
    rules = {name: rule for member in flow.members.values() for name, rule in member.mapping.fields.items()}
    known = {name: kind for name, kind in IDENTITIES.items() if name in rules} if SIGNS_IN & rules.keys() else {}
    users = [name for name, rule in rules.items() if rule.kind == "user" and name not in known]
    grants = [] if known else [name for name in users if rules[name].required]
    return Names(
        person=known,
        grants=tuple(grants),
        users=tuple(name for name in users if name not in grants),
        sets=tuple(name for name, rule in rules.items() if rule.kind == "set" and rule.personal),
    )


def named(index: Index, value: Any, connection: str = "") -> Gone | None:
    """Whom a value means who has left: by address or user name, and in a system's own terms by login or id, too."""
    found = index.who(Known.EMAIL, value) or index.who(Known.USER_NAME, value)
    if found is None and connection:
        found = index.who(Known.LOGIN, value, connection) or index.who(Known.ACCOUNT, value, connection)
    return found


def successor_of(index: Index, gone: Gone) -> str:
    """Who takes over and has not left; whoever has is asked for theirs. Empty: nobody is known."""
    name, passed = gone.successor, {gone.person}
    while name and (other := named(index, name)) is not None:
        name = "" if other.person in passed else other.successor
        passed.add(other.person)
    return name


def keep_out(unit: Unit) -> None:
    """A record that is of somebody who has left, by whatever it shows, leaves too."""
    if unit.departed.nobody or unit.state.tombstoned_at is not None:
        return
    gone = of_whom(unit)
    if gone is not None:
        leave(unit, "", f"whom it is of has left ({gone.case})")


def of_whom(unit: Unit) -> Gone | None:
    """Whose record it is, if they have left."""
    names, index = names_of(unit), unit.departed
    for name, kind in names.person.items():
        if found := next(filter(None, (_known(index, kind, *said) for said in _said(unit, name))), None):
            return found
    if names.person:
        return next(filter(None, (_object(index, *each) for each in unit.state.members.items())), None)
    said = (each for name in names.grants for each in _said(unit, name))
    return next(filter(None, (named(index, *each) for each in said)), None)


def _said(unit: Unit, name: str) -> Iterator[tuple[Any, str]]:
    """What the record says in a field, and what each system shows in it, with the system."""
    canon = unit.state.fields.get(name)
    if canon is not None:
        yield canon.now.value, ""
    for connection, held in unit.state.members.items():
        shadow = held.shadow.get(name)
        if shadow is not None and shadow.known:
            yield shadow.ext, connection


def _known(index: Index, kind: Known, value: Any, connection: str) -> Gone | None:
    """A user name of one system may be given as a login there."""
    found = index.who(kind, value, connection)
    if found is None and kind is Known.USER_NAME:
        found = index.who(Known.LOGIN, value, connection) if connection else index.who(Known.EMAIL, value)
    return found


def _object(index: Index, connection: str, held: MemberState) -> Gone | None:
    return index.who(Known.ACCOUNT, held.id, connection) or index.who(Known.LOGIN, held.key, connection)


def outward(unit: Unit, connection: str, name: str, version: FieldVersion, plain: Outward) -> tuple[Any, bool]:
    """The external value that may be written for a version, and whether a fallback stands in. Raises PersonLeft."""
    if unit.departed.nobody or name not in _asked(unit):
        return plain(unit, connection, name, version)
    if name in names_of(unit).sets:
        return _without(unit, connection, name, version.value), False
    gone = named(unit.departed, version.value)
    if gone is None:
        ext, stands_in = plain(unit, connection, name, version)
        gone = named(unit.departed, ext, connection)
        if gone is None:
            return ext, stands_in
    return _instead(unit, connection, name, version.value, gone), False


def _asked(unit: Unit) -> tuple[str, ...]:
    names = names_of(unit)
    return (*names.users, *names.grants, *names.sets)


def _instead(unit: Unit, connection: str, name: str, value: Any, gone: Gone) -> Any:
    mapping, shadow = unit.member(connection).mapping, unit.held(connection).shadow.get(name)
    if shadow is not None and shadow.known and named(unit.departed, shadow.ext, connection) == gone:
        return shadow.ext  # the system has it so itself: that is a departure's to end
    successor = successor_of(unit.departed, gone)
    if successor:
        ext = mapping.to_ext(name, successor)
        if named(unit.departed, ext, connection) is None:
            return ext
    if unit.assignments.without == "nobody" and not mapping.fields[name].required:
        return mapping.to_ext(name, None)
    raise PersonLeft(name, value, gone)


def _without(unit: Unit, connection: str, name: str, value: Any) -> Any:
    """The set without those who have left, but for whom the system has there itself: that is a departure's to end."""
    mapping, shadow = unit.member(connection).mapping, unit.held(connection).shadow.get(name)
    shown = set(mapping.from_ext(name, shadow.ext) or ()) if shadow is not None and shadow.known else set()
    return mapping.to_ext(name, [each for each in value or () if each in shown or not _out(unit, connection, each)])


def _out(unit: Unit, connection: str, element: Any) -> bool:
    return named(unit.departed, element, connection) is not None


def companions(unit: Unit, connection: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as what is sent along with a field may show it: without those who have left."""
    if unit.departed.nobody:
        return dict(record)
    found = dict(record)
    for name in _asked(unit):
        value = found.get(name)
        if isinstance(value, (list, tuple)):
            found[name] = [each for each in value if not _out(unit, connection, each)]
        elif (gone := named(unit.departed, value)) is not None:
            found[name] = successor_of(unit.departed, gone) or None
    return found


def after_decisions(unit: Unit) -> None:
    """What the decisions of this transaction made of the record: it leaves, a case tells of what was given to somebody,
    and what waited for a decision goes on.
    """
    if unit.departed.mark == NO_MARK:
        return
    keep_out(unit)
    if unit.state.tombstoned_at is not None:
        return
    for name in names_of(unit).users:
        canon = unit.state.fields.get(name)
        if canon is None:
            continue
        gone = named(unit.departed, canon.now.value)
        if canon.now.rev == unit.state.rev + 1:
            _told(unit, name, canon.now, gone)
        if named(unit.departed, canon.now.value) is None:
            _let_go(unit, name)


def _told(unit: Unit, name: str, version: FieldVersion, gone: Gone | None) -> None:
    """A version that was decided in this transaction."""
    if gone is None:
        unit.moot(_key(unit, version.source, name), "somebody else has it now")
        return
    if version.source not in unit.flow.members:
        return
    successor = successor_of(unit.departed, gone)
    if unit.assignments.undo and successor:
        unit.lost(version.source, name, version.value, "who is named has left")
        unit.decide(name, successor, SOURCE, (unit.now, unit.now))
        unit.audit("departed_replaced", version.source, field=name, case=gone.case)
        return
    _tell(unit, version.source, name, version.value, gone, "was given")


def landed(unit: Unit, attempt: Attempt) -> None:
    """A write of ours took effect that had begun before the person left: what it gave is a departure's to end."""
    if unit.departed.nobody or attempt.closing:
        return
    for name in _asked(unit):
        sent = attempt.fields.get(name)
        values = sent.ext if sent is not None and isinstance(sent.ext, list) else [sent.ext if sent else None]
        if gone := next(filter(None, (named(unit.departed, each, attempt.connection) for each in values)), None):
            _tell(unit, attempt.connection, name, sent.ext if sent else None, gone, "was given by us, meanwhile,")


def _tell(unit: Unit, connection: str, name: str, value: Any, gone: Gone, how: str) -> None:
    what = unit.called(connection) or unit.state.id
    unit.case(
        "mapping",
        GIVEN,
        f"{what} in {connection} {how} to {value}, who has left ({gone.case})",
        connection=connection,
        name=name,
        key=_key(unit, connection, name),
        evidence={"value": value, "departure": gone.case, "left_at": gone.since, "successor": gone.successor},
    )


def _key(unit: Unit, connection: str, name: str) -> str:
    return f"{GIVEN}:{unit.state.id}:{connection}:{name}"


def hold(unit: Unit, connection: str, error: PersonLeft) -> str:
    """The case that keeps the field from this system until somebody decides."""
    gone = error.gone
    return unit.case(
        "mapping",
        HELD,
        str(error),
        connection=connection,
        name=error.field,
        key=_held(unit, connection, error.field),
        evidence={"value": error.value, "departure": gone.case, "left_at": gone.since},
    )


def _held(unit: Unit, connection: str, name: str) -> str:
    return f"{HELD}:{unit.state.id}:{connection}:{name}"


def _let_go(unit: Unit, name: str) -> None:
    for connection, held in unit.state.members.items():
        shadow = held.shadow.get(name)
        if shadow is not None and shadow.held == _held(unit, connection, name):
            release(unit, connection, name, "it names nobody who has left")
            lane = unit.lane(connection)
            lane.dirty, lane.dirty_since = True, unit.now
