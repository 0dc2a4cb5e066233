"""Reads the measured grades of connectors, for whoever shows them. Measuring them is `connectors.conformance`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from connectors import registry

FILE = "quality.yaml"
NOT_MEASURED = "not measured"
_FILES = (".yaml", ".yml")


class ActionGrade(msgspec.Struct, frozen=True, kw_only=True):
    """The grade of one action, such as `issue.create`."""

    action: str
    grade: str
    proof: str = ""
    """How an unknown outcome of it is settled."""


class Grades(msgspec.Struct, frozen=True, kw_only=True):
    """What a connector's quality.yaml says."""

    connector: str
    measured: bool
    """False: what stands in `actions` is only declared, and shown as `not measured`."""
    when: str = ""
    against: str = ""
    actions: tuple[ActionGrade, ...] = ()
    rules_held: int = 0
    rules_broken: tuple[str, ...] = ()

    @property
    def shown(self) -> Mapping[str, str]:
        """Action -> grade as people see it: never a grade that nobody measured."""
        return {each.action: each.grade if self.measured else NOT_MEASURED for each in self.actions}


def whereabouts(connector: str) -> str:
    """What a name stands for: a dotted path or a YAML file; "" for one that nobody has announced. Imports nothing."""
    if connector in registry.BUILT_IN or ":" in connector or connector.endswith(_FILES):
        return registry.BUILT_IN.get(connector, connector)
    return next((each.value for each in entry_points(group=registry.ENTRY_POINTS, name=connector)), "")


def beside(connector: str, file: str) -> Path | None:
    """Where a file of this name belongs to a connector: in its package; beside its YAML file, with the YAML file's name
    before it unless that is `connector.yaml`. None: the connector cannot be found.
    """
    where = whereabouts(connector)
    if where.endswith(_FILES):
        own = Path(where)
        return own.with_name(file if own.stem == "connector" else f"{own.stem}.{file}")
    found = find_spec(where.partition(":")[0]) if ":" in where else None
    return Path(found.origin).with_name(file) if found is not None and found.origin else None


def read(connector: str) -> Grades:
    """The grades of one connector; `measured=False` without actions where it has no quality.yaml that can be read."""
    file = beside(connector, FILE)
    return grades(connector, said_by(file) if file is not None else {})


def said_by(file: Path) -> Mapping[str, Any]:
    """A quality.yaml as it stands; empty where there is none that can be read."""
    if not file.is_file():
        return {}
    try:
        said = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    except YAMLError:
        return {}
    return said if isinstance(said, Mapping) else {}


def grades(connector: str, said: Mapping[str, Any]) -> Grades:
    """Out of a parsed quality.yaml."""
    actions = said.get("actions") or {}
    rules = said.get("rules") or {}
    return Grades(
        connector=connector,
        measured=said.get("measured") is True,
        when=str(said.get("when", "")),
        against=str(said.get("against", "")),
        actions=tuple(
            ActionGrade(action=str(name), grade=str(each.get("grade", "")), proof=str(each.get("proof", "")))
            for name, each in actions.items()
        ),
        rules_held=sum(each.get("state") == "held" for each in rules.values()),
        rules_broken=tuple(name for name, each in rules.items() if each.get("state") == "broken"),
    )


def every() -> list[Grades]:
    """Of every connector that `connector:` may name, in the order of their names."""
    return [read(name) for name in registry.names()]
