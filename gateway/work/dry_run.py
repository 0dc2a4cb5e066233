"""The lanes' own planner, run on a copy of a record that is thrown away: what would be written, field by field."""

from __future__ import annotations

from typing import Any

from connectors.contract.errors import MappingError
from gateway.sync.plan import wants, wants_create
from gateway.sync.state import FieldState, LinkState
from gateway.sync.unit import Unit
from replay.values import Diff


class Copy(Unit):
    """A record to be decided about and thrown away, a hundred thousand times: nobody reads its audit rows."""

    __slots__ = ()

    def audit(self, kind: str, connection: str = "", **detail: Any) -> None:
        """Nothing was decided."""


def made(name: str, ext: Any, canon: FieldState | None) -> Diff:
    """A field of an object that would be made."""
    return Diff(field=name, wanted=ext, by=canon.now.source if canon else "", at=canon.now.hi if canon else 0.0)


def wanted(unit: Unit, connection: str) -> list[Diff]:
    """What the lane would write, each field once, with its newest value."""
    held = unit.held(connection)
    if held.link is LinkState.NONE:
        creates = wants_create(unit, connection)
        return [Diff(field="object", wanted="created")] if creates else []
    found = []
    for want in wants(unit, connection, None):
        canon = unit.state.fields[want.name]
        try:
            ext = unit.member(connection).mapping.to_ext(want.name, canon.now.value)
        except MappingError:
            ext = want.ext
        found.append(diff(unit, connection, want.name, ext))
    return found


def diff(unit: Unit, connection: str, name: str, ext: Any) -> Diff:
    """A field as the system is known to show it, and as it would be written."""
    shadow, canon = unit.held(connection).shadow.get(name), unit.state.fields.get(name)
    got = shadow.ext if shadow is not None and shadow.known else None
    return Diff(
        field=name,
        got=got,
        wanted=ext,
        by=canon.now.source if canon else "",
        at=canon.now.hi if canon else 0.0,
    )


def is_stepped(unit: Unit, connection: str, name: str) -> bool:
    """Whether the field is moved through states there, instead of set."""
    rule = unit.member(connection).mapping.fields.get(name)
    return rule is not None and rule.stepped
