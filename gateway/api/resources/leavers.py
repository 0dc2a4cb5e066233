"""Departures: who leaves, how it stands in each system, what proves it, and what people decide about it."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from datetime import datetime
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from gateway.access.rights import Right
from gateway.api.declare import Answer, Ask, Key, Page, Paged, Query, Route
from gateway.api.files import answer_file
from gateway.api.reading import Unfit
from gateway.core.digits import number_in
from gateway.offboarding.values import Event, LeaverState
from gateway.work import leaver_acts, leaver_files, leaver_planning, leaver_proof, leaver_telling, leavers
from gateway.work.leaver_planning import LeaverPlan
from gateway.work.leaver_telling import LeaverRow, LeaverTold, LeaverWish
from gateway.work.leaver_views import LeaverDetail, LeaverView
from gateway.work.leavers import LeaverFilter, LeaverTally

_ONE = "/v1/leavers/{number}"
Name = Annotated[str, Meta(max_length=300)]
Reason = Annotated[str, Meta(min_length=1, max_length=2000)]


class LeaverList(Paged, frozen=True, kw_only=True):
    """Which departures; without `over` and `state` those that are not over."""

    state: LeaverState | None = None
    kind: Event | None = None
    connection: Annotated[str, Meta(max_length=100)] = ""
    past_due: bool = False
    privileged: bool = False
    over: bool = False


class PlanWish(Query, frozen=True, kw_only=True):
    """For whom, and what happens."""

    person: Annotated[str, Meta(min_length=1, max_length=300)]
    event: Event = Event.LEAVER
    department: Name = ""
    title: Name = ""


class Why(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why."""

    reason: Reason


class HoldWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Until when, and why."""

    until: Annotated[datetime, Meta(tz=True, description="At most 90 days ahead.")]
    reason: Reason


class WhichWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which accounts of a system are the person's; an empty list: none of them."""

    connection: Annotated[str, Meta(max_length=100)]
    accounts: Annotated[tuple[Name, ...], Meta(max_length=20)]
    reason: Reason


class AnswerWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`rehired`, `goes-on`, `another-person` or `withdraw`; the departure tells which it takes."""

    answer: Annotated[str, Meta(max_length=40)]
    reason: Reason


class RecheckWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where; empty: in all systems."""

    connection: Annotated[str, Meta(max_length=100)] = ""


class FileIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that shows what was done: at most 1 MB."""

    name: Name
    content: Annotated[str, Meta(max_length=1_500_000, description="Base64.")]


class DoneWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was done by hand: a note, a file, or both."""

    step: Annotated[str, Meta(max_length=60)]
    note: Annotated[str, Meta(max_length=4000)] = ""
    file: FileIn | None = None


class ImportWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows of a file, as texts by column."""

    rows: Annotated[tuple[dict[str, str], ...], Meta(min_length=1, max_length=leaver_telling.MOST_ROWS)]
    reason: Reason


async def every(ask: Ask) -> Answer:
    said: LeaverList = ask.query
    wanted = LeaverFilter(
        states=(said.state,) if said.state else (),
        kinds=(said.kind,) if said.kind else (),
        connection=said.connection,
        past_due=said.past_due,
        privileged=said.privileged,
        over=said.over,
    )
    found = await leavers.list_leavers(ask.desk.place, ask.who, wanted, after=int(ask.position or 0), limit=said.limit)
    return Answer(value=Page(items=found.leavers), position=found.next or None)


async def tally(ask: Ask) -> LeaverTally:
    return await leavers.leaver_tally(ask.desk.place, ask.who)


async def one(ask: Ask) -> Answer:
    found = await leavers.get_leaver(ask.desk.place, ask.who, ask.path["number"])
    return Answer(value=found, version=str(found.leaver.version))


async def evidence(ask: Ask) -> dict[str, Any]:
    found: dict[str, Any] = await leavers.leaver_evidence(ask.desk.place, ask.who, ask.path["number"], ask.path["id"])
    return found


async def file(ask: Ask) -> web.Response:
    """A download, never a page: people made it."""
    found = await leaver_files.read_file(ask.desk.place, ask.who, ask.path["number"], ask.path["id"])
    return answer_file(found.name, found.sha256, found.content)


async def certificate(ask: Ask) -> dict[str, Any]:
    return await leaver_proof.certify(ask.desk.place, ask.who, ask.path["number"])


async def plan(ask: Ask) -> LeaverPlan:
    said: PlanWish = ask.query
    after = {name: value for name, value in (("department", said.department), ("title", said.title)) if value}
    return await leaver_planning.plan_leaver(
        ask.desk.place, ask.who, ask.desk.connectors, said.person, event=said.event, after=after
    )


async def tell(ask: Ask) -> LeaverTold:
    return await leaver_telling.tell_leaver(ask.desk.place, ask.who, ask.body)


async def bring(ask: Ask) -> list[LeaverRow]:
    said: ImportWish = ask.body
    return await leaver_telling.import_leavers(ask.desk.place, ask.who, said.rows, reason=said.reason)


async def hold(ask: Ask) -> Answer:
    said: HoldWish = ask.body
    until = said.until.timestamp()
    return _moved(
        await leaver_acts.hold_leaver(
            ask.desk.place, ask.who, ask.path["number"], until=until, reason=said.reason, expected=_version(ask)
        )
    )


async def release(ask: Ask) -> Answer:
    return _moved(
        await leaver_acts.release_leaver(
            ask.desk.place, ask.who, ask.path["number"], reason=ask.body.reason, expected=_version(ask)
        )
    )


async def cancel(ask: Ask) -> Answer:
    return _moved(
        await leaver_acts.cancel_leaver(
            ask.desk.place, ask.who, ask.path["number"], reason=ask.body.reason, expected=_version(ask)
        )
    )


async def recheck(ask: Ask) -> Answer:
    where = ask.body.connection
    return _moved(
        await leaver_acts.recheck_leaver(
            ask.desk.place, ask.who, ask.path["number"], connection=where, expected=_version(ask)
        )
    )


async def which(ask: Ask) -> Answer:
    said: WhichWish = ask.body
    return _moved(
        await leaver_acts.choose_account(
            ask.desk.place,
            ask.who,
            ask.path["number"],
            connection=said.connection,
            accounts=said.accounts,
            reason=said.reason,
            expected=_version(ask),
        )
    )


async def answer(ask: Ask) -> Answer:
    said: AnswerWish = ask.body
    return _moved(
        await leaver_acts.answer_leaver(
            ask.desk.place,
            ask.who,
            ask.path["number"],
            answer=said.answer,
            reason=said.reason,
            expected=_version(ask),
        )
    )


async def done(ask: Ask) -> Answer:
    said: DoneWish = ask.body
    content = b""
    if said.file is not None:
        try:
            content = b64decode(said.file.content, validate=True)
        except (NotBase64, ValueError):
            raise Unfit("the content of the file has to be base64", code="leaver-unfit") from None
    return _moved(
        await leaver_acts.done_by_hand(
            ask.desk.place,
            ask.who,
            ask.path["number"],
            said.step,
            note_text=said.note,
            file_name=said.file.name if said.file else "",
            content=content,
            expected=_version(ask),
        )
    )


def _version(ask: Ask) -> int:
    version = number_in(ask.version, longest=9)
    if version is None:
        raise Unfit("If-Match has to be the ETag of the departure", code="invalid-header")
    return version or -1


def _moved(found: LeaverView) -> Answer:
    return Answer(value=found, version=str(found.version))


_REFUSALS = ("leaver-not-found", "leaver-moved", "leaver-refused", "leaver-unfit")
ROUTES = (
    Route(
        method="GET",
        path="/v1/leavers",
        name="listLeavers",
        tag="leavers",
        summary="Who leaves: past due and privileged first. Without the right `people` nobody is named",
        right=None,
        do=every,
        query=LeaverList,
        answer=Page[LeaverView],
    ),
    Route(
        method="GET",
        path="/v1/leaver-tally",
        name="getLeaverTally",
        tag="leavers",
        summary="How many are open and past due, and when the next falls due",
        right=None,
        do=tally,
        answer=LeaverTally,
    ),
    Route(
        method="GET",
        path="/v1/leaver-plan",
        name="planLeaver",
        tag="leavers",
        summary="What would be done if the person left now; asks the systems, writes nothing",
        right=Right.PEOPLE,
        do=plan,
        query=PlanWish,
        answer=LeaverPlan,
        problems=("leaver-unclear", "leaver-unfit"),
    ),
    Route(
        method="GET",
        path=_ONE,
        name="getLeaver",
        tag="leavers",
        summary="One departure: its steps, evidence and history",
        right=None,
        do=one,
        answer=LeaverDetail,
        problems=("leaver-not-found",),
    ),
    Route(
        method="GET",
        path=f"{_ONE}/evidence/{{id}}",
        name="getLeaverEvidence",
        tag="leavers",
        summary="What was sent, read or said, whole, with its digest",
        right=Right.PEOPLE,
        do=evidence,
        answer=dict[str, Any],
        problems=("leaver-not-found",),
    ),
    Route(
        method="GET",
        path=f"{_ONE}/files/{{id}}",
        name="getLeaverFile",
        tag="leavers",
        summary="A file that shows what was done by hand; this look is in the trail",
        right=Right.PEOPLE,
        do=file,
        media="application/octet-stream",
        problems=("leaver-not-found",),
    ),
    Route(
        method="GET",
        path=f"{_ONE}/certificate",
        name="getLeaverCertificate",
        tag="leavers",
        summary="A signed certificate of how it stands; the trail keeps who had one issued",
        right=Right.PEOPLE,
        do=certificate,
        answer=dict[str, Any],
        problems=("leaver-not-found",),
    ),
    Route(
        method="POST",
        path="/v1/leavers",
        name="tellLeaver",
        tag="leavers",
        summary="Somebody leaves, moves or is away: opens, corrects or brings forward; the same again is nothing more",
        right=Right.PEOPLE,
        do=tell,
        body=LeaverWish,
        answer=LeaverTold,
        key=Key.DAY,
        problems=("leaver-unclear", "leaver-unfit", "leaver-refused"),
    ),
    Route(
        method="POST",
        path="/v1/leavers:import",
        name="importLeavers",
        tag="leavers",
        summary="The rows of a file, one by one; a row that is refused stops no other",
        right=Right.PEOPLE,
        do=bring,
        body=ImportWish,
        answer=list[LeaverRow],
        key=Key.DAY,
        problems=("leaver-unfit",),
    ),
    *(
        Route(
            method="POST",
            path=f"{_ONE}:{verb}",
            name=f"{verb}Leaver",
            tag="leavers",
            summary=summary,
            right=Right.PEOPLE,
            do=do,
            body=body,
            answer=LeaverView,
            key=Key.DAY,
            match=True,
            problems=_REFUSALS,
        )
        for verb, summary, do, body in (
            ("hold", "Nothing is taken away until then; what was taken stays so", hold, HoldWish),
            ("release", "Ends a hold before its time", release, Why),
            ("cancel", "Withdraws one whose time has not come", cancel, Why),
            ("recheck", "Has everything looked at again now; what failed is tried again", recheck, RecheckWish),
            ("which", "Says which accounts of a system are the person's", which, WhichWish),
            ("answer", "Answers what the departure asks; `rehired` lifts the tombstones", answer, AnswerWish),
            ("done", "Says that a step was done by hand, with a note or a file", done, DoneWish),
        )
    ),
)
