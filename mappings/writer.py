"""Builds the fragment of a vendor's document that sets given values, companion values included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from connectors.contract.errors import MappingError
from connectors.contract.written.paths import parse_path, put, simple
from mappings.codec import Codec
from mappings.model import FieldModel, MappingFile
from mappings.templates import Template, parse_template

Companion = tuple[tuple[str, ...], Any]
"""Keys of a native path, and a Template or a plain value."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where and how one field is written."""

    keys: tuple[str, ...]
    clear_at: tuple[str, ...]
    silent: bool
    """The own value is not sent: the system computes it, or it moves by steps."""
    separator: str | None
    crlf: bool
    gate: tuple[str, frozenset[str]] | None
    """Canonical field and values under which this one is written."""
    always: tuple[Companion, ...]
    by_value: Mapping[Any, tuple[Companion, ...]]

    @classmethod
    def of(cls, rule: FieldModel, kind: str, keys: tuple[str, ...], codec: Codec) -> Self:
        """The slot of a rule that the linter has passed."""
        gate = next(((by, frozenset(values)) for by, values in rule.when.items()), None)
        return cls(
            keys=keys,
            clear_at=_keys(rule.clear_at) if rule.clear_at else keys,
            silent=rule.computed or bool(rule.steps),
            separator=rule.separator if kind == "set" else None,
            crlf=rule.newlines == "crlf",
            gate=gate,
            always=tuple(companions(rule.with_)),
            by_value={
                _value(kind, key): tuple(companions(each.with_)) for key, each in rule.values.items() if each.with_
            },
        )

    def stored(self, ext: Any) -> Any:
        """The form in which the system takes the value."""
        if self.separator is not None and isinstance(ext, list):
            return self.separator.join(ext)
        return ext.replace("\n", "\r\n") if self.crlf and isinstance(ext, str) else ext


@dataclass(frozen=True, slots=True)
class Writer:
    """The writing half of a compiled mapping."""

    mapping: str
    slots: Mapping[str, Slot]
    clear_with: Any
    codecs: Mapping[str, Codec]

    def write(
        self, exts: Mapping[str, Any], record: Mapping[str, Any], instead: Mapping[str, tuple[Companion, ...]]
    ) -> dict[str, Any]:
        """See CompiledMapping.write; `instead` has the companions of fallbacks."""
        fragment: dict[str, Any] = {}
        along: list[Companion] = []
        for name, ext in exts.items():
            slot = self.slots.get(name)
            if slot is None or _closed(slot, record):
                continue
            if not slot.silent:
                self._set(fragment, slot, self.codecs[name].norm(ext))
            if name in instead:
                along += instead[name]
                continue
            along += slot.always
            if slot.by_value:
                along += slot.by_value.get(self._meant(name, ext, record), ())
        for keys, what in along:
            value = what.fill(lambda field: self._sent(field, exts, record)) if isinstance(what, Template) else what
            if value is not None or not isinstance(what, Template):
                put(fragment, keys, value)
        return fragment

    def _set(self, fragment: dict[str, Any], slot: Slot, ext: Any) -> None:
        if ext is None or ext == []:
            empty: Any = [] if isinstance(ext, list) and slot.separator is None else self.clear_with
            put(fragment, slot.clear_at, empty)
        else:
            put(fragment, slot.keys, slot.stored(ext))

    def _meant(self, name: str, ext: Any, record: Mapping[str, Any]) -> Any:
        """The canonical value behind `ext`: the record's own if it looks like that outside, else what `ext` reads as.

        Several canonical values may look the same outside (closed and resolved are both Done) and differ in companions;
        and a hop on the way of a stepped field is not the record's value at all.
        """
        codec, value = self.codecs[name], record.get(name)
        try:
            if value is not None and codec.to_ext(value) == ext:
                return value
            return None if ext is None else codec.from_ext(ext)
        except MappingError:
            return None  # a hop over a status that this mapping has no word for needs no companions

    def _sent(self, field: str, exts: Mapping[str, Any], record: Mapping[str, Any]) -> Any:
        """What stands for `${field}`: its external value if the mapping writes that field, else its canonical value."""
        codec, slot = self.codecs.get(field), self.slots.get(field)
        if codec is None or slot is None:
            return record.get(field)
        ext = exts[field] if field in exts else codec.to_ext(record.get(field))
        ext = codec.norm(ext)
        return None if ext is None or ext == [] else slot.stored(ext)


def _closed(slot: Slot, record: Mapping[str, Any]) -> bool:
    return slot.gate is not None and slot.gate[0] in record and record[slot.gate[0]] not in slot.gate[1]


def _keys(path: str) -> tuple[str, ...]:
    return simple(parse_path(path)) or ()


def _value(kind: str, key: str) -> Any:
    return key == "true" if kind == "bool" else key


def companions(given: Mapping[str, Any]) -> Iterator[Companion]:
    """The native values of a `with:`, by path."""
    for path, value in given.items():
        yield _keys(path), parse_template(value) if isinstance(value, str) else value


def companions_of(model: MappingFile, name: str) -> tuple[str, ...]:
    """Canonical fields that travel with `name`: named in its templates, or written where its companions go."""
    rule = model.fields[name]
    blocks = [rule.with_, *(each.with_ for each in rule.values.values()), *(each.with_ for each in rule.fallback)]
    paths = {_keys(path) for block in blocks for path in block}
    named = {
        field
        for block in blocks
        for value in block.values()
        if isinstance(value, str)
        for field in parse_template(value).names
    }
    placed = {
        other
        for other, each in model.fields.items()
        if each.direction != "in" and _keys(each.write or each.path[0]) in paths
    }
    return tuple(other for other in model.fields if other in (named | placed) - {name})
