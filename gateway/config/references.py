"""Checks what one part of the configuration says about another: connections, mappings, types, fields, conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connectors import registry
from connectors.contract.written.conditions import check_condition
from connectors.contract.written.edge import Parsed
from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem, nearest
from gateway.config.fan_out import check_fan_out
from gateway.config.model import ConfigFile, FlowModel
from gateway.config.refers import check_refers
from mappings.loader import Loaded, find_mapping, find_type, library_names, read_mapping, read_type, type_names
from mappings.model import TypeFile
from mappings.task_lint import LoadedTasks

At = tuple[str | int, ...]


@dataclass(slots=True)
class Found:
    """What references lead to, and what is wrong with them."""

    types: dict[str, TypeFile] = field(default_factory=dict)
    mappings: dict[str, Loaded] = field(default_factory=dict)
    tasks: dict[str, LoadedTasks] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def resolve(source: Source, parsed: Parsed[ConfigFile], connectors: Sequence[str]) -> Found:
    """Follows every reference of what could be parsed. Reads each mapping and type once, problems included."""
    model, gone = parsed.model, parsed.gone
    if model is None:
        return Found()
    found, base = Found(), Path(source.file).parent
    for name, connection in model.connections.items():
        if _is_unknown(connection.connector, connectors):
            text = f"there is no connector '{connection.connector}'"
            hint = nearest(connection.connector, connectors)
            found.problems.append(source.problem(("connections", name, "connector"), "unknown-connector", text, hint))
        if connection.poll is None and connection.webhook is None:
            text = f"nothing would tell of changes in {name}"
            found.problems.append(
                source.problem(("connections", name, "poll"), "deaf", text, "'webhook:' or 'poll:'", key=True)
            )
    for name, flow in model.flows.items():
        _type(source, base, name, flow, found)
        _mappings(source, base, name, flow, found)
        found.problems += _flow(source, model, name, flow, found, gone)
    found.problems += _shared(source, model)
    found.problems += check_fan_out(source, base, model, found.tasks)
    found.problems += check_refers(source, model, found.types)
    found.problems += _retention(source, model)
    return found


def _is_unknown(connector: str, connectors: Sequence[str]) -> bool:
    return ":" not in connector and not registry.is_file(connector) and connector not in connectors


def _type(source: Source, base: Path, name: str, flow: FlowModel, found: Found) -> None:
    if flow.type in found.types:
        return
    file = find_type(flow.type, base)
    if file is None:
        text, hint = f"there is no record type '{flow.type}'", nearest(flow.type, type_names(base))
        found.problems.append(source.problem(("flows", name, "type"), "unknown-type", text, hint))
        return
    record_type, problems = read_type(file)
    found.problems += problems
    if record_type is not None:
        found.types[flow.type] = record_type


def _mappings(source: Source, base: Path, name: str, flow: FlowModel, found: Found) -> None:
    for connection, member in flow.members.items():
        if member.mapping in found.mappings:
            continue
        file = find_mapping(member.mapping, base)
        if file is None:
            at = ("flows", name, "members", connection, "mapping")
            hint = nearest(member.mapping, library_names())
            found.problems.append(
                source.problem(at, "unknown-mapping", f"there is no mapping '{member.mapping}'", hint)
            )
            continue
        found.mappings[member.mapping] = read_mapping(file)
        found.problems += found.mappings[member.mapping].problems


def _flow(
    source: Source, model: ConfigFile, name: str, flow: FlowModel, found: Found, gone: frozenset[str]
) -> Iterator[Problem]:
    at: At = ("flows", name)
    yield from _members(source, model, name, flow, found, gone)
    yield from _chosen(source, (*at, "create", "in"), flow.create.in_, flow.members, gone)
    yield from _chosen(source, (*at, "authority"), flow.authority, flow.members, gone)
    for key, rule in flow.merge.items():
        yield from _chosen(source, (*at, "merge", key, "authority"), rule.authority, flow.members, gone)
    record_type = found.types.get(flow.type)
    if record_type is None:
        return
    yield from _fields(source, name, flow, record_type)
    conditions: list[tuple[At, str | None]] = [((*at, "create", "when"), flow.create.when)]
    conditions += [((*at, "members", each, "where"), member.where) for each, member in flow.members.items()]
    for place, text in conditions:
        yield from _condition(source, place, text, record_type)


def _members(
    source: Source, model: ConfigFile, name: str, flow: FlowModel, found: Found, gone: frozenset[str]
) -> Iterator[Problem]:
    for each, member in flow.members.items():
        at: At = ("flows", name, "members", each)
        connection = model.connections.get(each)
        if connection is None and each not in gone:
            hint = nearest(each, model.connections)
            yield source.problem(at, "unknown-connection", f"there is no connection '{each}'", hint, key=True)
        loaded = found.mappings.get(member.mapping)
        mapped = loaded.model if loaded else None
        if mapped is None:
            continue
        if mapped.type != flow.type:
            text = f"the mapping {mapped.mapping} is for the type {mapped.type}, this flow is about {flow.type}"
            yield source.problem((*at, "mapping"), "type-mismatch", text)
        if mapped.object != member.object:
            text = f"the mapping {mapped.mapping} is for {mapped.object}, not for {member.object}"
            yield source.problem((*at, "object"), "object-mismatch", text, f"'{mapped.object}'")
        if connection and connection.connector in registry.BUILT_IN and mapped.system != connection.connector:
            text = f"the mapping {mapped.mapping} is for {mapped.system}, {each} is {connection.connector}"
            yield source.problem((*at, "mapping"), "system-mismatch", text)


def _chosen(
    source: Source, at: At, names: Sequence[str], members: Iterable[str], gone: frozenset[str]
) -> Iterator[Problem]:
    known = list(members)
    for index, name in enumerate(names):
        if name not in known and name not in gone:
            yield source.problem(
                (*at, index), "unknown-member", f"'{name}' is not a member of this flow", nearest(name, known)
            )
        elif name in names[:index]:
            yield source.problem((*at, index), "duplicate-value", f"'{name}' is listed twice", "removing one")


def _fields(source: Source, name: str, flow: FlowModel, record_type: TypeFile) -> Iterator[Problem]:
    kinds = {each: field.kind for each, field in record_type.fields.items()}
    for block, keys in (("merge", flow.merge), ("deliver", flow.deliver)):
        for key in keys:
            if key not in kinds and key != "default":
                yield _no_field(source, ("flows", name, block, key), key, record_type, key=True)
    for key, rule in flow.merge.items():
        wanted = {"union": "set", "append_only": "text"}.get(rule.kind)
        if wanted and kinds.get(key, wanted) != wanted:
            text = f"{rule.kind} is for fields of kind {wanted}, {key} is {kinds[key]}"
            yield source.problem(("flows", name, "merge", key), "merge", text, "'latest', 'authority' or 'manual'")
        if wanted and key == "default":
            yield source.problem(
                ("flows", name, "merge", key), "merge", f"{rule.kind} cannot be the default", "'latest'"
            )
    if flow.key.natural is not None and flow.key.natural not in kinds:
        yield _no_field(source, ("flows", name, "key", "natural"), flow.key.natural, record_type)


def _no_field(source: Source, at: At, name: str, record_type: TypeFile, *, key: bool = False) -> Problem:
    text = f"the type {record_type.type} has no field '{name}'"
    return source.problem(at, "unknown-field", text, nearest(name, record_type.fields), key=key)


def _condition(source: Source, at: At, text: str | None, record_type: TypeFile) -> Iterator[Problem]:
    if text is None:
        return
    fields = [name for name, each in record_type.fields.items() if each.kind != "items"]
    for fault in check_condition(text, fields=fields):
        line, col = source.inside(at, fault.line, fault.col)
        yield Problem(source.file, line, col, "condition", fault.text, fault.hint)


def _shared(source: Source, model: ConfigFile) -> Iterator[Problem]:
    """An object type of a connection belongs to one flow, whatever `where` says (ADR 0210)."""
    owners: dict[tuple[str, str], str] = {}
    for name, flow in model.flows.items():
        for each, member in flow.members.items():
            other = owners.setdefault((each, member.object), name)
            if other != name:
                line = source.place(("flows", other, "members", each), key=True)[0]
                text = f"{member.object} of {each} belongs to flow {other} already (line {line}), not to {name}, too"
                hint = f"a second connection to the same system for {name}, or one flow for both"
                yield source.problem(("flows", name, "members", each), "shared-object", text, hint, key=True)


def _retention(source: Source, model: ConfigFile) -> Iterator[Problem]:
    receipts = model.retention.receipts
    if receipts is not None and receipts < model.retention.journal:
        text = "receipts kept shorter than the journal would let a replay act twice"
        yield source.problem(("retention", "receipts"), "retention", text, "leaving it out")
