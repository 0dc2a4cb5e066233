"""Checks and compiles what flows say of references: where they lead, what is said there and of the record itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from connectors.contract.written.conditions import compile_condition
from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem, nearest
from gateway.config.model import ConfigFile, FlowModel, RefersModel
from mappings.lint_values import valid
from mappings.model import TypeField, TypeFile
from mappings.refers import EXTRAS, Refers, Tell
from mappings.task_lint import condition
from mappings.tasks import TaskRule, fields_of, parsed
from mappings.templates import Slot, parse_template

At = tuple[str | int, ...]
Types = Mapping[str, TypeFile]
_UNSET = ("set", "items", "record")
"""Kinds that nobody sets from outside: sets are merged, the others are no values."""


def compiled(given: RefersModel, name: str, flows: Mapping[str, FlowModel], types: Types) -> Refers:
    """Of a flow that `check_refers` has passed."""
    own, target = types[flows[name].type], types[flows[next(iter(given.to))].type]
    fields = fields_of(own)

    def rule(key: str, values: Mapping[str, JsonValue], of: TypeFile, when: str | None = None) -> TaskRule:
        return TaskRule(
            name=key,
            when=compile_condition(when, fields=fields) if when else None,
            after=(),
            due=None,
            values={each: parsed(value) for each, value in values.items()},
            kinds={each: of.fields[each] for each in values},
            template=f"refers of {name}",
        )

    return Refers(
        field=given.from_,
        to=dict(given.to),
        through=dict(given.through or {}),
        when=compile_condition(given.when, fields=fields) if given.when else None,
        order=given.order or "",
        tells=tuple(
            Tell(
                rule(key, tell.set, target, tell.when),
                parse_template(tell.comment) if tell.comment is not None else None,
                tell.forward,
            )
            for key, tell in given.tell.items()
        ),
        found=rule("found", given.answer.found, own),
        missing=rule("missing", given.answer.missing, own),
    )


def check_refers(source: Source, model: ConfigFile, types: Types) -> Iterator[Problem]:
    """Problems of all flows."""
    for name, flow in model.flows.items():
        for index, given in enumerate(flow.refers):
            at: At = ("flows", name, "refers", index)
            if given.from_ in [each.from_ for each in flow.refers[:index]]:
                text = f"what follows from {given.from_} is said already"
                yield source.problem((*at, "from"), "duplicate-value", text, "one entry for each field")
            yield from _flows(source, at, model, "to", given.to)
            yield from _flows(source, at, model, "through", given.through or {})
            own = types.get(flow.type)
            if own is not None:
                yield from _own(source, at, given, own)
                yield from _told(source, at, model, given, own, types)
    yield from _circle(source, model)


def _circle(source: Source, model: ConfigFile) -> Iterator[Problem]:
    """Records that set fields of each other would never come to rest."""
    left = {
        name: {to for each in flow.refers if any(tell.set for tell in each.tell.values()) for to in each.to}
        for name, flow in model.flows.items()
    }
    while free := [name for name, told in left.items() if not told & left.keys()]:
        for name in free:
            del left[name]
    for name in left:
        text = f"what {name} sets comes back to it"
        yield source.problem(("flows", name, "refers"), "circle", text, "leaving out one 'set:' on the way", key=True)


def _flows(source: Source, at: At, model: ConfigFile, key: str, among: Mapping[str, str]) -> Iterator[Problem]:
    for name, connection in among.items():
        flow = model.flows.get(name)
        if flow is None:
            text, hint = f"there is no flow '{name}'", nearest(name, model.flows)
            yield source.problem((*at, key, name), "unknown-flow", text, hint, key=True)
        elif connection not in flow.members:
            text, hint = f"'{connection}' is not a member of the flow {name}", nearest(connection, flow.members)
            yield source.problem((*at, key, name), "unknown-member", text, hint)
        elif key == "through" and not flow.refers:
            text = f"the flow {name} refers to nothing"
            yield source.problem((*at, key, name), "refers", text, f"'refers:' in {name}", key=True)


def _own(source: Source, at: At, given: RefersModel, own: TypeFile) -> Iterator[Problem]:
    yield from _field(source, (*at, "from"), given.from_, own, ("set", "text"))
    if given.order is not None:
        yield from _field(source, (*at, "order"), given.order, own, ("time",))
    yield from condition(source, (*at, "when"), given.when, own)
    for word, values in (("found", given.answer.found), ("missing", given.answer.missing)):
        yield from _values(source, (*at, "answer", word), values, own, own, extras=EXTRAS)
        if given.from_ in values:
            text = f"{given.from_} is what this answers to"
            yield source.problem((*at, "answer", word, given.from_), "refers", text, "another field", key=True)


def _told(
    source: Source, at: At, model: ConfigFile, given: RefersModel, own: TypeFile, types: Types
) -> Iterator[Problem]:
    for key, tell in given.tell.items():
        here: At = (*at, "tell", key)
        yield from condition(source, (*here, "when"), tell.when, own)
        if not tell.set and tell.comment is None:
            yield source.problem(here, "refers", f"{key} says nothing", "'set:' or 'comment:'", key=True)
        if tell.comment is not None:
            yield from _slots(source, (*here, "comment"), tell.comment, own, ())
        for name in given.to:
            flow = model.flows.get(name)
            target = types.get(flow.type) if flow else None
            if flow is None or target is None:
                continue
            yield from _values(source, (*here, "set"), tell.set, target, own)
            yield from _asked(source, (*here, "set"), tell.set, name, flow)


def _asked(source: Source, at: At, values: Mapping[str, JsonValue], name: str, flow: FlowModel) -> Iterator[Problem]:
    """A field about which a person is asked cannot be set by what is told: nobody would be asked."""
    for field in values:
        rule = flow.merge.get(field) or flow.merge.get("default")
        if rule is not None and rule.kind == "manual":
            text = f"in {name} a person decides about {field}; what is told cannot ask anybody"
            yield source.problem(
                (*at, field), "merge", text, f"'latest' or 'authority' for {field} in {name}", key=True
            )


def _values(
    source: Source,
    at: At,
    values: Mapping[str, JsonValue],
    target: TypeFile,
    own: TypeFile,
    extras: tuple[str, ...] = (),
) -> Iterator[Problem]:
    for name, value in values.items():
        field = target.fields.get(name)
        settable = [each for each, kind in target.fields.items() if _settable(kind)]
        if field is None or not (_settable(field) or (extras and field.kind == "set")):
            text = (
                f"{name} of {target.type} cannot be set" if field else f"the type {target.type} has no field '{name}'"
            )
            yield source.problem((*at, name), "unknown-field", text, nearest(name, settable), key=True)
        elif isinstance(value, str) and "${" in value:
            yield from _slots(source, (*at, name), value, own, extras, field)
        elif not valid(field, value):
            text = f"'{value}' is not a value of {name}"
            yield source.problem((*at, name), "unknown-value", text, nearest(str(value), field.values))


def _settable(field: TypeField) -> bool:
    return field.kind not in _UNSET


def _slots(
    source: Source, at: At, text: str, own: TypeFile, extras: tuple[str, ...], field: TypeField | None = None
) -> Iterator[Problem]:
    try:
        template = parse_template(text)
    except ValueError as error:
        reason, _, hint = str(error).partition("; try ")
        yield source.problem(at, "template", reason, hint)
        return
    known = [*fields_of(own), *extras]
    for name in template.names:
        if name not in known:
            text = f"the type {own.type} has no field '{name}'"
            yield source.problem(at, "unknown-field", text, nearest(name, known))
            return
    if field is not None and field.kind not in ("text", "set"):
        alone = len(template.parts) == 1 and isinstance(template.parts[0], Slot)
        if not alone or template.names[0] in extras or own.fields[template.names[0]].kind != field.kind:
            text = f"{at[-1]} is {field.kind}, which this text does not give"
            yield source.problem(at, "template", text, f"'${{field}}' with a field of kind {field.kind}")


def _field(source: Source, at: At, name: str, own: TypeFile, kinds: tuple[str, ...]) -> Iterator[Problem]:
    field = own.fields.get(name)
    if field is None or field.kind not in kinds:
        fitting = [each for each, known in own.fields.items() if known.kind in kinds]
        text = f"'{name}' is not a field of kind {' or '.join(kinds)} of {own.type}"
        yield source.problem(at, "unknown-field", text, nearest(name, fitting))
