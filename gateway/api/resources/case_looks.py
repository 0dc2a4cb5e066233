"""What helps to decide about a case: what its systems show now, what a value would write, what came of all cases."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from gateway.access.rights import Right
from gateway.api.declare import Ask, Key, Nothing, Query, Route
from gateway.work import case_metrics, looks, typed_values
from gateway.work.case_metrics import Metrics
from gateway.work.case_views import Correction

_CASE = "/v1/cases/{number}"
WEEK_S = 7 * 86_400.0


class CaseLook(msgspec.Struct, frozen=True, kw_only=True):
    """What the systems show."""

    sides: dict[str, Any] | None
    """The record field by field; null: the case is about a whole connection."""
    in_doubt: bool
    """Whether the outcome of a write is unknown."""
    check: tuple[dict[str, Any], ...]
    """Of a whole connection: what was tried, and whether it worked."""
    failed: bool


class CorrectionWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value as a person types it."""

    field: Annotated[str, Meta(min_length=1, max_length=200)]
    text: Annotated[str, Meta(max_length=10_000, description="A set as words between commas.")]


class ResolutionWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The side that stays, by the name of its system, or another value as a person types it."""

    keep: Annotated[str, Meta(max_length=200)] = ""
    text: Annotated[str, Meta(max_length=10_000)] | None = None


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """What `resolve` is told for it, and what that writes."""

    choice: str
    """Empty: `value` is meant."""
    value: Any
    preview: dict[str, Any]


class Since(Query, frozen=True, kw_only=True):
    """Of the figures."""

    since: Annotated[datetime, Meta(tz=True)] | None = None


async def look(ask: Ask) -> CaseLook:
    found = await looks.look_at_case(ask.desk.place, ask.who, ask.desk.connectors, ask.path["number"])
    return msgspec.convert(found, CaseLook)


async def correction(ask: Ask) -> Correction:
    said: CorrectionWish = ask.body
    return await typed_values.preview_correction(ask.desk.place, ask.who, ask.path["number"], said.field, said.text)


async def resolution(ask: Ask) -> Resolution:
    said: ResolutionWish = ask.body
    found = await typed_values.preview_resolution(
        ask.desk.place, ask.who, ask.path["number"], keep=said.keep, text=said.text
    )
    return msgspec.convert(found, Resolution)


async def figures(ask: Ask) -> Metrics:
    since = ask.query.since.timestamp() if ask.query.since else ask.desk.place.now() - WEEK_S
    return await case_metrics.metrics(ask.desk.place, ask.who, since=since)


_REFUSED = ("case-not-found", "action-forbidden", "choice-unknown", "field-unknown", "value-refused", "not-allowed")

ROUTES = (
    Route(
        method="GET",
        path="/v1/cases/metrics",
        name="countCases",
        tag="cases",
        summary="What people's work on cases came to: created, decided, late; of a week unless `since` says so",
        right=Right.SEE,
        do=figures,
        query=Since,
        answer=Metrics,
    ),
    Route(
        method="POST",
        path=f"{_CASE}:look",
        name="lookAtCase",
        tag="cases",
        summary="What its systems show at this moment; sends nothing",
        right=Right.WORK,
        do=look,
        body=Nothing,
        answer=CaseLook,
        problems=("case-not-found",),
        key=Key.DAY,
    ),
    Route(
        method="POST",
        path=f"{_CASE}:preview-correction",
        name="previewCorrection",
        tag="cases",
        summary="What a corrected value would write, and where; changes nothing",
        right=Right.WORK,
        do=correction,
        body=CorrectionWish,
        answer=Correction,
        problems=_REFUSED,
        key=Key.DAY,
    ),
    Route(
        method="POST",
        path=f"{_CASE}:preview-resolution",
        name="previewResolution",
        tag="cases",
        summary="What ending a conflict so would write, and where; changes nothing",
        right=Right.WORK,
        do=resolution,
        body=ResolutionWish,
        answer=Resolution,
        problems=_REFUSED,
        key=Key.DAY,
    ),
)
