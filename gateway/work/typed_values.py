"""Decisions whose value somebody types: read as the field's kind asks, shown with what they would write, and where."""

from __future__ import annotations

from typing import Any

from dead_letter.actions import actions_for, sides_of
from dead_letter.classify import ActionName
from dead_letter.errors import DecisionRefused
from dead_letter.values import Case
from gateway.access.masking import mask
from gateway.access.rights import Principal, Right
from gateway.work import cases
from gateway.work.case_scope import personal_of
from gateway.work.case_values import checked
from gateway.work.case_views import Correction
from gateway.work.previews import KEPT, resolve_preview
from gateway.work.workplace import Workplace

Facts = dict[str, Any]


async def preview_correction(place: Workplace, who: Principal, number: str, field: str, text: str) -> Correction:
    """As `cases.preview_correction`, of a value that was typed."""
    who.require(Right.WORK)
    case = await cases.look_up(place, who, number)
    return await cases.preview_correction(place, who, number, field, read_value(place, case, field, text))


async def preview_resolution(
    place: Workplace, who: Principal, number: str, *, keep: str = "", text: str | None = None
) -> Facts:
    """What a conflict ends with and what that would write: the side `keep`, named by its system, or a typed value.

    {choice: the side, empty for a value, value, preview}. Right WORK. Raises CaseNotFound, DecisionRefused,
    MappingError.
    """
    who.require(Right.WORK)
    case = await cases.look_up(place, who, number)
    side, value = _meant(place, case, keep, text)
    found = await resolve_preview(place.database, place.topology, case, side, value)
    if found is None:
        raise DecisionRefused(case.number, "resolve", f"The record or its field {case.field} is not kept any more.")
    return {"choice": side, "value": value, "preview": mask(found, personal_of(place, case), who)}


def _meant(place: Workplace, case: Case, keep: str, text: str | None) -> tuple[str, Any]:
    """The side that was chosen, or the value that was typed."""
    offered = next(each for each in actions_for(case, now=place.now()) if each.name is ActionName.RESOLVE)
    if not offered.allowed:
        raise DecisionRefused(case.number, "resolve", offered.why_not)
    if text is not None:
        return "", read_value(place, case, case.field, text)
    sides = sides_of(case)
    origin = str(case.evidence.get("canonical_from", ""))
    side = KEPT if keep == origin and KEPT in sides else keep
    if side not in sides:
        names = ", ".join(origin or one if one == KEPT else one for one in sides)
        why = f"It has no side {keep}; keep one of {names}, or give a value."
        raise DecisionRefused(case.number, "resolve", why, code="choice.unknown")
    return side, None


def read_value(place: Workplace, case: Case, field: str, text: str) -> Any:
    """The value that was typed, of the field's kind. Raises DecisionRefused if it is none."""
    flow = place.config.flows.get(case.flow)
    rule = flow.type.fields.get(field) if flow else None
    kind = rule.kind if rule else ""
    value: Any = text or None
    if kind == "set":
        value = sorted({word.strip() for word in text.split(",") if word.strip()})
    elif kind == "bool" and text.casefold() in _TRUTH:
        value = _TRUTH[text.casefold()]
    elif kind == "number" and value is not None:
        value = _number(text)
    return checked(place, case, field, value)


_TRUTH = {"yes": True, "true": True, "no": False, "false": False}


def _number(text: str) -> Any:
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        return text
