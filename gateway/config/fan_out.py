"""Checks the templates that flows make tasks by: the files, and where the tasks go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem, nearest
from gateway.config.model import ConfigFile, FanOutModel
from mappings.task_lint import LoadedTasks, read_tasks
from mappings.tasks import TaskPlan

At = tuple[str | int, ...]


def check_fan_out(source: Source, base: Path, model: ConfigFile, found: dict[str, LoadedTasks]) -> Iterator[Problem]:
    """Problems of all flows; puts each template that was read into `found`."""
    for name, flow in model.flows.items():
        for index, given in enumerate(flow.fan_out):
            at: At = ("flows", name, "fan_out", index)
            if given.tasks not in found:
                found[given.tasks] = read_tasks(base / given.tasks)
                yield from found[given.tasks].problems
            yield from _into(source, at, model, name, given)
            plan = found[given.tasks].plan
            if plan is not None:
                yield from _types(source, at, model, name, given, plan)
        yield from _twice(source, name, [found[each.tasks].plan for each in flow.fan_out])
    yield from _alone(source, model)


def _into(source: Source, at: At, model: ConfigFile, name: str, given: FanOutModel) -> Iterator[Problem]:
    others = [each for each in model.flows if each != name]
    if given.into not in others:
        text = f"there is no other flow '{given.into}'"
        yield source.problem((*at, "into"), "unknown-flow", text, nearest(given.into, others))
    elif model.flows[given.into].fan_out:
        text = f"the flow {given.into} makes tasks itself; tasks of tasks are not made"
        yield source.problem((*at, "into"), "fan-out", text, "one template with 'after:'")
    elif not model.flows[given.into].create.in_:
        text = f"the flow {given.into} creates nothing anywhere, so nobody would see the tasks"
        yield source.problem((*at, "into"), "fan-out", text, f"'create: {{in: [...]}}' in {given.into}")


def _types(
    source: Source, at: At, model: ConfigFile, name: str, given: FanOutModel, plan: TaskPlan
) -> Iterator[Problem]:
    wanted = [(name, plan.source, "makes tasks of"), (given.into, plan.type, "makes")]
    for flow, record_type, verb in wanted:
        if flow in model.flows and model.flows[flow].type != record_type:
            text = f"{plan.name} {verb} {record_type}, the flow {flow} is about {model.flows[flow].type}"
            yield source.problem((*at, "tasks"), "type-mismatch", text)


def _twice(source: Source, name: str, plans: list[TaskPlan | None]) -> Iterator[Problem]:
    names = [plan.name if plan else None for plan in plans]
    for index, each in enumerate(names):
        if each is not None and each in names[:index]:
            text = f"the template '{each}' is named twice; its tasks could not be told apart"
            yield source.problem(("flows", name, "fan_out", index), "duplicate-value", text, "another 'tasks:' name")


def _alone(source: Source, model: ConfigFile) -> Iterator[Problem]:
    """A record of one system is in step with nothing, unless tasks are made of it or it is one, or references join it
    with others.
    """
    goals = {each.into for flow in model.flows.values() for each in flow.fan_out}
    goals |= {name for flow in model.flows.values() for each in flow.refers for name in each.to}
    for name, flow in model.flows.items():
        if len(flow.members) == 1 and not (flow.fan_out or flow.refers) and name not in goals:
            text = "one member alone is in step with nothing"
            yield source.problem(
                ("flows", name, "members"), "members", text, "another member, 'fan_out:' or 'refers:'", key=True
            )
