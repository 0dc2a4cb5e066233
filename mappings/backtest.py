"""Two mappings over the same documents: what they make of each, field by field. Pure, and keeps counts only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from connectors.contract.errors import MappingError
from mappings.compiler import CompiledMapping


class Verdict(StrEnum):
    """How a document fares under the new mapping. The worst first."""

    FAILING = "failing"  # a field is refused that was not
    CHANGED = "changed"
    FIXED = "fixed"  # nothing but: a field that was refused is not any more
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not the same. Where an error is not empty, there is no value."""

    field: str
    verdict: Verdict
    before: Any = None
    after: Any = None
    error_before: str = ""
    error_after: str = ""


@dataclass(frozen=True, slots=True)
class _Refused:
    text: str


_NOTHING: Any = type("Nothing", (), {"__repr__": lambda self: "NOTHING", "__slots__": ()})()
"""The document does not show the field, or the mapping does not read it."""


@dataclass(slots=True)
class Tally:
    """Counts of a backtest: documents by verdict, and fields by name and verdict."""

    total: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    fields: dict[str, Counter[Verdict]] = field(default_factory=dict)

    def add(self, differences: list[Difference]) -> Verdict:
        """One more document; its verdict."""
        verdict = worst(differences)
        self.total += 1
        self.verdicts[verdict] += 1
        for each in differences:
            self.fields.setdefault(each.field, Counter())[each.verdict] += 1
        return verdict


def worst(differences: list[Difference]) -> Verdict:
    """The verdict on a document."""
    found = {each.verdict for each in differences}
    return next((verdict for verdict in Verdict if verdict in found), Verdict.SAME)


def compare(before: CompiledMapping, after: CompiledMapping, raw: Mapping[str, Any]) -> list[Difference]:
    """The fields of which the two make something else. Never raises for what is in the document."""
    one, other = before.read(raw), after.read(raw)
    found = []
    for name in [*before.fields, *(each for each in after.fields if each not in before.fields)]:
        was, now = _meaning(before, name, one), _meaning(after, name, other)
        if was != now and not (isinstance(was, _Refused) and isinstance(now, _Refused)):  # other words are no news
            found.append(_difference(name, was, now))
    left = _leaves(before, raw), _leaves(after, raw)
    if left[0] != left[1]:
        found.append(_difference("(departure)", *left))
    return found


def _meaning(mapping: CompiledMapping, name: str, exts: Mapping[str, Any]) -> Any:
    if name not in exts or name not in mapping.fields or not mapping.fields[name].readable:
        return _NOTHING
    try:
        return mapping.from_ext(name, exts[name])
    except MappingError as error:
        return _Refused(str(error))


def _leaves(mapping: CompiledMapping, raw: Mapping[str, Any]) -> Any:
    try:
        return mapping.departure is not None and mapping.departure.leaves(raw)
    except MappingError as error:
        return _Refused(str(error))


def _difference(name: str, was: Any, now: Any) -> Difference:
    bad, worse = isinstance(was, _Refused), isinstance(now, _Refused)
    verdict = Verdict.FAILING if worse else Verdict.FIXED if bad else Verdict.CHANGED
    return Difference(
        name,
        verdict,
        before=None if bad or was is _NOTHING else was,
        after=None if worse or now is _NOTHING else now,
        error_before=was.text if bad else "",
        error_after=now.text if worse else "",
    )
