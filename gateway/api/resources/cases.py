"""Dead letters as cases: lists, groups, one case, and what people do with it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from dead_letter.values import CaseClass, CaseFilter, CaseGroup, CaseState, CaseSummary, Sort
from gateway.access.rights import Right
from gateway.api.declare import After, Answer, Ask, Count, Counting, Key, Limit, Page, Paged, Query, Route
from gateway.api.files import answer_file
from gateway.api.reading import Unfit, fit
from gateway.core.digits import number_in
from gateway.work import cases
from gateway.work.case_bodies import BODIES
from gateway.work.case_views import ActionView, Approval, CaseView, Done
from gateway.work.counting import count_cases

Text = Annotated[str, Meta(max_length=200)]
Moment = Annotated[datetime, Meta(tz=True)]
MOST_NUMBER = 10**18


class Narrowing(Query, frozen=True, kw_only=True):
    """What narrows cases; each given once, `state` and `class` also several times."""

    state: tuple[CaseState, ...] = ()
    cls: tuple[CaseClass, ...] = msgspec.field(default=(), name="class")
    cause: Text = ""
    flow: Text = ""
    connection: Text = ""
    record: Text = ""
    field: Text = ""
    group: Text = ""
    level: Text = ""
    owner: Annotated[str | None, Meta(description="Whose; given empty: nobody's.")] = None
    opened_since: Annotated[Moment | None, Meta(description="First seen then or later.")] = None
    opened_before: Annotated[Moment | None, Meta(description="First seen before.")] = None
    due_before: Annotated[Moment | None, Meta(description="Due before; the present time: what is overdue.")] = None
    pending: Annotated[bool | None, Meta(description="Whether a second person is waited for.")] = None
    text: Annotated[str, Meta(max_length=200, description="Part of the title, the object's key or the cause.")] = ""


class CaseList(Narrowing, frozen=True, kw_only=True):
    """Of the list."""

    limit: Limit = 50
    after: After = ""
    sort: Sort = Sort.NEWEST
    count: Annotated[Counting | None, Meta(description="Asks for the total; an estimate stops at 10,000.")] = None


class GroupList(Narrowing, frozen=True, kw_only=True):
    """Of the groups."""

    by: Annotated[str, Meta(pattern="^(cause|flow|connection|field|owner)$")] = "cause"
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class Act(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One action on a case. What `said` holds depends on it: see the components named after the actions."""

    action: Annotated[str, Meta(pattern=f"^({'|'.join(BODIES)})$")]
    said: dict[str, Any] = {}


class Note(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A word of whoever decides."""

    note: Annotated[str, Meta(max_length=2000)] = ""


class Why(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why not."""

    note: Annotated[str, Meta(min_length=1, max_length=2000)]


class ApprovalList(Query, frozen=True, kw_only=True):
    """Of the requests."""

    state: Annotated[str, Meta(pattern="^(pending|approved|rejected|withdrawn|stale|expired)$")] = "pending"


async def list_cases(ask: Ask) -> Answer:
    wanted = case_filter(ask.query, sort=ask.query.sort, limit=ask.query.limit)
    page = await cases.list_cases(ask.desk.place, ask.who, wanted, cursor=ask.position)
    total = None
    if ask.query.count is not None:
        value, exact = await count_cases(ask.desk.place, ask.who, wanted, exact=ask.query.count is Counting.EXACT)
        total = Count(value=value, exact=exact)
    return Answer(value=Page(items=page.cases, count=total), position=page.next)


async def groups(ask: Ask) -> list[CaseGroup]:
    asked: GroupList = ask.query
    return await cases.group_cases(ask.desk.place, ask.who, case_filter(asked, limit=asked.limit), by=asked.by)


async def members(ask: Ask) -> Answer:
    """The open cases of the same group."""
    case = (await cases.get_case(ask.desk.place, ask.who, ask.path["number"])).case
    wanted = CaseFilter(group=case.group or case.fingerprint, limit=ask.query.limit)
    page = await cases.list_cases(ask.desk.place, ask.who, wanted, cursor=ask.position)
    return Answer(value=Page(items=page.cases), position=page.next)


async def one(ask: Ask) -> Answer:
    view = await cases.get_case(ask.desk.place, ask.who, ask.path["number"])
    return Answer(value=view, version=str(view.case.version))


async def actions(ask: Ask) -> Answer:
    view = await cases.get_case(ask.desk.place, ask.who, ask.path["number"])
    return Answer(value=view.actions, version=str(view.case.version))


async def act(ask: Ask) -> Done:
    """The version comes with If-Match; the kind of the body with the action."""
    version = number_in(ask.version)
    if version is None:
        raise Unfit("If-Match has to be the ETag of the case", code="invalid-header")
    body: Act = ask.body
    fit(BODIES[body.action], body.said, below="/said")
    done: Done = await cases.act(
        ask.desk.place, ask.who, ask.path["number"], body.action, body.said, expected_version=version
    )
    return done


async def attachment(ask: Ask) -> web.Response:
    """A download, never a page: people made it."""
    view, content = await cases.read_attachment(ask.desk.place, ask.who, ask.path["number"], ask.path["attachment"])
    return answer_file(view.name, view.sha256, content)


async def approvals(ask: Ask) -> list[Approval]:
    return await cases.list_approvals(ask.desk.place, ask.who, state=ask.query.state)


async def approve(ask: Ask) -> Done:
    return await cases.approve(ask.desk.place, ask.who, ask.path["id"], note=ask.body.note)


async def reject(ask: Ask) -> Done:
    return await cases.reject(ask.desk.place, ask.who, ask.path["id"], note=ask.body.note)


async def withdraw(ask: Ask) -> Done:
    return await cases.withdraw(ask.desk.place, ask.who, ask.path["id"], note=ask.body.note)


def case_filter(asked: Narrowing, **more: Any) -> CaseFilter:
    """As the domain knows it."""
    return CaseFilter(
        states=asked.state,
        classes=asked.cls,
        cause=asked.cause,
        flow=asked.flow,
        connection=asked.connection,
        record=asked.record,
        field=asked.field,
        group=asked.group,
        level=asked.level,
        owner=asked.owner,
        opened_since=_at(asked.opened_since),
        opened_before=_at(asked.opened_before),
        due_before=_at(asked.due_before),
        pending=asked.pending,
        text=asked.text,
        **more,
    )


def _at(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


_THERE = ("case-not-found",)
_REFUSED = ("action-forbidden", "reason-missing", "reason-unknown", "proof-missing", "choice-unknown", "field-unknown")
_DECIDES = (
    *_REFUSED,
    *("file-refused", "link-refused", "until-unknown", "task-not-found", "task-over", "approval-waits"),
    *("decision-stale", "correction-stale", "action-unknown", "body-invalid", "not-allowed"),
)
_WAITS = (*_REFUSED, "approval-not-found", "approval-over", "approval-expired", "decision-stale")

ROUTES = (
    Route(
        method="GET",
        path="/v1/cases",
        name="listCases",
        tag="cases",
        summary="Cases, open ones unless `state` says otherwise",
        right=Right.SEE,
        do=list_cases,
        query=CaseList,
        answer=Page[CaseSummary],
        problems=("cursor-bad",),
    ),
    Route(
        method="GET",
        path="/v1/cases/groups",
        name="groupCases",
        tag="cases",
        summary="Cases by what they have in common, the largest group first",
        right=Right.SEE,
        do=groups,
        query=GroupList,
        answer=list[CaseGroup],
    ),
    Route(
        method="GET",
        path="/v1/cases/approvals",
        name="listApprovals",
        tag="cases",
        summary="Dangerous actions that wait for a second person, or did",
        right=Right.SEE,
        do=approvals,
        query=ApprovalList,
        answer=list[Approval],
    ),
    *(
        Route(
            method="POST",
            path=f"/v1/cases/approvals/{{id}}:{verb}",
            name=f"{verb}Action",
            tag="cases",
            summary=summary,
            right=right,
            do=do,
            body=body,
            answer=Done,
            problems=_WAITS,
            key=Key.DAY,
        )
        for verb, summary, right, do, body in (
            ("approve", "Agrees to what somebody else asked for, and does it", Right.APPROVE, approve, Note),
            ("reject", "Ends a request; nothing is done", Right.APPROVE, reject, Why),
            ("withdraw", "Ends one's own request", Right.WORK, withdraw, Note),
        )
    ),
    Route(
        method="GET",
        path="/v1/cases/{number}",
        name="getCase",
        tag="cases",
        summary="A case with its evidence, verdict, actions, history and all that people added",
        right=Right.SEE,
        do=one,
        answer=CaseView,
        problems=_THERE,
    ),
    Route(
        method="GET",
        path="/v1/cases/{number}/actions",
        name="listActions",
        tag="cases",
        summary="What can be done about it, and why not",
        right=Right.SEE,
        do=actions,
        answer=tuple[ActionView, ...],
        problems=_THERE,
    ),
    Route(
        method="POST",
        path="/v1/cases/{number}/actions",
        name="act",
        tag="cases",
        summary="Does one of its actions: decisions, and people's work (claim, comment, attach, park, ...)",
        right=Right.WORK,
        do=act,
        body=Act,
        answer=Done,
        problems=(*_THERE, *_DECIDES),
        key=Key.DAY,
        match=True,
    ),
    Route(
        method="GET",
        path="/v1/cases/{number}/members",
        name="listMembers",
        tag="cases",
        summary="The open cases of its group",
        right=Right.SEE,
        do=members,
        query=Paged,
        answer=Page[CaseSummary],
        problems=(*_THERE, "cursor-bad"),
    ),
    Route(
        method="GET",
        path="/v1/cases/{number}/attachments/{attachment}",
        name="getAttachment",
        tag="cases",
        summary="A file that somebody put there",
        right=Right.SEE_PERSONAL,
        do=attachment,
        media="application/octet-stream",
        problems=_THERE,
    ),
)
