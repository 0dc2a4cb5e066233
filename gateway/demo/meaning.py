"""When do two systems' values mean the same? Decided through the mappings, in canonical terms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.contract.errors import MappingError
from gateway.demo.evidence import Side


def plain(value: Any) -> Any:
    """A value with all forms of "nothing" made one."""
    return None if value in ("", [], ()) else value


def carried(source: Side, target: Side, field: str) -> bool:
    """Whether the mappings carry this field from `source` to `target`."""
    reads, writes = source.translator.fields.get(field), target.translator.fields.get(field)
    return reads is not None and writes is not None and reads.readable and writes.writable


def shared(one: Side, other: Side) -> list[str]:
    """Fields that travel between the two, in one direction at least."""
    return [name for name in one.translator.fields if carried(one, other, name) or carried(other, one, name)]


def is_set(side: Side, field: str) -> bool:
    """Whether the field is a set, judged element by element."""
    return side.translator.fields[field].kind == "set"


def gate_of(side: Side, field: str) -> str | None:
    """The field that decides whether this one means anything (a resolution needs an end), if there is one."""
    gate = side.translator.fields[field].gate
    return gate[0] if gate else None


def canonical(side: Side, field: str, ext: Any) -> Any:
    """The canonical value; raises MappingError for one the mapping does not know."""
    return None if plain(ext) is None else side.translator.from_ext(field, ext)


def shown(target: Side, field: str, value: Any) -> Any:
    """What `target` shows after this canonical value was written to it; raises MappingError."""
    if plain(value) is None:
        return None
    return plain(target.translator.norm(field, target.translator.to_ext(field, value)))


def same(one: Side, other: Side, field: str, value: Any, theirs: Any) -> bool:
    """Whether `value` of `one` and `theirs` of `other` agree.

    A mapping may be declared lossy in one direction (a text is cut, two states become one), so it is enough that
    writing either value would leave the other system as it is.
    """
    return _leaves(one, other, field, value, theirs) or _leaves(other, one, field, theirs, value)


def _leaves(source: Side, target: Side, field: str, value: Any, theirs: Any) -> bool:
    try:
        expected = shown(target, field, canonical(source, field, value))
    except MappingError:
        return False
    if isinstance(expected, list) and isinstance(theirs, list):
        return sorted(map(repr, expected)) == sorted(map(repr, theirs))
    return bool(expected == plain(theirs))


def elements(side: Side, field: str, ext: Any) -> frozenset[Any]:
    """The canonical elements of a set; one that the mapping does not know stands for itself."""
    return frozenset(element for raw in plain(ext) or () for element in _canonical_elements(side, field, raw))


def arrived(source: Side, target: Side, field: str, element: Any) -> frozenset[Any]:
    """What an element of `source` is in canonical terms once `target` has stored it."""
    if source is target:
        return frozenset({element})
    try:
        return elements(target, field, shown(target, field, [element]))
    except MappingError:
        return frozenset({element})


def _canonical_elements(side: Side, field: str, raw: Any) -> Iterable[Any]:
    try:
        return tuple(side.translator.from_ext(field, [raw]) or ())
    except MappingError:
        return (raw,)


def ledgered_as(side: Side, field: str, ext: Any, kept: Any) -> bool:
    """Whether a value in the conflict ledger is this one: canonical, or external where no canonical value exists."""
    forms = [plain(ext)]
    try:
        forms.append(plain(canonical(side, field, ext)))
    except MappingError:
        pass
    return plain(kept) in forms
