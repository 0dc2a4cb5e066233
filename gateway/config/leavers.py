"""`leavers:` of `lockstep.yaml`: who tells that somebody leaves, what ends where until when, what a role has."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from connectors.contract.access import GrantKind
from connectors.contract.written.conditions import Condition, check_condition, compile_condition
from connectors.contract.written.edge import Strict
from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem, nearest
from connectors.contract.written.units import Duration
from gateway.config.hours import Zone
from gateway.config.leaver_guard import (
    Assignments,
    AssignmentsModel,
    Guard,
    GuardModel,
    assignments_of,
    check_guard,
    guard_of,
)
from mappings.model import Name, TypeFile

At = tuple[str | int, ...]
PersonField = Literal[
    "name", "email", "user_name", "employee_number", "title", "department", "manager", "location", "ends", "starts"
]
EventName = Literal["leaver", "mover", "absence"]
SystemName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=40)]
DAY_S = 86400.0


def _pattern(text: str) -> str:
    kind, colon, name = text.partition(":")
    if kind not in set(GrantKind) or not colon or not name.strip():
        raise ValueError(f"this should say what is meant and its name; try 'group:Finance' ({', '.join(GrantKind)})")
    return text


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Pattern = Annotated[str, AfterValidator(_pattern)]
Texts = Annotated[list[str], BeforeValidator(_listed, json_schema_input_type=str | list[str])]


class PlaceZonesModel(Strict):
    """In which zone somebody's last day ends."""

    field: Name = Field(description="A field of the record: the name of a zone, or one of `of`.")
    of: dict[str, Zone] = Field(default={}, description="What the field says -> zone: `Berlin: Europe/Berlin`.")


class LeaverSourceModel(Strict):
    """Records of a flow that tell who works here, and until when."""

    flow: Name
    when: str | None = Field(
        default=None,
        description="CEL condition over `record`: the person leaves. Default: it has left, or tells a last day.",
    )
    ends: Name | None = Field(default=None, description="Field with the last day. Default: `ends`, where there is one.")
    absent: str | None = Field(default=None, description="CEL condition over `record`: accounts are off meanwhile.")
    moves: list[Name] | None = Field(
        default=None, description="Fields that make up the role. Default: `title` and `department`."
    )
    zone: PlaceZonesModel | None = None
    fields: dict[PersonField, Name] = Field(
        default={}, description="What is called otherwise in this record type: `employee_number: staff_id`."
    )


class DueModel(Strict):
    """How long after the moment it counts from something may still be there."""

    usual: Duration = Field(default=4 * 3600.0, description="Of an account or a grant.", gt=0)
    privileged: Duration = Field(
        default=3600.0, description="Where the account or the grant is privileged.", gt=0, validate_default=False
    )


class LeaverSystemModel(Strict):
    """What is different for one connection."""

    due: DueModel | None = None
    hand_over_first: bool = Field(
        default=False, description="Open work is handed over before the account is switched off, not after it."
    )
    look_by_hand: list[GrantKind] = Field(
        default=[], description="What the system has and does not show us, and a person looks at: `[token]`."
    )


class ByHandModel(Strict):
    """A system that no connector reaches."""

    owner: str = Field(min_length=1, max_length=100, description="Who does it.")
    instruction: str = Field(min_length=1, max_length=2000, description="What is to be done there.")
    due: Duration = Field(default=DAY_S, description="After the moment it counts from.", gt=0, validate_default=False)
    on: list[EventName] = Field(default=["leaver"], min_length=1)


class SuccessorModel(Strict):
    """Who gets open work."""

    by: Literal["manager", "nobody"] = "manager"
    otherwise: str = Field(default="", max_length=200, description="An e-mail address or user name, where `by` fails.")


class RoleModel(Strict):
    """What belongs to a role. What any role names and the new one lacks is taken away from whoever moves."""

    if_: dict[Name, Texts] = Field(
        alias="if", min_length=1, description="`department: Finance`; `*` stands for any letters."
    )
    has: dict[SystemName, list[Pattern]] = Field(
        description="Connection -> `group:Finance`, `role:fin_*`.", min_length=1
    )


def _or_out(value: object) -> object:
    return None if value is False else value


SystemInput = Annotated[
    LeaverSystemModel | None, BeforeValidator(_or_out, json_schema_input_type=LeaverSystemModel | Literal[False])
]


class LeaversModel(Strict):
    """What happens when somebody leaves, moves or is away."""

    from_: list[LeaverSourceModel] = Field(default=[], alias="from", description="Who tells, besides people and files.")
    zone: Zone = Field(default="UTC", description="In which the last day ends, where nothing else says it.")
    past: Duration = Field(
        default=30 * DAY_S,
        description="Departures that were longer ago when they are first heard of are not begun.",
        validate_default=False,
    )
    due: DueModel = DueModel()
    systems: dict[SystemName, SystemInput] = Field(
        default={},
        description="By connection; `false`: it is left alone. Default: every connection that can end access.",
    )
    by_hand: dict[SystemName, ByHandModel] = Field(default={}, description="Systems that no connector reaches.")
    successor: SuccessorModel = SuccessorModel()
    checks: list[Annotated[Duration, Field(gt=0)]] = Field(
        default=[3600.0, DAY_S, 7 * DAY_S],
        description="After so long it is looked whether all is still gone.",
        validate_default=False,
    )
    guard: GuardModel = GuardModel()
    assignments: AssignmentsModel = AssignmentsModel()
    roles: list[RoleModel] = Field(default=[], description="What belongs to a role; for people who move.")


@dataclass(frozen=True, slots=True)
class LeaverSource:
    """See `leavers.from`."""

    flow: str
    when: Condition | None
    absent: Condition | None
    moves: tuple[str, ...]
    fields: Mapping[str, str]
    """What a person's facts are called in the record type; those that it does not have are missing."""
    zone_field: str = ""
    zones: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Due:
    """Seconds."""

    usual_s: float = 4 * 3600.0
    privileged_s: float = 3600.0

    def of(self, *, privileged: bool) -> float:
        """For one account or grant."""
        return min(self.usual_s, self.privileged_s) if privileged else self.usual_s


@dataclass(frozen=True, slots=True)
class LeaverSystem:
    """Of one connection."""

    due: Due
    hand_over_first: bool = False
    look_by_hand: frozenset[GrantKind] = frozenset()
    """Kinds that a person looks at where the system does not show them."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """A system of which people see to it."""

    owner: str
    instruction: str
    due_s: float
    on: frozenset[str]


@dataclass(frozen=True, slots=True)
class Role:
    """Field -> patterns, one of which has to fit; connection -> (kind, pattern) of grants."""

    conditions: Mapping[str, tuple[str, ...]]
    has: Mapping[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Leavers:
    """`leavers:`, filled in."""

    sources: Mapping[str, LeaverSource] = field(default_factory=dict)
    """By flow."""
    zone: str = "UTC"
    past_s: float = 30 * DAY_S
    due: Due = field(default_factory=Due)
    systems: Mapping[str, LeaverSystem] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    by_hand: Mapping[str, ByHand] = field(default_factory=dict)
    successor_by: Literal["manager", "nobody"] = "manager"
    successor: str = ""
    checks_s: tuple[float, ...] = (3600.0, DAY_S, 7 * DAY_S)
    roles: tuple[Role, ...] = ()
    guard: Guard = field(default_factory=Guard)
    assignments: Assignments = field(default_factory=Assignments)

    def system(self, connection: str) -> LeaverSystem:
        """The rules of a connection."""
        return self.systems.get(connection) or LeaverSystem(self.due)


def is_zone(name: str) -> bool:
    """Whether a text is the name of a time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def leavers_of(model: LeaversModel, types: Mapping[str, TypeFile]) -> Leavers:
    """The values of a checked block. `types`: by flow."""
    due = Due(model.due.usual, model.due.privileged)
    return Leavers(
        sources={each.flow: _source(each, types[each.flow]) for each in model.from_},
        zone=model.zone,
        past_s=model.past,
        due=due,
        systems={name: _system(each, due) for name, each in model.systems.items() if each is not None},
        left_out=frozenset(name for name, each in model.systems.items() if each is None),
        by_hand={
            name: ByHand(each.owner, each.instruction, each.due, frozenset(each.on))
            for name, each in model.by_hand.items()
        },
        successor_by=model.successor.by,
        successor=model.successor.otherwise.strip(),
        checks_s=tuple(sorted(model.checks)),
        roles=tuple(_role(each) for each in model.roles),
        guard=guard_of(model.guard),
        assignments=assignments_of(model.assignments),
    )


def _system(model: LeaverSystemModel, usual: Due) -> LeaverSystem:
    due = Due(model.due.usual, model.due.privileged) if model.due else usual
    return LeaverSystem(due, model.hand_over_first, frozenset(model.look_by_hand))


def _role(model: RoleModel) -> Role:
    has = {
        connection: tuple((kind, name.strip()) for kind, _, name in (each.partition(":") for each in patterns))
        for connection, patterns in model.has.items()
    }
    return Role({name: tuple(values) for name, values in model.if_.items()}, has)


def _source(model: LeaverSourceModel, record_type: TypeFile) -> LeaverSource:
    known = record_type.fields
    names: dict[str, str] = {name: name for name in PersonField.__args__ if name in known}  # type: ignore[attr-defined]
    names |= {str(name): each for name, each in model.fields.items()}
    if model.ends is not None:
        names["ends"] = model.ends
    usual = [each for each in (names.get("title"), names.get("department")) if each]
    return LeaverSource(
        flow=model.flow,
        when=_condition(model.when, record_type),
        absent=_condition(model.absent, record_type),
        moves=tuple(usual if model.moves is None else model.moves),
        fields=names,
        zone_field=model.zone.field if model.zone else "",
        zones=dict(model.zone.of) if model.zone else {},
    )


def _condition(text: str | None, record_type: TypeFile) -> Condition | None:
    return None if text is None else compile_condition(text, fields=_plain(record_type))


def _plain(record_type: TypeFile) -> list[str]:
    return [name for name, each in record_type.fields.items() if each.kind != "items"]


def check_leavers(
    source: Source,
    model: LeaversModel,
    flows: Mapping[str, str],
    types: Mapping[str, TypeFile],
    connections: Collection[str],
) -> Iterator[Problem]:
    """What the block says about other parts. `flows`: each with its record type; `types` that could be read."""
    seen: list[str] = []
    for index, each in enumerate(model.from_):
        at: At = ("leavers", "from", index)
        if each.flow not in flows:
            text = f"there is no flow '{each.flow}'"
            yield source.problem((*at, "flow"), "unknown-flow", text, nearest(each.flow, flows))
        elif each.flow in seen:
            text = f"what the records of {each.flow} tell is said already"
            yield source.problem((*at, "flow"), "duplicate-value", text, "one entry for each flow")
        elif (record_type := types.get(flows[each.flow])) is not None:
            yield from _told(source, at, each, record_type)
        seen.append(each.flow)
    for name in model.systems:
        yield from _there(source, ("leavers", "systems", name), name, connections)
    for name in model.by_hand:
        if name in connections:
            text = f"{name} is a connection; a system that is done by hand needs a name of its own"
            yield source.problem(("leavers", "by_hand", name), "duplicate-value", text, f"'{name}-by-hand'", key=True)
    yield from check_guard(source, model.guard, connections)
    for index, role in enumerate(model.roles):
        for name in role.has:
            yield from _there(source, ("leavers", "roles", index, "has", name), name, connections)


def _there(source: Source, at: At, name: str, connections: Collection[str]) -> Iterator[Problem]:
    if name not in connections:
        text = f"there is no connection '{name}'"
        yield source.problem(at, "unknown-connection", text, nearest(name, connections), key=True)


def _told(source: Source, at: At, model: LeaverSourceModel, record_type: TypeFile) -> Iterator[Problem]:
    for key, text in (("when", model.when), ("absent", model.absent)):
        for fault in check_condition(text, fields=_plain(record_type)) if text is not None else ():
            line, col = source.inside((*at, key), fault.line, fault.col)
            yield Problem(source.file, line, col, "condition", fault.text, fault.hint)
    named: list[tuple[At, str]] = [((*at, "moves", place), name) for place, name in enumerate(model.moves or [])]
    named += [((*at, "fields", key), name) for key, name in model.fields.items()]
    named += [((*at, "ends"), model.ends)] if model.ends is not None else []
    named += [((*at, "zone", "field"), model.zone.field)] if model.zone else []
    for place, name in named:
        if name not in record_type.fields:
            text = f"the type {record_type.type} has no field '{name}'"
            yield source.problem(place, "unknown-field", text, nearest(name, record_type.fields))
    ends = model.ends or "ends"
    if ends in record_type.fields and record_type.fields[ends].kind != "time":
        text = f"{ends} is of kind {record_type.fields[ends].kind}; a last day is of kind time"
        yield source.problem((*at, "ends") if model.ends else (*at, "flow"), "field-kind", text)
