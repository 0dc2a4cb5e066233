"""Values that people enter for a field of a record: of the field's kind, or refused with what would fit."""

from __future__ import annotations

from typing import Any

from dead_letter.errors import DecisionRefused
from dead_letter.values import CaseSummary
from gateway.work.workplace import Workplace
from mappings.model import TypeField


def checked(place: Workplace, case: CaseSummary, field: str, value: Any) -> Any:
    """The value as a record holds it. Raises DecisionRefused for an unknown field or a value of another kind."""
    flow = place.config.flows.get(case.flow)
    rule = flow.type.fields.get(field) if flow else None
    if rule is None:
        why = f"The configuration has no field {field} in {case.flow or 'this case'}."
        raise DecisionRefused(case.number, "this value", why, code="field.unknown")
    wrong = _wrong(rule, field, value)
    if wrong:
        raise DecisionRefused(case.number, "this value", wrong, code="value.refused")
    return sorted(set(value)) if rule.kind == "set" else value


def _wrong(rule: TypeField, field: str, value: Any) -> str:
    if rule.kind == "items":
        return f"{field} is a stream of comments: correct one in its system."
    if rule.kind == "set":
        fits = isinstance(value, list) and all(isinstance(each, str) and each for each in value)
        return "" if fits else f"{field} is a set: give a list of words."
    if value is None:
        return f"{field} may not be empty." if rule.required else ""
    if rule.kind == "number":
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if fits else f"{field} is a number."
    if rule.kind == "enum":
        return "" if value in rule.values else f"{field} is one of {', '.join(rule.values)}."
    if rule.kind == "bool":
        return "" if isinstance(value, bool) else f"{field} is yes or no."
    return "" if isinstance(value, str) else f"{field} is a text."
