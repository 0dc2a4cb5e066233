"""What a changed description means for a mapping: what breaks, and what may. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from connectors.contract.fields import FieldInfo
from gateway.drift.seen import Described, Gone, options
from mappings.uses import Use


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """On one field of one mapping."""

    mapping: str
    """`name@version`."""
    field: str
    """The mapping's own."""
    native: str
    """The system's."""
    breaks: bool
    """Records fail over it, or are not carried over whole; False: they may."""
    text: str
    """One sentence."""
    at: float
    """Since when, as far as it was noticed."""


def effects(described: Described, mapping: str, uses: Iterable[Use]) -> list[Effect]:
    """What the description does to a mapping now, what breaks first. Nothing that was so from the beginning is told."""
    found: dict[tuple[str, str, str], Effect] = {}
    for use in uses:
        for each in _of(described, mapping, use):
            key = (each.field, each.native, each.text)
            found[key] = each if key not in found or each.breaks else found[key]
    return sorted(found.values(), key=lambda each: (not each.breaks, each.field, each.native, each.text))


def broken(found: Iterable[Effect]) -> list[Effect]:
    """What a case is for."""
    return [each for each in found if each.breaks]


def _of(described: Described, mapping: str, use: Use) -> Iterator[Effect]:
    now = described.by_name
    native = next((key for key in use.keys if key in now or key in described.gone), None)
    if native is None:
        return
    if native in described.gone and native not in now:
        yield _field_gone(described, mapping, use, native)
        return
    if native in described.retyped:
        kind, at = described.retyped[native]
        text = f"{native} was of kind {kind or '?'} and is of kind {now[native].kind or '?'} now"
        yield Effect(mapping=mapping, field=use.field, native=native, breaks=False, text=text, at=at)
    yield from _options_gone(described, mapping, use, native)
    yield from _options_new(described, mapping, use, now[native])


def _field_gone(described: Described, mapping: str, use: Use, native: str) -> Effect:
    gone, instead = described.gone[native], described.renamed.get(native, "")
    label = f" ({gone.label})" if gone.label and gone.label != native else ""
    hint = f"; {instead} came in its place" if instead else ""
    does = " and ".join(word for word, does in (("read", use.reads), ("written", use.writes)) if does)
    text = f"{native}{label} is gone, and {use.field} is {does} there{hint}"
    return Effect(mapping=mapping, field=use.field, native=native, breaks=use.needed, text=text, at=gone.at)


def _options_gone(described: Described, mapping: str, use: Use, native: str) -> Iterator[Effect]:
    for value, gone in described.gone_options.get(native, {}).items():
        if {value, gone.label} & set(use.written):
            text = f"{native} does not take {_named(value, gone)} any more, which is written for {use.field}"
            yield Effect(mapping=mapping, field=use.field, native=native, breaks=True, text=text, at=gone.at)
        elif {value, gone.label} & set(use.known):
            text = f"{native} has no {_named(value, gone)} any more, which {use.field} still understands"
            yield Effect(mapping=mapping, field=use.field, native=native, breaks=False, text=text, at=gone.at)


def _options_new(described: Described, mapping: str, use: Use, field: FieldInfo) -> Iterator[Effect]:
    if not use.known:
        return
    labels = options(field)
    for value, at in described.new_options.get(field.name, {}).items():
        if not {value, labels.get(value, "")} & set(use.known):
            named = _named(value, Gone(at, labels.get(value, "")))
            text = f"{field.name} can be {named} now, which {use.field} does not know"
            yield Effect(mapping=mapping, field=use.field, native=field.name, breaks=False, text=text, at=at)


def _named(value: str, gone: Gone) -> str:
    return f"{value!r} ({gone.label})" if gone.label and gone.label != value else repr(value)
