"""Where the database manages mappings: a configuration with those that were published last. Asked before anything is
made of it, so that a connector asks for the fields that the published text reads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.contract.errors import ConfigError
from gateway.config import Config, values
from gateway.storage.database import Database
from gateway.versions.store import Version
from gateway.work.mapping_publishing import last_published
from mappings.loader import Loaded, read_text


async def with_published(config: Config, database: Database) -> Config:
    """The configuration as it is, or with the mappings that were published last in place of those of the files.

    A published text is read over the record types of today. Raises ConfigError if it cannot be used with them,
    StorageError.
    """
    if config.mappings_by != "database":
        return config
    names = {member.mapping.name for flow in config.flows.values() for member in flow.members.values()}
    async with database.read() as tx:
        found = {name: version for name in sorted(names) if (version := await last_published(tx, name)) is not None}
    return _replaced(config, found)


def _replaced(config: Config, found: Mapping[str, Version]) -> Config:
    loaded = {
        name: read_text(each.text, label=f"{each.label}, published", base=config.file.parent)
        for name, each in found.items()
    }
    problems = [str(problem) for each in loaded.values() for problem in each.problems]
    if problems:
        raise ConfigError(problems)
    flows = {name: _flow(flow, loaded) for name, flow in config.flows.items()}
    return dataclasses.replace(config, flows=flows, connections=_connections(config, loaded))


def _flow(flow: values.Flow, loaded: Mapping[str, Loaded]) -> values.Flow:
    return dataclasses.replace(flow, members={name: _member(each, loaded) for name, each in flow.members.items()})


def _member(member: values.Member, loaded: Mapping[str, Loaded]) -> values.Member:
    found = loaded.get(member.mapping.name)
    if found is None or found.mapping is None or found.mapping.digest == member.mapping.digest:
        return member
    return dataclasses.replace(member, mapping=found.mapping, text=found.text, type_text=found.type_text)


def _connections(config: Config, loaded: Mapping[str, Loaded]) -> Mapping[str, values.Connection]:
    """Connectors are told which native fields the published texts read, besides those they are told of anyway."""
    wanted: dict[str, list[str]] = {}
    for flow in config.flows.values():
        for name, member in flow.members.items():
            found = loaded.get(member.mapping.name)
            wanted.setdefault(name, []).extend(found.model.reads if found and found.model else [])
    return {name: _asking(each, wanted.get(name, [])) for name, each in config.connections.items()}


def _asking(connection: values.Connection, reads: list[str]) -> values.Connection:
    options: Mapping[str, Any] = connection.settings.options
    listed = options.get("fields", [])
    if not reads or not isinstance(listed, list):
        return connection
    fields = list(dict.fromkeys([*listed, *reads]))
    settings = msgspec.structs.replace(connection.settings, options={**options, "fields": fields})
    return dataclasses.replace(connection, settings=settings)
