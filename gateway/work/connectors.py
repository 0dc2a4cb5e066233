"""Connectors as people see them: what there is, who uses it, and what was measured of it, when and against what."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from connectors import grades, registry
from gateway.access.rights import Principal, Right
from gateway.work.connections import within
from gateway.work.workplace import Workplace

DAY_S = 86_400.0
_kept: dict[tuple[str, float], grades.Grades] = {}
"""By file and when it was written: reading one takes a tenth of a second, and they change with releases."""


class ConnectorGrade(msgspec.Struct, frozen=True, kw_only=True):
    """One action of a connector."""

    action: str
    grade: str
    """As it was measured; `not measured` for what is only declared."""
    proof: str
    """How an unknown outcome of it is settled."""


class ConnectorView(msgspec.Struct, frozen=True, kw_only=True):
    """A connector."""

    name: str
    """What a connection says in `connector:`; of a file beside the configuration, its name without the folder."""
    measured: bool
    measured_on: str
    """The day, as 2026-11-21; empty: it was never measured."""
    age_days: int | None
    """Since then; null: it was never measured."""
    against: str
    """sandbox, or the address of a staging system."""
    grades: tuple[ConnectorGrade, ...]
    rules_held: int
    rules_broken: tuple[str, ...]
    connections: tuple[str, ...]
    """That are made with it, in the reader's scope."""


async def list_connectors(place: Workplace, who: Principal) -> list[ConnectorView]:
    """Those that are installed, and those that the configuration names by a file; by name. Right SEE."""
    who.require(Right.SEE)
    users: dict[str, list[str]] = {name: [] for name in registry.names()}
    for name, each in sorted(place.config.connections.items()):
        if within(place, who, name):
            users.setdefault(each.settings.connector, []).append(name)
    found = await asyncio.to_thread(lambda: {name: _grades(name) for name in users})
    today = datetime.fromtimestamp(place.now(), UTC).date()
    views = [_view(name, found[name], users[name], today) for name in users]
    return sorted(views, key=lambda each: each.name)


def _grades(connector: str) -> grades.Grades:
    file = grades.beside(connector, grades.FILE)
    if file is None or not file.is_file():
        return grades.grades(connector, {})
    key = str(file), file.stat().st_mtime
    if key not in _kept:
        _kept[key] = grades.grades(connector, grades.said_by(file))
    return _kept[key]


def _view(connector: str, found: grades.Grades, users: list[str], today: date) -> ConnectorView:
    shown = found.shown
    return ConnectorView(
        name=_name(connector),
        measured=found.measured,
        measured_on=found.when if found.measured else "",
        age_days=_age(found.when, today) if found.measured else None,
        against=found.against if found.measured else "",
        grades=tuple(ConnectorGrade(action=a.action, grade=shown[a.action], proof=a.proof) for a in found.actions),
        rules_held=found.rules_held if found.measured else 0,
        rules_broken=found.rules_broken,
        connections=tuple(users),
    )


def _name(connector: str) -> str:
    """People name a file by what it describes; where it lies on a server is nothing to them."""
    if not registry.is_file(connector):
        return connector
    file = Path(connector)
    return file.parent.name if file.stem == "connector" else file.stem


def _age(when: str, today: date) -> int | None:
    try:
        return max(0, (today - date.fromisoformat(when)).days)
    except ValueError:
        return None
