"""What is said and answered about mapping versions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from gateway.api.declare import Paged
from gateway.work import mapping_trials

Facts = dict[str, Any]
Text = Annotated[str, Meta(max_length=mapping_trials.LONGEST)]


class Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body."""


class RunWish(Said, frozen=True, kw_only=True):
    """A document as the system gives it, or what came in with a change, or last for a case's object."""

    document: dict[str, Any] | None = None
    change: Annotated[str, Meta(max_length=40)] = ""
    case: Annotated[str, Meta(max_length=40)] = ""
    text: Annotated[Text, Meta(description="Of a mapping of this name, tried in place of the stored one.")] = ""


class TestWish(Said, frozen=True, kw_only=True):
    """Tests as in a test file; empty: those that stand beside the mapping in use."""

    __test__ = False

    tests: Text = ""
    text: Annotated[Text, Meta(description="Of a mapping of this name, tried in place of the stored one.")] = ""


class BacktestWish(Said, frozen=True, kw_only=True):
    """Over which changes, by when they were accepted."""

    since: Annotated[datetime, Meta(tz=True)]
    until: Annotated[datetime, Meta(tz=True)] | None = None
    connection: Annotated[str, Meta(max_length=100)] = ""
    text: Annotated[
        Text, Meta(description="Of a mapping of this name, tried in place of the stored one; it is kept.")
    ] = ""


class Approval(Said, frozen=True, kw_only=True):
    """A second person's agreement to exactly this digest."""

    digest: Annotated[str, Meta(min_length=1, max_length=64)]
    reason: Annotated[str, Meta(max_length=2000)] = ""


class Publication(Said, frozen=True, kw_only=True):
    """Why."""

    reason: Annotated[str, Meta(max_length=2000)] = ""


class VersionView(msgspec.Struct, frozen=True, kw_only=True):
    """A stored version. Several texts may carry one number; `ref` names exactly this one."""

    ref: str
    name: str
    version: int
    digest: str
    system: str
    object: str
    type: str
    stored_at: float
    stored_by: str
    origin: str
    first_used_at: float | None
    first_used_by: str
    config: str
    places: list[str]
    """flow/connection where it is in use."""
    used: list[str]
    published_at: float | None
    published_by: str


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a version."""

    kind: str
    at: float
    by: str
    place: str
    detail: Facts


class VersionText(VersionView, frozen=True, kw_only=True):
    """A version with its texts, what happened to it, and how it stands."""

    text: str
    type_text: str
    events: list[Happened]
    standing: Facts | None
    """What is lacking before it can be published; null where no flow uses a mapping of this name."""


class FieldView(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a document: where its value is from, by which rule, and what it means."""

    field: str
    path: str
    rule: str
    ext: Any
    value: Any
    wanted: Any
    """What would be written for that value."""
    same: bool
    error: str
    warnings: list[str]


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A document through a mapping; nothing was kept or sent."""

    ref: str
    document: Facts
    fields: list[FieldView]
    missing: list[str]
    unmapped: list[str]
    left: bool
    fragment: Facts | None


class TestView(msgspec.Struct, frozen=True, kw_only=True):
    """How tests went. Without any they are not green."""

    __test__ = False

    ref: str
    file: str
    passed: int
    failed: int
    green: bool
    problems: list[str]


class BacktestView(msgspec.Struct, frozen=True, kw_only=True):
    """A backtest, as it stands."""

    id: str
    ref: str
    digest: str
    state: str
    since: float
    until: float
    connection: str
    at: float
    by: str
    total: int
    done: int
    ended_at: float | None
    reason: str
    report: Facts | None
    """Once it is done: how many changes are the same, changed, failing, fixed, and each field that is not the same."""


class Differing(Paged, frozen=True, kw_only=True):
    """Narrows it to a field or a verdict: failing, changed, fixed."""

    field: Annotated[str, Meta(max_length=100)] = ""
    verdict: Annotated[str, Meta(max_length=20)] = ""


class ChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """A change of which the two mappings make something else."""

    change: str
    at: float
    connection: str
    key: str
    verdict: str
    fields: list[Facts]
