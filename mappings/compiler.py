"""Turns a checked mapping file into a `CompiledMapping`: frozen, pure and fast; what the sync core works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connectors.contract.errors import MappingError
from connectors.contract.written.conditions import compile_condition
from connectors.contract.written.paths import parse_path, simple
from mappings.codec import Codec
from mappings.codecs import build
from mappings.fallback import Fallback, compile_fallbacks
from mappings.links import Book, bind
from mappings.model import FieldModel, MappingFile, TypeFile
from mappings.reader import Gate, Leaf, Read, generate
from mappings.rules import Departure, FieldRule, ItemRule
from mappings.uses import Use, uses_of
from mappings.valuemap import inverse
from mappings.writer import Slot, Writer, companions_of

Ext = Any
"""An external value: JSON-able, with one spelling. Sets are sorted lists; empty is None (sets: [])."""


@dataclass(frozen=True, slots=True, repr=False)
class CompiledMapping:
    """Joins one system's object to one record type. Pure: the same input gives the same answer, nothing is kept."""

    name: str
    version: int
    digest: str
    """SHA-256 over the texts that this was compiled from, the mapping's and its record type's."""
    system: str
    object: str
    type: str
    reads: tuple[str, ...]
    """Native fields to ask the system for besides those its connector reads anyway."""
    fields: Mapping[str, FieldRule]
    items: ItemRule | None
    departure: Departure | None
    codecs: Mapping[str, Codec]
    read: Read
    """raw -> external value of each mapped field that is present; null and "" are None, a missing path is left out."""
    history: Read
    """The same for fragments: of HistoryEntry, and of what `write` gives (it tells which fields that sets). Not what is
    found in texts: a fragment may lack one of them.
    """
    writer: Writer
    uses: tuple[Use, ...] = ()
    """Native fields that are read and written, for whoever looks out for changes of the system."""

    def bound(self, connection: str, book: Book) -> CompiledMapping:
        """This mapping for one connection: its fields of kind `record` name objects across systems, as `book` knows
        them.
        """
        codecs = dict(self.codecs)
        for name, rule in self.fields.items():
            if rule.kind == "record":
                codecs[name] = bind(codecs[name], name, self.name, connection, self.object, book)
        return replace(self, codecs=codecs, writer=replace(self.writer, codecs=codecs))

    def __repr__(self) -> str:
        return f"CompiledMapping({self.name}@{self.version})"

    @property
    def label(self) -> str:
        """`name@version` with the beginning of the digest: two texts may carry one number."""
        return f"{self.name}@{self.version} {self.digest[:12]}".strip()

    def from_ext(self, field: str, ext: Ext) -> Any:
        """The canonical value. Raises MappingError after `on_unknown` was applied."""
        return self.codecs[field].from_ext(ext)

    def to_ext(self, field: str, value: Any) -> Ext:
        """The external value of a canonical one. Raises MappingError."""
        return self.codecs[field].to_ext(value)

    def norm(self, field: str, ext: Ext) -> Ext:
        """What the system shows after `ext` was written. Idempotent. Of a field that this version maps no longer, and
        an earlier one sent: `ext` as it is, so that what became of it can be settled.
        """
        codec = self.codecs.get(field)
        return ext if codec is None else codec.norm(ext)

    def write(
        self, exts: Mapping[str, Ext], record: Mapping[str, Any], instead: Mapping[str, Fallback] | None = None
    ) -> dict[str, Any]:
        """The fragment of `raw` that sets `exts`, with companions from `record` (canonical values of the whole record).

        Fields that are not writable, and the own value of stepped fields, are not in it. `instead`: fallbacks whose
        companions go with a field in place of its own. Raises MappingError if a companion cannot be carried over.
        """
        return self.writer.write(exts, record, {name: each.companions for name, each in (instead or {}).items()})

    def open(self, field: str, shown: Mapping[str, Ext]) -> bool:
        """Whether `field` can be written while the system shows `shown`.

        A resolution exists only on a resolved object: until then it is not to be sent by itself, and not to be missed.
        """
        gate = self.fields[field].gate
        return gate is None or gate[0] not in shown or shown[gate[0]] in gate[1]

    def shut(self, field: str, shown: Mapping[str, Ext]) -> bool:
        """Whether `field` was read as empty because of what else the system shows: nobody emptied it."""
        rule = self.fields[field]
        state = shown.get(rule.gate[0]) if rule.gate is not None else None
        return isinstance(state, str) and state in rule.shut


def compile_mapping(model: MappingFile, record_type: TypeFile, *, digest: str = "") -> CompiledMapping:
    """Compiles a file that the linter has passed. Raises ValueError or KeyError for one that it would not pass."""
    codecs = {name: build(model.mapping, name, rule, record_type.fields[name]) for name, rule in model.fields.items()}
    gates = {name: _gate(model, rule) for name, rule in model.fields.items() if rule.when}
    writer = Writer(model.mapping, _slots(model, codecs, record_type), model.clear_with, codecs)
    fields = {name: _field_rule(model, name, rule, record_type, gates.get(name)) for name, rule in model.fields.items()}
    leaves = [_leaf(name, rule, record_type, codecs[name]) for name, rule in model.fields.items()]
    closing = [Gate(name, by, fields[name].shut) for name, (by, _) in gates.items()]
    return CompiledMapping(
        name=model.mapping,
        version=model.version,
        digest=digest,
        system=model.system,
        object=model.object,
        type=model.type,
        reads=tuple(model.reads),
        fields=fields,
        items=_items(model),
        departure=_departure(model),
        codecs=codecs,
        read=generate(model.mapping, leaves, closing, whole=True),
        history=generate(model.mapping, [leaf for leaf in leaves if not leaf.joins], closing, whole=False),
        writer=writer,
        uses=uses_of(model),
    )


def _field_rule(
    model: MappingFile, name: str, rule: FieldModel, record_type: TypeFile, gate: tuple[str, frozenset[Any]] | None
) -> FieldRule:
    return FieldRule(
        name=name,
        kind=record_type.fields[name].kind,
        stepped=bool(rule.steps),
        writable=rule.direction != "in",
        readable=rule.direction != "out",
        companions=companions_of(model, name),
        personal=record_type.fields[name].personal,
        required=record_type.fields[name].required,
        lossy=rule.lossy,
        steps={ext: tuple(after) for ext, after in rule.steps.items()},
        gate=gate,
        shut=_known(model.fields[gate[0]]) - gate[1] if gate else frozenset(),
        fallbacks=compile_fallbacks(rule, record_type),
    )


def _leaf(name: str, rule: FieldModel, record_type: TypeFile, codec: Codec) -> Leaf:
    paths = tuple(parse_path(each) for each in rule.path)
    return Leaf(name, paths, record_type.fields[name].kind, codec.show, joins=bool(rule.find))


def _gate(model: MappingFile, rule: FieldModel) -> tuple[str, frozenset[Any]]:
    by, canonical = next(iter(rule.when.items()))
    values = model.fields[by].values
    return by, frozenset(ext for each in canonical for ext in (values[each].ext, *values[each].also))


def _known(rule: FieldModel) -> frozenset[Any]:
    """All external values that a value map knows. One that it does not know closes no gate: it is a case of its own."""
    return frozenset(inverse(rule)) | frozenset(each.ext for each in rule.values.values())


def _slots(model: MappingFile, codecs: Mapping[str, Codec], record_type: TypeFile) -> dict[str, Slot]:
    return {
        name: Slot.of(rule, record_type.fields[name].kind, _keys(rule.write or rule.path[0]), codecs[name])
        for name, rule in model.fields.items()
        if rule.direction != "in"
    }


def _keys(path: str) -> tuple[str, ...]:
    keys = simple(parse_path(path))
    if not keys:
        raise ValueError(f"'{path}' cannot be written")
    return keys


def _items(model: MappingFile) -> ItemRule | None:
    if model.items is None:
        return None
    return ItemRule(model.items.field, _kinds(model.items.in_), _kinds(model.items.out), model.mapping)


def _kinds(kinds: Mapping[str, str]) -> dict[str, str | None]:
    return {kind: None if other == "drop" else other for kind, other in kinds.items()}


def _departure(model: MappingFile) -> Departure:
    rule = model.departure
    condition: Callable[[Mapping[str, Any]], bool] | None = None
    if rule.when is not None:
        condition = compile_condition(rule.when, variable="raw")
    return Departure(rule.deleted, dict(rule.closed), condition)


__all__ = ["CompiledMapping", "Departure", "FieldRule", "ItemRule", "MappingError", "compile_mapping"]
