"""What people do with cases, each in one transaction: the case, its history, the lanes and the audit trail together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter import actions, approvals, attachments, four_eyes, grouping, picking, store, tasks, work
from dead_letter.actions import Decided
from dead_letter.approvals import RequestState, Wish
from dead_letter.errors import ApprovalNotFound, CaseNotFound, CorrectionMoved, DecisionRefused, StaleDecision
from dead_letter.values import Case, CaseFilter
from dead_letter.work import Work, Worked, WorkName
from gateway.access.rights import Principal, Right
from gateway.sweeps.book import accept_gone
from gateway.sync.lane_port import Lanes
from gateway.work import case_bodies as bodies
from gateway.work import case_corrections
from gateway.work.case_audit import audit_wish, audited, outcome_of
from gateway.work.case_eyes import actor_of, eyes_of
from gateway.work.case_marks import marks_of
from gateway.work.case_reading import found_in
from gateway.work.case_scope import narrowed, reach_of, sees, type_of
from gateway.work.case_values import checked
from gateway.work.case_views import Done, MergedGroups
from gateway.work.workplace import Workplace

_WORK = frozenset(WorkName)
STAYED = "only cases that you may see have moved; others of these groups, if there are any, stayed where they are"


async def act(
    place: Workplace,
    who: Principal,
    number: str,
    action: str,
    said: bodies.Body,
    *,
    version: int | None,
    work: int | None,
    alone: bool,
) -> Done:
    """See `cases.act`."""
    async with place.database.begin("case") as tx:
        case = await found_in(tx, place, who, number)
        if case is None:
            raise CaseNotFound(number)
        who.require(Right.WORK, connection=case.connection, type=type_of(place, case))
        if action in _WORK:
            return await _work(tx, place, who, case, WorkName(action), said, work)
        case_corrections.required_of(place, who, case, said)
        wish = _wish(place, case, action, said)
        eyes = await eyes_of(tx, place, who, case)
        done = await actions.take(
            tx,
            case.number,
            wish,
            by=actor_of(who),
            expected_version=case.version if version is None else version,
            lanes=_lanes(tx, place, who.name),
            now=place.now(),
            eyes=eyes,
            alone=alone,
        )
        kind = "case_asked" if done.approval else "case_decided"
        if not done.repeated:
            outcome = await outcome_of(tx, done, place.now())
            asked = {"request": done.approval, "eyes": done.note}
            await audit_wish(tx, place, who, kind, case, wish, outcome=outcome, **asked)
        return await _done(tx, done)


def _lanes(tx: AsyncConnection, place: Workplace, actor: str) -> Lanes:
    return Lanes(tx, place.topology, now=place.now(), actor=actor, accept=accept_gone)


def _wish(place: Workplace, case: Case, action: str, said: bodies.Body) -> Wish:
    """The body as the domain knows it, values checked against the record type."""
    wish = Wish(action=action, reason=said.reason, code=said.reason_code)
    match said:
        case bodies.Declare():
            return msgspec.structs.replace(wish, proof=said.proof)
        case bodies.Resolve() if said.enters:
            return msgspec.structs.replace(wish, value=checked(place, case, case.field, said.value))
        case bodies.Resolve():
            return msgspec.structs.replace(wish, choice=said.choice)
        case bodies.Correct():
            new = checked(place, case, said.field, said.new)
            return msgspec.structs.replace(wish, field=said.field, old=said.old, new=new)
    return wish


async def _done(tx: AsyncConnection, done: Decided) -> Done:
    """The answer, with the case as the gateway left it: it may have found at once that nothing is left to do."""
    after = await store.get_case(tx, done.number)
    return Done(
        number=done.number,
        action=done.action,
        version=done.version,
        work=after.work if after else 0,
        state=done.state,
        repeated=done.repeated,
        approval=done.approval,
        note=done.note,
    )


async def _work(
    tx: AsyncConnection,
    place: Workplace,
    who: Principal,
    case: Case,
    name: WorkName,
    said: bodies.Body,
    expected: int | None,
) -> Done:
    by, now, made = actor_of(who), place.now(), ""
    match said:
        case bodies.Attach():
            done, made = await attachments.add(tx, case.number, name=said.name, content=said.content, by=by, now=now)
        case bodies.AddTask():
            kind = tasks.Kind(said.kind)
            done, made = await tasks.add(tx, case.number, kind=kind, title=said.title, owner=said.owner, by=by, now=now)
        case bodies.EndTask():
            done = await tasks.move(tx, case.number, name, said.task, said=said.note, by=by, now=now)
        case _:
            marks = await marks_of(tx, place)
            wanted = _work_wish(name, said)
            done = await work.do(tx, case.number, wanted, by=by, expected=expected, marks=marks, now=now)
    if not done.repeated:
        await audited(tx, who, "case_worked", case, now=now, action=name, made=made, **_told(said))
    return _worked(done, made)


def _work_wish(name: WorkName, said: bodies.Body) -> Work:
    wanted = Work(name=name, text=said.reason, code=said.reason_code)
    match said:
        case bodies.Hand() | bodies.Escalate():
            return msgspec.structs.replace(wanted, to=said.to)
        case bodies.Park():
            return msgspec.structs.replace(wanted, until=said.until)
        case bodies.Comment():
            return msgspec.structs.replace(wanted, text=said.text)
        case bodies.Link():
            return msgspec.structs.replace(wanted, to=said.url, text=said.title)
    return wanted


def _told(said: bodies.Body) -> dict[str, str]:
    """What of a body the trail keeps: never the content of a file; a comment stands in the history."""
    found = {name: getattr(said, name, "") for name in ("reason", "to", "until", "url", "title", "task", "note")}
    return {**found, "file": said.name if isinstance(said, bodies.Attach) else ""}


def _worked(done: Worked, made: str) -> Done:
    return Done(
        number=done.number,
        action=done.action,
        version=done.version,
        work=done.work,
        state=done.state,
        repeated=done.repeated,
        made=made,
    )


async def answer(place: Workplace, who: Principal, id_: str, *, agreed: bool, note: str) -> Done:
    """See `cases.approve` and `cases.reject`."""
    try:
        async with place.database.begin("case") as tx:
            case, wish = await _asked(tx, place, who, id_)
            who.require(Right.APPROVE, connection=case.connection, type=type_of(place, case))
            done = await _answered(tx, place, who, id_, wish, agreed=agreed, note=note)
            if not done.repeated:
                kind = "case_approved" if agreed else "case_rejected"
                outcome = await outcome_of(tx, done, place.now()) if agreed else ""
                await audit_wish(tx, place, who, kind, case, wish, request=id_, note=note, outcome=outcome)
            return await _done(tx, done)
    except (DecisionRefused, StaleDecision, CorrectionMoved) as error:
        await _after(place, who, id_, error)
        raise


async def _asked(tx: AsyncConnection, place: Workplace, who: Principal, id_: str) -> tuple[Case, Wish]:
    request = await approvals.find(tx, id_)
    case = await store.get_case(tx, request.number) if request else None
    if request is None or case is None or not sees(place, who, case):
        raise ApprovalNotFound(id_)
    return case, request.wish


async def _answered(
    tx: AsyncConnection, place: Workplace, who: Principal, id_: str, wish: Wish, *, agreed: bool, note: str
) -> Decided:
    by, now = actor_of(who), place.now()
    if not agreed:
        return await four_eyes.disagree(tx, id_, by=by, note=note, now=now)
    lanes = _lanes(tx, place, who.name)
    return await four_eyes.agree(tx, id_, by=by, note=note, lanes=lanes, now=now)


async def _after(
    place: Workplace, who: Principal, id_: str, error: DecisionRefused | StaleDecision | CorrectionMoved
) -> None:
    """What has to stay of an answer that was refused, and so undone: the attempt to approve one's own request, and the
    end of one that can never be carried out.
    """
    async with place.database.begin("case") as tx:
        request = await approvals.find(tx, id_, lock=True)
        case = await store.get_case(tx, request.number) if request else None
        if request is None or case is None:
            return
        if error.code == four_eyes.OWN:
            await audit_wish(tx, place, who, "case_self_approval", case, request.wish, request=id_)
        elif request.state is RequestState.PENDING and isinstance(error, StaleDecision | CorrectionMoved):
            moved = "; ".join(error.moved)
            await approvals.end(tx, request, RequestState.STALE, by=actor_of(who), note=moved, now=place.now())


async def withdraw(place: Workplace, who: Principal, id_: str, *, note: str) -> Done:
    """See `cases.withdraw`."""
    async with place.database.begin("case") as tx:
        case, wish = await _asked(tx, place, who, id_)
        who.require(Right.WORK, connection=case.connection, type=type_of(place, case))
        done = await four_eyes.withdraw(tx, id_, by=actor_of(who), note=note, now=place.now())
        if not done.repeated:
            await audit_wish(tx, place, who, "case_withdrawn", case, wish, request=id_)
        return await _done(tx, done)


async def split(place: Workplace, who: Principal, numbers: Sequence[str], *, title: str, reason: str, part: str) -> str:
    """See `cases.split_group`."""
    who.require(Right.WORK)
    async with place.database.begin("case") as tx:
        chosen = [case for case in await picking.cases_of(tx, numbers) if sees(place, who, case)]
        if not chosen or len(chosen) < len(grouping.numbers_of(numbers)):
            raise CaseNotFound(", ".join(numbers))
        now = place.now()
        said: dict[str, Any] = {"title": title, "part": part or "key", "actor": who.name, "reason": reason}
        key = await grouping.split(tx, chosen, **said, now=now, reach=reach_of(place, who))
        told: dict[str, Any] = {
            "group": key,
            "from": chosen[0].group,
            "cases": list(numbers),
            "part": part,
            "reason": reason,
        }
        await audited(tx, who, "case_split", chosen[0], now=now, **told)
        return key


async def merge(
    place: Workplace, who: Principal, groups: Sequence[str], *, into: str, title: str, reason: str
) -> MergedGroups:
    """See `cases.merge_groups`. A group of which the reader sees nothing is not there; but the cases of the others may
    go back to where they come from, which a split has left empty.
    """
    who.require(Right.WORK)
    async with place.database.begin("case") as tx:
        for group in {*groups, into}:
            back = [CaseFilter(group=each, fingerprint=into, limit=1) for each in groups if group == into]
            if not any([await _some(tx, place, who, each) for each in (CaseFilter(group=group, limit=1), *back)]):
                raise CaseNotFound(f"in the group {group}")
        now, reach = place.now(), reach_of(place, who)
        done = await grouping.merge(tx, groups, into, title=title, actor=who.name, reason=reason, now=now, reach=reach)
        told: dict[str, Any] = {
            "groups": list(groups),
            "into": into,
            "reason": reason,
            "moved": done.moved,
            "stayed": done.stayed,
        }
        await audited(tx, who, "case_merge", None, now=now, **told)
        return MergedGroups(group=into, moved=done.moved, note="" if reach.everywhere else STAYED)


async def _some(tx: AsyncConnection, place: Workplace, who: Principal, wanted: CaseFilter) -> bool:
    return bool((await store.list_cases(tx, narrowed(place, who, wanted))).cases)
