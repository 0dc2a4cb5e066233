"""Several cases at once: one action on them, their groups split and merged, and all of a filter to take away."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from gateway.access.rights import Right
from gateway.api.declare import Ask, Key, Route
from gateway.api.failures import code_of
from gateway.api.lines import answer_lines
from gateway.api.reading import fit
from gateway.api.resources.cases import Narrowing, case_filter
from gateway.work import cases
from gateway.work.case_bodies import BODIES
from gateway.work.case_views import ManyDone

MOST = 200
MOST_GROUPS = 50

Number = Annotated[str, Meta(pattern="^(FO-)?[0-9]{1,18}$", description="Of a case.")]
GroupKey = Annotated[str, Meta(min_length=1, max_length=2000, description="Of a group, as they are listed.")]
Title = Annotated[str, Meta(max_length=300)]
Reason = Annotated[str, Meta(min_length=1, max_length=2000)]


class Chosen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case, and the version of it that was looked at."""

    number: Number
    version: Annotated[int, Meta(ge=0, le=10**9)]


class ActMany(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One action on several cases; `said` as for one of them."""

    cases: Annotated[tuple[Chosen, ...], Meta(min_length=1, max_length=MOST)]
    action: Annotated[str, Meta(pattern=f"^({'|'.join(BODIES)})$")]
    said: dict[str, Any] = {}


class SplitWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which cases leave their group, and what makes others like them."""

    numbers: Annotated[tuple[Number, ...], Meta(min_length=1, max_length=MOST)]
    title: Annotated[str, Meta(min_length=1, max_length=300)]
    reason: Reason
    by: Annotated[
        Literal["key", "flow", "connection", "object", "field", "record"],
        Meta(description="Cases to come that share this go with them; `key`: those about the very same things."),
    ] = "key"


class SplitDone(msgspec.Struct, frozen=True, kw_only=True):
    """The group that they became."""

    group: str


class MergeWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which groups become one."""

    groups: Annotated[tuple[GroupKey, ...], Meta(min_length=1, max_length=MOST_GROUPS)]
    into: GroupKey
    title: Title = ""
    reason: Reason


class MergeDone(msgspec.Struct, frozen=True, kw_only=True):
    """The group that they are, how many open cases moved there, and what stays behind for who does not see all."""

    group: str
    moved: int
    note: str = ""


class Exported(Narrowing, frozen=True, kw_only=True):
    """What narrows an export: it has no pages."""


async def act_on_many(ask: Ask) -> list[ManyDone]:
    """Each is decided by itself; the codes are those of problems."""
    said: ActMany = ask.body
    fit(BODIES[said.action], said.said, below="/said")
    chosen = [(each.number, each.version) for each in said.cases]
    done = await cases.act_on_many(ask.desk.place, ask.who, chosen, said.action, said.said)
    return [msgspec.structs.replace(each, code=code_of(each.code)) for each in done]


async def split(ask: Ask) -> SplitDone:
    said: SplitWish = ask.body
    group = await cases.split_group(
        ask.desk.place, ask.who, said.numbers, title=said.title, reason=said.reason, part=said.by
    )
    return SplitDone(group=group)


async def merge(ask: Ask) -> MergeDone:
    said: MergeWish = ask.body
    done = await cases.merge_groups(
        ask.desk.place, ask.who, said.groups, into=said.into, title=said.title, reason=said.reason
    )
    return MergeDone(group=done.group, moved=done.moved, note=done.note)


async def export(ask: Ask) -> web.StreamResponse:
    """A case on each line."""
    found = cases.export_cases(ask.desk.place, ask.who, case_filter(ask.query))
    return await answer_lines(ask, found, "cases.jsonl")


ROUTES = (
    Route(
        method="GET",
        path="/v1/cases:export",
        name="exportCases",
        tag="cases",
        summary="Every case of the filter with its evidence, one on a line (JSONL); the export is in the audit trail",
        right=Right.SEE,
        do=export,
        query=Exported,
        media="application/jsonl",
    ),
    Route(
        method="POST",
        path="/v1/cases:act",
        name="actOnMany",
        tag="cases",
        summary="One action on several cases, each decided by itself on the version that was looked at",
        right=Right.WORK,
        do=act_on_many,
        body=ActMany,
        answer=list[ManyDone],
        problems=("body-invalid", "action-unknown"),
        key=Key.DAY,
    ),
    Route(
        method="POST",
        path="/v1/cases/groups:split",
        name="splitGroup",
        tag="cases",
        summary="Takes cases out of their group into one of their own, with those to come that are like them",
        right=Right.WORK,
        do=split,
        body=SplitWish,
        answer=SplitDone,
        problems=("case-not-found", "group-refused"),
        key=Key.DAY,
    ),
    Route(
        method="POST",
        path="/v1/cases/groups:merge",
        name="mergeGroups",
        tag="cases",
        summary="Makes groups one, for the cases they have and those to come",
        right=Right.WORK,
        do=merge,
        body=MergeWish,
        answer=MergeDone,
        problems=("case-not-found", "group-refused"),
        key=Key.DAY,
    ),
)
