"""A document through a mapping, field by field: where each value comes from, by which rule, and what to look out for.

Pure. It says what `CompiledMapping` does and never decides anything itself: every value in it comes from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.contract.errors import MappingError
from connectors.contract.written.paths import MISSING, look_up, parse_path, simple
from mappings.codec import is_empty
from mappings.compiler import CompiledMapping
from mappings.model import FieldModel, MappingFile, TypeField, TypeFile
from mappings.valuemap import inverse

MOST_UNMAPPED = 100


@dataclass(frozen=True, slots=True)
class Traced:
    """One field that the document shows."""

    field: str
    path: str
    """The path whose value was taken; of several the first that is there and not empty."""
    rule: str
    """What was done with it, in words."""
    ext: Any
    value: Any
    """The canonical value; None where `error` says why there is none."""
    back: Any
    """What would be written for that value; None where nothing can be."""
    error: str
    warnings: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Writing it back gives what was read."""
        return not self.error and self.back == self.ext


@dataclass(frozen=True, slots=True)
class Trace:
    """A document through a mapping."""

    fields: tuple[Traced, ...]
    missing: tuple[str, ...]
    """Mapped fields that the document does not have: they keep their values."""
    unmapped: tuple[str, ...]
    """Paths of the document that the mapping does not read."""
    left: bool
    """The mapping takes the object for one that has left."""
    fragment: Mapping[str, Any] | None
    """What would be written for all these values; None where one is refused."""


def trace(mapping: CompiledMapping, model: MappingFile, record_type: TypeFile, raw: Mapping[str, Any]) -> Trace:
    """What the mapping makes of a whole document. Never raises for what is in the document."""
    exts = mapping.read(raw)
    fields = tuple(
        _traced(mapping, model, record_type, raw, name, exts)
        for name in mapping.fields
        if name in exts and mapping.fields[name].readable
    )
    return Trace(
        fields=fields,
        missing=tuple(name for name in mapping.fields if name not in exts),
        unmapped=tuple(_unmapped(model, raw)),
        left=_left(mapping, raw),
        fragment=_fragment(mapping, fields),
    )


def _traced(
    mapping: CompiledMapping,
    model: MappingFile,
    record_type: TypeFile,
    raw: Mapping[str, Any],
    name: str,
    exts: Mapping[str, Any],
) -> Traced:
    rule, of_type, ext = model.fields[name], record_type.fields[name], exts[name]
    path, there = _taken(rule, raw, many=of_type.kind == "set")
    value: Any = None
    back: Any = None
    error = ""
    try:
        value = mapping.from_ext(name, ext)
        back = mapping.norm(name, mapping.to_ext(name, value)) if mapping.fields[name].writable else ext
    except MappingError as refused:
        error = str(refused)
    closed = _closed(mapping, model, name, exts)
    told = () if error else tuple(_warnings(rule, of_type, ext, back, path, there))
    return Traced(name, path, _rule(rule, of_type, ext, closed=closed), ext, value, back, error, told)


def _taken(rule: FieldModel, raw: Mapping[str, Any], *, many: bool) -> tuple[str, Any]:
    """The path, and what the document has there."""
    found: tuple[str, Any] = ("", None)
    for path in rule.path:
        shown = look_up(parse_path(path), raw, many=many)
        if shown is MISSING:
            continue
        found = found if found[0] else (path, shown)
        if not is_empty(shown) and shown != []:
            return path, shown
    return found


def _closed(mapping: CompiledMapping, model: MappingFile, name: str, exts: Mapping[str, Any]) -> str:
    """The condition that makes the field mean nothing now, in words."""
    if not model.fields[name].when or mapping.open(name, exts):
        return ""
    by, values = next(iter(model.fields[name].when.items()))
    return f"empty: it means something only while {by} is {' or '.join(values)}"


def _rule(rule: FieldModel, of_type: TypeField, ext: Any, *, closed: str) -> str:
    if closed:
        return closed
    if rule.values and of_type.kind != "set":
        return _by_values(rule, ext)
    if is_empty(ext):
        return f"empty means {rule.empty!r}" if rule.empty is not None else "empty"
    if rule.template:
        return f"inside {rule.template!r}"
    if of_type.kind == "time":
        return f"time as {rule.format or 'iso'}"
    if rule.find:
        return f"what is found by {' or '.join(rule.find)}"
    if of_type.kind == "set":
        return f"set, separated by {rule.separator!r}" if rule.separator else "set"
    return f"{of_type.kind} as it is"


def _by_values(rule: FieldModel, ext: Any) -> str:
    if is_empty(ext) and not _named(rule, ext):
        return f"empty means {rule.empty!r}" if rule.empty is not None else "empty"
    if _named(rule, ext):
        return f"value {ext!r}"
    return {"default": "not in values: the default", "keep": "not in values: kept", "case": "not in values: a case"}[
        rule.on_unknown
    ]


def _named(rule: FieldModel, ext: Any) -> bool:
    try:
        return ext in inverse(rule)
    except TypeError:
        return False


def _warnings(rule: FieldModel, of_type: TypeField, ext: Any, back: Any, path: str, there: Any) -> Iterator[str]:
    if len(rule.path) > 1 and path and path != rule.path[0] and not rule.find:
        yield f"not at {rule.path[0]}: taken from {path}"
    unnamed = rule.values and of_type.kind != "set" and not is_empty(ext) and not _named(rule, ext)
    if unnamed and rule.on_unknown == "default":
        yield f"{ext!r} is not in values: the default {rule.default!r} was used"
    if unnamed and rule.on_unknown == "keep":
        yield f"{ext!r} is not in values: kept as it is"
    if rule.max_length and isinstance(ext, str) and len(ext) >= rule.max_length:
        yield f"{len(ext)} characters, the most there are room for: it may have been cut"
    if of_type.kind == "time" and _without_zone(rule, there):
        yield "no time zone in it: taken as UTC"
    if back != ext:
        yield "written back it would look otherwise" + ("; the rule says so (lossy)" if rule.lossy else "")


def _without_zone(rule: FieldModel, there: Any) -> bool:
    """A form that says `utc`, a number and a plain date leave no doubt; others are what the text says."""
    if not isinstance(there, str) or not there or rule.format in ("utc", "date", "epoch_s", "epoch_ms"):
        return False
    if rule.format not in (None, "iso"):
        return "%z" not in str(rule.format)
    try:
        return datetime.fromisoformat(there).tzinfo is None
    except ValueError:
        return False


def _left(mapping: CompiledMapping, raw: Mapping[str, Any]) -> bool:
    try:
        return mapping.departure is not None and mapping.departure.leaves(raw)
    except MappingError:
        return False


def _fragment(mapping: CompiledMapping, fields: Sequence[Traced]) -> Mapping[str, Any] | None:
    if any(each.error for each in fields):
        return None
    chosen = {each.field: each.back for each in fields if mapping.fields[each.field].writable}
    try:
        return mapping.write(chosen, {each.field: each.value for each in fields})
    except MappingError:
        return None


def _unmapped(model: MappingFile, raw: Mapping[str, Any]) -> Iterator[str]:
    read = {_keys(path) for rule in model.fields.values() for path in rule.path}
    read |= {(each,) for each in model.reads}
    found = 0
    for keys in _leaves(raw, ()):
        if found == MOST_UNMAPPED:
            return
        if not any(keys[: len(each)] == each or each[: len(keys)] == keys for each in read):
            found += 1
            yield ".".join(keys)


def _keys(path: str) -> tuple[str, ...]:
    """The keys of a path, up to where it goes otherwise than from key to key."""
    parsed: Any = parse_path(path)
    while (keys := simple(parsed)) is None:
        parsed = getattr(parsed, "left", None)
        if parsed is None:
            return ()
    return keys


def _leaves(value: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, each in value.items():
        if isinstance(each, Mapping) and each:
            yield from _leaves(each, (*above, key))
        else:
            yield (*above, key)
