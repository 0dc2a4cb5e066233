"""A case as a reader may see it, put together from what is stored; requests, files and exports beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter import approvals as requests
from dead_letter import attachments, grouping, guide, picking, store, tasks
from dead_letter.actions import actions_for
from dead_letter.approvals import FourEyes, Request
from dead_letter.classify import ActionName
from dead_letter.errors import CaseNotFound, DecisionRefused
from dead_letter.evidence import personal_in, without
from dead_letter.links import links_of
from dead_letter.reasons import codes_of
from dead_letter.tables import cases
from dead_letter.values import Case, CaseFilter, CaseGroup, CaseState, CaseSummary, Sort, Step
from dead_letter.wording import next_step
from dead_letter.work import work_for
from gateway.access.masking import MASK, mask
from gateway.access.rights import NotAllowed, Principal, Right
from gateway.work import case_corrections
from gateway.work.case_audit import audited
from gateway.work.case_eyes import eyes_of
from gateway.work.case_scope import flows_of, narrowed, personal_of, reach_of, sees
from gateway.work.case_values import checked
from gateway.work.case_views import (
    ActionView,
    Approval,
    AttachmentView,
    CaseView,
    Correction,
    GuideStep,
    LinkView,
    Part,
    Task,
    WhyGrouped,
)
from gateway.work.personal import seen as audited_look
from gateway.work.previews import value_preview
from gateway.work.workplace import Workplace

_SIMILAR = 5
Summary = TypeVar("Summary", bound=CaseSummary | CaseGroup)


async def find(place: Workplace, who: Principal, number: str) -> Case | None:
    """The case, unmasked, for verbs that go on with it; None if it is not there for this reader."""
    async with place.database.read() as tx:
        return await found_in(tx, place, who, number)


async def found_in(tx: AsyncConnection, place: Workplace, who: Principal, number: str) -> Case | None:
    """As `find`, inside a transaction."""
    case = await store.get_case(tx, number)
    return case if case is not None and sees(place, who, case) else None


async def view(place: Workplace, who: Principal, number: str) -> CaseView:
    """All that the page of a case shows. Raises CaseNotFound."""
    now = place.now()
    async with place.database.read() as tx:
        case = await found_in(tx, place, who, number)
        if case is None:
            raise CaseNotFound(number)
        steps = await store.history(tx, case.number)
        eyes = await eyes_of(tx, place, who, case)
        asked = [
            approval_view(each, who, case, personal_of(place, case)) for each in await requests.of_case(tx, case.number)
        ]
        todo = [Task(**msgspec.structs.asdict(each)) for each in await tasks.of_case(tx, case.number)]
        files = [file_view(each) for each in await attachments.of_case(tx, case.number)]
        why = await _why_grouped(tx, place, who, case)
        alike = CaseFilter(group=case.group, states=(CaseState.CLOSED,), limit=_SIMILAR)
        similar = (await store.list_cases(tx, narrowed(place, who, alike))).cases
    hidden = not who.may(Right.SEE_PERSONAL)
    personal = personal_of(place, case)
    # What is about one field quotes its value in many places: said in the form that shows it is personal.
    looked = {"evidence": case.evidence, "about": {"field": case.field, "value": case.title}}
    await audited_look(place, who, looked, record=case.record or case.number, cause=case.number)
    seen = shown(case, personal, who)
    return CaseView(
        case=seen,
        verdict=guide.verdict(seen),
        next_step="" if case.state is CaseState.CLOSED else _next(case),
        actions=_actions(place, case, who, eyes, now),
        reason_codes=codes_of(case.cls),
        sla=guide.due_in_words(case, now=now),
        grouped=why,
        guide=tuple(
            GuideStep(name=each.name, done=each.done, text=each.text, command=each.action)
            for each in guide.steps(case, steps, now=now)
        ),
        history=tuple(_step(each, case, personal, hidden=hidden) for each in steps),
        approvals=tuple(asked),
        tasks=tuple(todo),
        attachments=tuple(files),
        links=tuple(
            LinkView(url=each.choice, title=each.reason, by=each.actor, at=each.at) for each in links_of(steps)
        ),
        similar=tuple(in_line(each, personal, who) for each in similar if each.number != case.number),
        masked=hidden and bool(personal),
    )


def shown(case: Case, personal: frozenset[str], who: Principal) -> Case:
    """The case as the reader may see it."""
    evidence, said = dict(case.evidence), case.vendor_text
    if not who.may(Right.SEE_PERSONAL):
        said = MASK if case.field in personal and said else without(said, personal_in(evidence))
    if case.field in personal and not who.may(Right.SEE_PERSONAL):
        # About one field: its value stands under many names, none of which is the field's.
        evidence = {name: each if name in _NO_VALUES else MASK for name, each in evidence.items()}
    whole = msgspec.structs.replace(case, evidence=mask(evidence, personal, who), vendor_text=said)
    return in_line(whole, personal, who)


def in_line(case: Summary, personal: frozenset[str], who: Principal) -> Summary:
    """The case or the group with a title that the reader may see: it may quote the value that stands in the way."""
    if case.field not in personal or who.may(Right.SEE_PERSONAL):
        return case
    return msgspec.structs.replace(case, title=f"{case.cause}: {case.field} {MASK}")


_NO_VALUES = frozenset(
    {"attempt", "connection", "looks", "mapping", "notice", "settles_at", "status", "times", "tries"}
)


def _next(case: Case) -> str:
    return next_step(case.cls, case.cause, connection=case.connection)


def _step(step: Step, case: Case, personal: frozenset[str], *, hidden: bool) -> Step:
    """Values of a decision are a choice in its line: those of a personal field are hidden like any other."""
    field = step.choice.partition(":")[0] if step.action == "correct" else case.field
    if not hidden or field not in personal or step.action not in ("correct", "resolve") or not step.choice:
        return step
    return msgspec.structs.replace(step, choice=f"{field}: {MASK}")


def _actions(place: Workplace, case: Case, who: Principal, eyes: FourEyes, now: float) -> tuple[ActionView, ...]:
    found = [
        ActionView(
            name=each.name,
            kind="decision",
            allowed=each.allowed,
            why_not=each.why_not,
            recommended=each.recommended,
            dangerous=each.dangerous,
            needs_reason=each.needs_reason,
            needs_proof=each.needs_proof,
            needs_approval=each.needs_approval,
            choices=each.choices,
        )
        for each in actions_for(case, now=now, eyes=eyes)
    ]
    found += [
        ActionView(
            name=each.name, kind="work", allowed=each.allowed, why_not=each.why_not, needs_reason=each.needs_reason
        )
        for each in work_for(case, who.name)
    ]
    if who.may(Right.WORK, connection=case.connection):
        hindered = case_corrections.why_not(place, who, case)
        return tuple(_not_for_this_one(each, hindered) if each.name == ActionName.CORRECT else each for each in found)
    why = str(NotAllowed(Right.WORK))
    return tuple(_not_for_this_one(each, why) for each in found)


def _not_for_this_one(action: ActionView, why: str) -> ActionView:
    """The action, if nothing of the reader's rights is in the way."""
    return msgspec.structs.replace(action, allowed=False, why_not=why, recommended=False) if why else action


async def _why_grouped(tx: AsyncConnection, place: Workplace, who: Principal, case: Case) -> WhyGrouped:
    rules = []
    for rule in await _rules_seen(tx, place, who, case.group):
        what = f"{rule.part} {rule.value}" if rule.part else rule.fingerprint
        rules.append(f"{rule.actor} put {what} here: {rule.reason}")
    names = await grouping.titles(tx, [case.group])
    of_group = await store.group_cases(tx, narrowed(place, who, CaseFilter(group=case.group)))
    return WhyGrouped(
        key=case.group,
        title=names.get(case.group, ""),
        parts=tuple(Part(name=name, value=value) for name, value in grouping.parts_of(case.fingerprint)),
        rules=tuple(rules),
        open=sum(group.count for group in of_group),
    )


async def _rules_seen(tx: AsyncConnection, place: Workplace, who: Principal, group: str) -> list[Any]:
    """Splits and merges that led to a group. What they name may be a thing outside the reader's scope."""
    rules, reach = await grouping.rules_into(tx, group), reach_of(place, who)
    if reach.everywhere:
        return list(rules)
    named = [rule.value for rule in rules if rule.part in ("key", "record")]
    there = await grouping.things_in(tx, group, named, reach)
    seen: dict[str, Callable[[str], bool]] = {"key": there.__contains__, "record": there.__contains__}
    seen |= {"connection": lambda name: reach.covers(name, ""), "flow": lambda name: reach.covers("", name)}
    return [rule for rule in rules if rule.part not in seen or seen[rule.part](rule.value)]


def file_view(found: attachments.Attachment) -> AttachmentView:
    """A file as a page names it."""
    return AttachmentView(
        id=found.id,
        name=found.name,
        media_type=found.media_type,
        size=found.size,
        sha256=found.sha256,
        by=found.made_by,
        at=found.made_at,
    )


def approval_view(request: Request, who: Principal, case: Case, personal: frozenset[str]) -> Approval:
    """A request as this reader sees it."""
    wish = request.wish
    field = wish.field or case.field
    hidden = not who.may(Right.SEE_PERSONAL) and field in personal and bool(wish.chosen)
    chosen = f"{field}: {MASK}" if hidden else wish.chosen
    why = _why_not(request, who)
    return Approval(
        id=request.id,
        number=request.number,
        action=wish.action,
        text=" ".join(part for part in (wish.action.replace("_", " "), chosen, wish.proof) if part),
        reason=request.reason,
        requested_by=request.requested_by,
        requested_at=request.requested_at,
        expires_at=request.expires_at,
        expected_version=request.expected_version,
        state=request.state,
        decided_by=request.decided_by,
        decided_at=request.decided_at,
        note=request.note,
        may_decide=not why,
        why_not=why,
    )


def _why_not(request: Request, who: Principal) -> str:
    if request.state is not requests.RequestState.PENDING:
        return f"It is {request.state}."
    if request.requested_person == (who.person or who.id):
        return "You asked for it yourself; another person has to look at it."
    return "" if who.may(Right.APPROVE) else str(NotAllowed(Right.APPROVE))


async def approvals(place: Workplace, who: Principal, state: str) -> list[Approval]:
    """Requests in a state that are in the reader's scope, oldest first."""
    scope: list[Any] = []
    for column, allowed in ((cases.c.connection, who.connections), (cases.c.flow, flows_of(place, who))):
        if allowed is not None:
            scope.append(column.in_(sorted({"", *allowed})))
    async with place.database.read() as tx:
        found = await requests.waiting(tx, state, *scope)
    return [approval_view(request, who, case, personal_of(place, case)) for request, case in found]


async def correction(place: Workplace, who: Principal, number: str, field: str, new: Any) -> Correction:
    """What a correction would write, per system. Raises CaseNotFound, DecisionRefused, MappingError."""
    case = await find(place, who, number)
    if case is None:
        raise CaseNotFound(number)
    case_corrections.require(place, who, case, field)
    offered = next(each for each in actions_for(case, now=place.now()) if each.name is ActionName.CORRECT)
    if not offered.allowed:
        raise DecisionRefused(case.number, "correct", offered.why_not)
    value = checked(place, case, field, new)
    found = await value_preview(place.database, place.topology, case, field, value)
    if found is None:
        raise DecisionRefused(case.number, "correct", f"The record or its field {field} is not kept any more.")
    told = {"field": field, "old": found["was"], "new": value, "systems": found["systems"]}
    return Correction(number=case.number, changes=found["changes"], **mask(told, personal_of(place, case), who))


async def attachment(place: Workplace, who: Principal, number: str, id_: str) -> tuple[AttachmentView, bytes]:
    """A file with its content; the look is audited. Raises CaseNotFound."""
    async with place.database.begin("case") as tx:
        case = await found_in(tx, place, who, number)
        found = await attachments.content_of(tx, case.number, id_) if case else None
        if case is None or found is None:
            raise CaseNotFound(f"{number} with the file {id_}")
        await audited(tx, who, "case_file_read", case, now=place.now(), file=id_, name=found[0].name)
    return file_view(found[0]), found[1]


async def export(place: Workplace, who: Principal, wanted: CaseFilter) -> AsyncIterator[Case]:
    """Every case of the filter, page by page, newest first; `wanted` is narrowed already. The export is audited."""
    wanted = msgspec.structs.replace(wanted, limit=200, sort=Sort.NEWEST)
    async with place.database.begin("case") as tx:
        said = {name: each for name, each in msgspec.to_builtins(wanted).items() if each not in (None, "", [], ())}
        await audited(tx, who, "case_export", None, now=place.now(), filter=said)
    cursor: str | None = None
    while True:
        page, cursor = await _whole(place, wanted, cursor)
        for case in page:
            yield shown(case, personal_of(place, case), who)
        if cursor is None:
            return


async def _whole(place: Workplace, wanted: CaseFilter, cursor: str | None) -> tuple[Sequence[Case], str | None]:
    async with place.database.read() as tx:
        page = await store.list_cases(tx, wanted, cursor)
        return await picking.cases_of(tx, [each.number for each in page.cases]), page.next
