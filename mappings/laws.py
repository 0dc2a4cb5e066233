"""The round-trip law of a two-way rule, as functions that name its violations.

The linter samples it, tests search for counterexamples.

Normaliser: `norm` is idempotent. Put then get: writing a value and reading it back gives the same value. Get then put:
writing back what was read changes nothing. Stability: what we wrote and read back as if a person had typed it would be
written the same way again, so that no value moves for ever between two systems; this one holds for lossy rules too.
What a declared normaliser changes, and what is refused with a MappingError before it is written, is outside the law.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.contract.errors import MappingError
from mappings.codec import Codec
from mappings.model import FieldModel, TypeField
from mappings.valuemap import canonical_key

_TEXTS = ("a", "Two words", "line\nbreak", " blanks ", "x" * 300, "Grüße, 世界", "${value}", "1")
_SAMPLES: dict[str, tuple[Any, ...]] = {
    "text": _TEXTS,
    "enum": (),
    "set": ([], ["one"], ["one", "two"]),
    "user": ("ann@example.com",),
    "time": ("2026-03-01T10:20:30Z", "1999-12-31T23:59:59Z"),
    "number": (0, 1, -5, 2.5, 10**9),
    "bool": (True, False),
    "record": ("4711",),
}


def violations(codec: Codec, value: Any, *, lossy: bool) -> Iterator[str]:
    """What breaks when the canonical `value` goes out and comes back."""
    try:
        put = codec.to_ext(value)
    except MappingError:
        return
    shown = codec.norm(put)
    try:
        back = codec.from_ext(shown)
        again = codec.norm(codec.to_ext(back))
    except MappingError:
        if shown is not None:  # an empty value may be refused where the type requires one
            yield f"{value!r} is shown as {shown!r}, which is then refused"
        return
    if codec.norm(shown) != shown:
        yield f"normalising {put!r} twice gives {codec.norm(shown)!r}, once {shown!r}"
    if shown == put and back != value and not lossy:
        yield f"{value!r} is written as {put!r} and read back as {back!r}"
    if again != shown:
        yield f"{value!r} is shown as {shown!r}, read as {back!r} and would then be written as {again!r}"


def violations_outside(codec: Codec, ext: Any, *, lossy: bool) -> Iterator[str]:
    """What breaks when `ext`, as shown by the system, is read and written back."""
    shown = codec.show(ext) if codec.show is not None else ext
    shown = None if shown == "" else shown
    try:
        value = codec.from_ext(shown)
        put = codec.to_ext(value)
    except MappingError:
        return
    if codec.norm(codec.norm(shown)) != codec.norm(shown):
        yield f"normalising {shown!r} twice is not the same as once"
    if codec.norm(shown) == shown and put != shown and not lossy:
        yield f"{shown!r} is read as {value!r} and written back as {put!r}"


def sampled(codec: Codec, rule: FieldModel, type_field: TypeField) -> Iterator[str]:
    """Violations for all enumerable values and some typical ones."""
    named = [canonical_key(type_field.kind, key) for key in rule.values]
    values = named if type_field.kind != "set" else [[each] for each in named]
    exts = [ext for each in rule.values.values() for ext in (each.ext, *each.also)]
    for value in (*values, *type_field.values, *_domain(rule, type_field)):
        yield from violations(codec, value, lossy=rule.lossy)
    for ext in exts if type_field.kind != "set" else [[each] for each in exts]:
        yield from violations_outside(codec, ext, lossy=rule.lossy)


def _domain(rule: FieldModel, type_field: TypeField) -> tuple[Any, ...]:
    if type_field.kind == "time" and rule.format == "date":
        return ("2026-03-01",)
    return _SAMPLES[type_field.kind]
