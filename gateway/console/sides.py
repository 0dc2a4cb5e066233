"""Both sides of a record by field, as a case's page and the record's page show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.console.frame import Asked
from gateway.console.rendering import path
from gateway.work import pages_records, records
from gateway.work.pages_records import Place

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Side:
    """One system's column."""

    name: str
    label: str
    key: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A field in one system."""

    shows: Any
    same: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One field."""

    name: str
    value: Any
    source: str
    systems: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Sides:
    """The table, with what could not be read."""

    href: str
    sides: list[Side]
    fields: list[Row]
    troubles: list[str] = field(default_factory=list)


async def of_record(asked: Asked, record: str, *, look: bool = False) -> Sides | None:
    """The sides of a record that the reader may see; `look` asks the systems now. None: there is no such record."""
    at = await pages_records.of_record(asked.desk.place, asked.who, record)
    return await of_place(asked, at, look=look) if at else None


async def of_place(asked: Asked, at: Place, *, look: bool = False) -> Sides | None:
    """The same, of an object's record."""
    place, who = asked.desk.place, asked.who
    href = path("r", at.system, at.object, at.key)
    if look and asked.desk.connectors:
        seen = await records.look(place, who, asked.desk.connectors, at.system, at.object, at.key)
        return _looked(asked, href, seen) if seen else None
    shown = await records.show(place, who, at.system, at.object, at.key)
    return _kept(asked, href, shown) if shown else None


def label_of(asked: Asked, connection: str) -> str:
    """What people call a connection."""
    known = asked.desk.place.config.connections.get(connection)
    return known.label if known else connection


def _kept(asked: Asked, href: str, shown: Facts) -> Sides:
    """As the record holds it: what each system is known to show."""
    sides = [
        Side(name, label_of(asked, name), member["key"] or member["id"] or "(none)")
        for name, member in shown["members"].items()
    ]
    rows = []
    for each in shown["fields"]:
        cells = {
            name: Cell(one["shows"], one["in_step"], f"held by {one['held_by']}" if one["held_by"] else "behind")
            for name, one in each["systems"].items()
        }
        rows.append(Row(each["field"], each["value"], each["from"], cells))
    return Sides(href, sides, rows)


def _looked(asked: Asked, href: str, seen: Facts) -> Sides:
    """As the systems show it at this moment."""
    sides, troubles = [], []
    for name, member in seen["members"].items():
        label = label_of(asked, name)
        sides.append(Side(name, label, member["key"] or member["id"] or "(none)", member.get("url", "")))
        if member["error"]:
            troubles.append(f"Could not look at {label}: {member['error']}")
    rows = []
    for each in seen["fields"]:
        cells = {name: Cell(one["shows"], one["agrees"]) for name, one in each["systems"].items()}
        rows.append(Row(each["field"], each["value"], each["from"], cells))
    return Sides(href, sides, rows, troubles)
