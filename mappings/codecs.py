"""From an external to a canonical value and back, per kind of field. Pure; every refusal is a MappingError."""

from __future__ import annotations

from typing import Any

from mappings import normalise
from mappings.codec import Codec, Convert, Field, is_empty
from mappings.finding import finder
from mappings.links import record_codec
from mappings.model import FieldModel, TypeField
from mappings.templates import Template, parse_template
from mappings.times import ONE_SPELLING, time_codec
from mappings.valuemap import enum_codec, inverse, valued_codec

_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")


def build(mapping: str, name: str, rule: FieldModel, type_field: TypeField) -> Codec:
    """The codec of a field; the rule has passed the linter."""
    field = Field(mapping, name, rule, type_field)
    if type_field.kind == "set":
        return _set(field)
    if rule.values:
        return valued_codec(field, _user(field) if type_field.kind == "user" else None)
    builders = {"enum": enum_codec, "text": _text, "user": _user, "time": _time, "number": _number, "bool": _bool}
    builders["record"] = record_codec
    return builders[type_field.kind](field)


def _text(field: Field) -> Codec:
    norm = normalise.of_text(field.rule)
    template = parse_template(field.rule.template) if field.rule.template else None
    if template is not None:
        return _templated(field, template, norm)

    def from_ext(ext: Any) -> Any:
        if is_empty(ext):
            return field.emptied()
        text = normalise.text_shown(ext)
        if not isinstance(text, str):
            raise field.refused(ext)
        return text

    def to_ext(value: Any) -> Any:
        return None if is_empty(value) else str(value)

    return Codec(from_ext, to_ext, norm, normalise.text_shown)


def _templated(field: Field, template: Template, norm: Convert) -> Codec:
    """Text with a fixed beginning and end. What lacks them was typed by someone there: `on_unknown` decides."""
    before, after = surroundings(template)

    def from_ext(ext: Any) -> Any:
        if is_empty(ext):
            return field.emptied()
        if (
            isinstance(ext, str)
            and len(ext) >= len(before) + len(after)
            and ext.startswith(before)
            and ext.endswith(after)
        ):
            return ext[len(before) : len(ext) - len(after)] or None
        if field.rule.on_unknown == "keep" and isinstance(ext, str):
            return ext
        raise field.refused(ext, (f"{before}...{after}",))

    def to_ext(value: Any) -> Any:
        return None if is_empty(value) else f"{before}{value}{after}"

    return Codec(from_ext, to_ext, norm, normalise.text_shown)


def surroundings(template: Template) -> tuple[str, str]:
    """The text before and after `${value}`."""
    at = next(at for at, part in enumerate(template.parts) if not isinstance(part, str))
    return "".join(map(str, template.parts[:at])), "".join(map(str, template.parts[at + 1 :]))


def _user(field: Field) -> Codec:
    """A person, by e-mail address; lower case everywhere, so that spelling alone is never a change."""

    def show(ext: Any) -> Any:
        return (ext.strip().lower() or None) if isinstance(ext, str) else ext

    def from_ext(ext: Any) -> Any:
        if is_empty(ext):
            return field.emptied()
        if not (isinstance(ext, str) and "@" in ext):
            raise field.refused(ext, ("an e-mail address",))
        return show(ext)

    def to_ext(value: Any) -> Any:
        if value is not None and not (isinstance(value, str) and "@" in value):
            raise field.refused(value, ("an e-mail address",))
        return show(value)

    return Codec(from_ext, to_ext, show, show)


def _time(field: Field) -> Codec:
    read, write = time_codec(field.rule.format)

    def from_ext(ext: Any) -> Any:
        if is_empty(ext):
            return field.emptied()
        try:
            return read(ext)
        except (ValueError, TypeError, OverflowError) as error:
            raise field.refused(ext, (f"a time as {field.rule.format or 'iso'}",)) from error

    def to_ext(value: Any) -> Any:
        try:
            return None if value is None else write(value)
        except (ValueError, TypeError, OverflowError) as error:
            raise field.refused(value, ("a time as iso",)) from error

    def show(ext: Any) -> Any:
        """One moment, one spelling; what is no moment stays, for `from_ext` to refuse."""
        try:
            return ext if is_empty(ext) else write(read(ext))
        except (ValueError, TypeError, OverflowError):
            return ext

    return Codec(from_ext, to_ext, show, None if field.rule.format in ONE_SPELLING else show)


def _number(field: Field) -> Codec:
    as_text = field.rule.format == "text"

    def from_ext(ext: Any) -> Any:
        if is_empty(ext):
            return field.emptied()
        try:
            return _to_number(ext)
        except (ValueError, TypeError, OverflowError) as error:
            raise field.refused(ext, ("a number",)) from error

    def write(value: Any) -> Any:
        number = _to_number(value)
        return str(number) if as_text else number

    def to_ext(value: Any) -> Any:
        try:
            return None if value is None else write(value)
        except (ValueError, TypeError, OverflowError) as error:
            raise field.refused(value, ("a number",)) from error

    def show(ext: Any) -> Any:
        try:
            return ext if is_empty(ext) else write(ext)
        except (ValueError, TypeError, OverflowError):
            return ext

    return Codec(from_ext, to_ext, show, show)


def _to_number(value: Any) -> int | float:
    if isinstance(value, bool):
        raise TypeError("true and false are not numbers")
    number = float(value)
    if number - number != 0:
        raise ValueError("not a finite number")
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.strip().lstrip("+-").isdecimal():
        return int(value)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _bool(field: Field) -> Codec:
    as_text = field.rule.format == "text"

    def from_ext(ext: Any) -> Any:
        if is_empty(ext):
            return field.emptied()
        word = str(ext).lower()
        if word not in _TRUE + _FALSE:
            raise field.refused(ext, ("true", "false"))
        return word in _TRUE

    def to_ext(value: Any) -> Any:
        if value is not None and not isinstance(value, bool):
            raise field.refused(value, ("true", "false"))
        return ("true" if value else "false") if as_text and value is not None else value

    def show(ext: Any) -> Any:
        word = str(ext).lower()
        return to_ext(word in _TRUE) if word in _TRUE + _FALSE else ext

    return Codec(from_ext, to_ext, show, show)


def _set(field: Field) -> Codec:
    rule, separator = field.rule, field.rule.separator
    one = normalise.element(field.type_field.spaces, lower=rule.lower, max_length=rule.max_length)
    bare = normalise.element(field.type_field.spaces, lower=False, max_length=None)
    outward = {key: each.ext for key, each in rule.values.items()}
    inward = inverse(rule)

    def from_ext(ext: Any) -> Any:
        elements = show(ext)
        if not isinstance(elements, list) or not all(isinstance(each, str) for each in elements):
            raise field.refused(ext, ("a list of texts",))
        return sorted({inward.get(each, each) for each in elements})

    def to_ext(value: Any) -> Any:
        if value is not None and not isinstance(value, (list, tuple, set, frozenset)):
            raise field.refused(value, ("a list of texts",))
        if not all(isinstance(each, str) for each in value or ()):
            raise field.refused(value, ("a list of texts",))
        elements = {str(outward.get(each, each)) for each in value or ()}
        if separator and (split := [each for each in elements if separator in each]):
            raise field.refused(split[0], (f"elements without '{separator}'",))
        return sorted(bare(each) for each in elements)

    show = normalise.of_set(separator, bare)
    if rule.find:
        return Codec(from_ext, to_ext, show, finder(rule.find))
    return Codec(from_ext, to_ext, normalise.of_set(None, one), show)
