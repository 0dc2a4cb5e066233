"""Value maps: canonical to external value and back, with a rule for what the map does not name."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from mappings.codec import Codec, Convert, Field, is_empty, same
from mappings.model import FieldModel


def enum_codec(field: Field) -> Codec:
    """An enum without a value map: the names are the same outside."""
    names = {each: each for each in field.type_field.values}
    return _mapped(field, names, names, passing=None)


def valued_codec(field: Field, passing: Codec | None) -> Codec:
    """A field with `values`. `passing` takes what the map does not name (most e-mails are the same everywhere)."""
    plain = {key: canonical_key(field.type_field.kind, key) for key in field.rule.values}
    outward = {plain[key]: each.ext for key, each in field.rule.values.items()}
    return _mapped(field, outward, inverse(field.rule, plain), passing)


def inverse(rule: FieldModel, plain: Mapping[str, Any] | None = None) -> dict[Any, Any]:
    """External to canonical value: the readable `ext` values first, then `also`."""
    named = plain or {key: key for key in rule.values}
    found = {each.ext: named[key] for key, each in rule.values.items() if each.read}
    for key, each in rule.values.items():
        for ext in each.also:
            found.setdefault(ext, named[key])
    return found


def canonical_key(kind: str, key: str) -> Any:
    """The canonical value that a key of `values` stands for: keys are text in YAML, booleans and numbers are not."""
    if kind == "bool":
        return key == "true"
    if kind == "number":
        return float(key) if "." in key else int(key)
    return key


def _mapped(field: Field, outward: Mapping[Any, Any], inward: Mapping[Any, Any], passing: Codec | None) -> Codec:
    inside = _looked_up(inward, _empty_in(field), _unnamed_in(field, inward, outward, passing))
    outside = _looked_up(outward, same, _unnamed_out(field, inward, outward, passing))
    return Codec(inside, outside, passing.norm if passing else same, passing.show if passing else None)


def _looked_up(table: Mapping[Any, Any], empty: Convert, unnamed: Convert) -> Convert:
    """The table, then what empty means, then the rule for the rest. A value that cannot be a key is one of the rest."""

    def convert(value: Any) -> Any:
        try:
            return table[value]
        except (KeyError, TypeError):
            return empty(None) if is_empty(value) else unnamed(value)

    return convert


def _empty_in(field: Field) -> Convert:
    return lambda _: field.emptied()


def _unnamed_in(field: Field, inward: Mapping[Any, Any], outward: Mapping[Any, Any], passing: Codec | None) -> Convert:
    rule, known = field.rule, tuple(inward)

    def convert(ext: Any) -> Any:
        if passing is not None:
            return passing.from_ext(ext)
        if rule.on_unknown == "default":
            return rule.default
        if _may_pass(rule, ext, outward):
            return ext
        raise field.refused(ext, known)

    return convert


def _unnamed_out(field: Field, inward: Mapping[Any, Any], outward: Mapping[Any, Any], passing: Codec | None) -> Convert:
    rule, known = field.rule, tuple(outward)

    def convert(value: Any) -> Any:
        if passing is not None:
            return passing.to_ext(value)
        if rule.on_unknown == "default":
            return outward[rule.default]
        if _may_pass(rule, value, inward):
            return value
        raise field.refused(value, known)

    return convert


def _may_pass(rule: FieldModel, value: Any, other_side: Mapping[Any, Any]) -> bool:
    """`keep`, unless the other side uses the same word for something else: it would come back as that. What is no
    number (NaN, infinity) is no value that anybody could be sent, and NaN never equals itself: news for ever.
    """
    if isinstance(value, float) and not isfinite(value):
        return False
    return rule.on_unknown == "keep" and isinstance(value, (str, int, float)) and value not in other_side
