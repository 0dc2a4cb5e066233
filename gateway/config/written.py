"""What a configuration says of connections and flows, as it is written, and how two of them differ, field by field.

Secrets are references in every configuration that can be read at all, so nothing here shows one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from connectors import registry
from connectors.contract.written.places import read_source
from gateway.config.values import Config

Facts = dict[str, Any]
OURS = "(built in)"
POLICY = "high_risk"
SECTIONS = {"connections": "connection", "flows": "flow"}


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One value."""

    field: str
    before: Any = None
    after: Any = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One connection, flow, setting or file."""

    kind: str
    """connection, flow, setting or file."""
    name: str
    change: str
    """added, changed or removed."""
    fields: tuple[FieldChange, ...] = ()


def document(config: Config, root: Path | None = None) -> Facts:
    """{settings, connections, flows, files, high_risk}: the parts as they are written, of each file that they name its
    digest, and the policy of high-risk actions with what it is made of. `root`: the folder that names are told from.
    """
    data = read_source(config.file).data
    base = root or config.file.parent
    settings = {name: value for name, value in data.items() if name not in SECTIONS}
    return {
        "settings": settings,
        "connections": dict(data.get("connections", {})),
        "flows": dict(data.get("flows", {})),
        "files": {_told(file, base): _digest(file) for file in files_of(config)},
        POLICY: config.high_risk.facts,
    }


def digest(document: Facts, *, settings: bool = False) -> str:
    """What a state of connections and flows is known by. `settings`: they count, too; workers may differ in some."""
    held = {name: value for name, value in document.items() if settings or name not in ("settings", POLICY)}
    return hashlib.sha256(json.dumps(held, sort_keys=True, default=str).encode()).hexdigest()


def differences(before: Facts, after: Facts) -> list[Change]:
    """What is added, changed and removed, by kind and name. Files of ours come and go with what names them."""
    found = []
    for section, kind in (*SECTIONS.items(), ("settings", "setting"), ("files", "file")):
        old, new = before.get(section, {}), after.get(section, {})
        for name in sorted({*old, *new}):
            if name.startswith(OURS) and (name not in old or name not in new):
                continue
            if name not in old:
                found.append(Change(kind=kind, name=name, change="added", fields=tuple(_fields(None, new[name]))))
            elif name not in new:
                found.append(Change(kind=kind, name=name, change="removed"))
            elif old[name] != new[name]:
                fields = tuple(_fields(old[name], new[name]))
                found.append(Change(kind=kind, name=name, change="changed", fields=fields))
    return found


def _fields(before: Any, after: Any) -> Iterator[FieldChange]:
    old, new = dict(_flat(before)), dict(_flat(after))
    for name in [*old, *(each for each in new if each not in old)]:
        if old.get(name) != new.get(name):
            yield FieldChange(field=name, before=old.get(name), after=new.get(name))


def _flat(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, each in value.items():
            yield from _flat(each, f"{at}.{name}" if at else str(name))
    elif value is not None:
        yield at, value


def files_of(config: Config) -> list[Path]:
    """Mappings, connector files and the policy, those of the library too: a release may change them."""
    found = {member.mapping_file for flow in config.flows.values() for member in flow.members.values()}
    paths = (registry.path_of(each.settings.connector) for each in config.connections.values())
    policy = [config.high_risk.file] if config.high_risk.file is not None else []
    return sorted({*found, *policy, *(Path(path) for path in paths if registry.is_file(path))})


def _told(file: Path, base: Path) -> str:
    return str(file.relative_to(base)) if file.is_relative_to(base) else f"{OURS} {file.parent.name}/{file.name}"


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
