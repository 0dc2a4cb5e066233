"""From the file to a `Config`, or to everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors import registry
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import ConfigError
from connectors.contract.written.conditions import Condition, compile_condition
from connectors.contract.written.edge import parse
from connectors.contract.written.places import Source, read_source
from connectors.contract.written.problems import Problem
from gateway.config import budget, connectors, files, polling, refers, values
from gateway.config.access import access_of, check_access
from gateway.config.auth import MasterKeys, Origin, check_secrets, rules_of
from gateway.config.cases import cases_of, check_cases
from gateway.config.high_risk import HighRisk, read_policy
from gateway.config.hours import maintenance_of
from gateway.config.keeping import check_retention, retention_of
from gateway.config.leavers import check_leavers, leavers_of
from gateway.config.model import ConfigFile, ConnectionModel, FlowModel, IdSweep, LeaverSweep, MergeRule, Sweeps
from gateway.config.notifications import check_notifications, notifications_of
from gateway.config.references import Found, resolve
from gateway.config.replay import replays_of
from gateway.config.secrets import At, Filler
from gateway.config.siem import check_siem, siem_of
from mappings.model import TypeFile


def load(path: str | Path, env: Mapping[str, str], *, judged: bool = True) -> values.Config:
    """The configuration in `path`, with `${ENV}` from `env`. Raises ConfigError with all problems; opens nothing.

    Not `judged`: the connectors, which take half a second to import, are not asked what they think of their settings.
    """
    config, problems = read(Path(path), env, judged=judged)
    if config is None:
        raise ConfigError([str(problem) for problem in problems])
    return config


def read(file: Path, env: Mapping[str, str], *, judged: bool = True) -> tuple[values.Config | None, list[Problem]]:
    """As `load`, with problems as values: those of the file, then those of the mappings and types it names."""
    source = read_source(file)
    if source.problems:
        return None, source.problems
    filler = Filler(source, env)
    parsed = parse(ConfigFile, source, files.named(file, filler.fill()))
    told = {(each.line, each.col) for each in filler.problems}
    problems = filler.problems + filler.overrides
    problems += [each for each in parsed.problems if (each.line, each.col) not in told]
    found = resolve(source, parsed, [*registry.names(), *files.names(file)])
    problems += found.problems
    model = parsed.model
    if model is None:
        return None, _sorted(file, filler.unseen(problems))
    connections = {name: _connection(name, model, found, filler.origins) for name in model.connections}
    rules = {name: each.credentials for name, each in connections.items()}
    problems += check_secrets(source, model.secrets, rules, model.database)
    told_where = {"token_url", "login_url"} & parsed.gone
    said = _judged(source, model, connections) if judged else []
    problems += [each for each in said if not (told_where and each.rule == "auth")]
    types = {flow.type for flow in model.flows.values()}
    problems += check_access(source, model.access, model.connections, types)
    if types <= found.types.keys():
        problems += check_cases(source, model.cases, {name: found.types[name] for name in types})
    problems += check_retention(source, model.retention, types)
    told_by = {name: flow.type for name, flow in model.flows.items()}
    problems += check_leavers(source, model.leavers, told_by, found.types, model.connections)
    problems += check_notifications(source, model.notifications, model.connections, model.access.internal)
    problems += check_siem(source, model.siem, model.access.internal)
    policy, said = read_policy(source, model.high_risk)
    problems += said
    if problems:
        return None, _sorted(file, filler.unseen(problems))
    return _config(file.resolve(), model, found, connections, policy), []


def _sorted(file: Path, problems: list[Problem]) -> list[Problem]:
    return sorted(set(problems), key=lambda each: (each.file != str(file), each))


def _judged(source: Source, model: ConfigFile, connections: Mapping[str, values.Connection]) -> list[Problem]:
    problems: list[Problem] = []
    known = registry.names()
    for name, connection in connections.items():
        connector = connection.settings.connector
        if connector not in known and ":" not in connector and not registry.is_file(connector):
            continue
        members: dict[str, tuple[str | int, ...]] = {
            flow.members[name].object: ("flows", key, "members", name)
            for key, flow in model.flows.items()
            if name in flow.members
        }
        problems += connectors.check(source, connection.settings, members)
    return problems


def _connection(name: str, model: ConfigFile, found: Found, origins: Mapping[At, Origin]) -> values.Connection:
    given = model.connections[name]
    return values.Connection(
        name=name,
        label=given.label or name,
        settings=_settings(name, given, model, found),
        credentials=rules_of(given.auth, name, origins),
        poll_every_s=given.poll.every if given.poll else None,
        has_webhook=given.webhook is not None,
        rate=given.rate,
        clock_skew_s=given.clock_skew,
        read_always=given.read_before_write == "always",
        breaker=values.BreakerSettings(given.breaker.failures, given.breaker.retry, given.breaker.cap),
        sweeps=_sweeps(given.sweeps) if given.sweeps else None,
        budget=budget.rules_of(given.budget, *files.budget(given.connector)),
        polling=polling.rules_of(given.poll) if given.poll else None,
        maintenance=maintenance_of(given.maintenance),
    )


def _sweeps(given: Sweeps) -> values.Sweeps:
    ids, leavers = given.ids or IdSweep(), given.leavers or LeaverSweep()
    return values.Sweeps(
        budget=given.budget,
        ids_every_s=ids.every if given.ids else None,
        most_gone=ids.most_gone,
        most_gone_share=ids.most_gone_share,
        leavers_every_s=leavers.every if given.leavers else None,
        leavers_for_s=leavers.for_,
        readback_share=given.readback.share if given.readback else None,
        schema_every_s=given.schema_.every if given.schema_ else None,
    )


def _settings(name: str, given: ConnectionModel, model: ConfigFile, found: Found) -> ConnectionSettings:
    members = [flow.members[name] for flow in model.flows.values() if name in flow.members]
    return ConnectionSettings(
        name=name,
        connector=given.connector,
        url=given.url.rstrip("/"),
        auth=files.with_ways(given.connector, name, given.auth.settings()),
        webhook_secret=given.webhook.secret if given.webhook else "",
        timeout_s=given.timeout,
        settles_s=given.settles,
        concurrency=min(given.concurrency, files.budget(given.connector)[1] or given.concurrency),
        options=_options(given, [member.mapping for member in members], found),
        objects={member.object: member.with_ for member in members},
    )


def _options(given: ConnectionModel, mappings: list[str], found: Found) -> dict[str, Any]:
    """The connector's options; native fields that only a mapping knows of are asked for without being listed twice."""
    wanted = [
        each
        for ref in mappings
        if ref in found.mappings and (model := found.mappings[ref].model)
        for each in model.reads
    ]
    listed = given.options.get("fields", [])
    if not wanted or not isinstance(listed, list):
        return dict(given.options)
    return {**given.options, "fields": list(dict.fromkeys([*listed, *wanted]))}


def _config(
    file: Path, model: ConfigFile, found: Found, connections: Mapping[str, values.Connection], policy: HighRisk
) -> values.Config:
    data = (file.parent / model.data).resolve()
    host, _, port = model.listen.rpartition(":")
    return values.Config(
        file=file,
        name=model.name,
        data=data,
        database=model.database or f"sqlite+aiosqlite:///{data / 'lockstep.db'}",
        stream=model.stream or f"sqlite:///{data / 'stream.db'}",
        partitions=model.partitions,
        host=host.strip("[]"),
        port=int(port),
        limits=values.Limits(
            model.limits.body,
            model.limits.in_flight,
            model.limits.disk_reserve,
            model.limits.unhandled,
            model.limits.requests,
        ),
        connections=connections,
        flows={name: _flow(name, model.flows, found) for name in model.flows},
        retention=retention_of(model.retention, {name: flow.type for name, flow in model.flows.items()}),
        access=access_of(model.access, model.listen),
        secrets=MasterKeys(model.secrets.key, tuple(model.secrets.former)),
        signing=MasterKeys(model.signing.key, tuple(model.signing.former)),
        metrics_open=model.metrics == "open",
        cases=cases_of(model.cases),
        replay=replays_of(model.replay),
        mappings_by=model.mappings.managed_by,
        high_risk=policy,
        leavers=leavers_of(model.leavers, {name: found.types[each.type] for name, each in model.flows.items()}),
        notifications=notifications_of(model.notifications, access_of(model.access, model.listen).url),
        siem=siem_of(model.siem, model.name, file.parent),
    )


def _flow(name: str, flows: Mapping[str, FlowModel], found: Found) -> values.Flow:
    model = flows[name]
    record_type = found.types[model.type]
    default = model.deliver.get("default", "every_change")
    return values.Flow(
        name=name,
        type=record_type,
        natural=model.key.natural,
        members={each: _member(each, model, found, record_type) for each in model.members},
        create_in=tuple(model.create.in_),
        create_when=_condition(model.create.when, record_type),
        merge={each: _policy(each, model, record_type) for each in record_type.fields},
        authority=_order(model),
        latest_only=frozenset(each for each in record_type.fields if model.deliver.get(each, default) == "latest"),
        on_delete=model.on_delete,
        max_tries=model.max_tries,
        begins=model.begins,
        approve_mappings=model.approve_mappings,
        awaits_s=model.wait_for_links,
        fan_out=tuple(
            values.FanOut(plan, each.into)
            for each in model.fan_out
            if (plan := found.tasks[each.tasks].plan) is not None
        ),
        refers=tuple(refers.compiled(each, name, flows, found.types) for each in model.refers),
    )


def _member(name: str, model: FlowModel, found: Found, record_type: TypeFile) -> values.Member:
    given = model.members[name]
    loaded = found.mappings[given.mapping]
    assert loaded.mapping is not None, "a mapping with problems does not get here"
    where = _condition(given.where, record_type)
    return values.Member(
        name, given.object, loaded.mapping, loaded.file, where, text=loaded.text, type_text=loaded.type_text
    )


def _order(model: FlowModel) -> tuple[str, ...]:
    """The flow's order of authority; members it does not list come last, in the order of the file."""
    return tuple(dict.fromkeys([*model.authority, *model.members]))


def _policy(field: str, model: FlowModel, record_type: TypeFile) -> values.MergePolicy:
    rule = model.merge.get(field)
    if rule is None:
        by_default = model.merge.get("default", MergeRule(kind="latest"))
        rule = MergeRule(kind="union") if record_type.fields[field].kind == "set" else by_default
    return values.MergePolicy(rule.kind, tuple(dict.fromkeys([*rule.authority, *_order(model)])))


def _condition(text: str | None, record_type: TypeFile) -> Condition | None:
    if text is None:
        return None
    return compile_condition(text, fields=[name for name, each in record_type.fields.items() if each.kind != "items"])
