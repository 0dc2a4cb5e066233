"""A second person's answer to a request. Whoever asked is never the one who agrees: people are compared, not names."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter import approvals
from dead_letter.actions import Decided, take
from dead_letter.approvals import Actor, Request, RequestState
from dead_letter.classify import ActionName
from dead_letter.errors import ApprovalNotFound, CaseNotFound, DecisionRefused
from dead_letter.ports import LanePort
from dead_letter.store import lock_case

OWN = "approval.own"
"""Code of the refusal of one's own request: whoever sees it audits the attempt, because this transaction is undone."""


async def agree(tx: AsyncConnection, id_: str, *, by: Actor, note: str, lanes: LanePort, now: float) -> Decided:
    """Carries out a request on the case as its requester saw it, in the requester's name with the approver beside it.
    The same answer again is answered again.

    Raises ApprovalNotFound, DecisionRefused (own, over), StaleDecision (the case moved; `moved` says what).
    """
    request = await _open(tx, id_, by, RequestState.APPROVED)
    who = Actor(name=request.requested_by, person=request.requested_person)
    if request.state is not RequestState.APPROVED:
        if now >= request.expires_at:
            why = "Nobody answered in time, so it has to be asked for again."
            raise DecisionRefused(request.number, request.wish.action, why, code="approval.expired")
        await approvals.end(tx, request, RequestState.APPROVED, by=by, note=note, now=now)
    return await take(
        tx,
        request.number,
        request.wish,
        by=who,
        expected_version=request.expected_version,
        lanes=lanes,
        now=now,
        approver=by.name,
    )


async def disagree(tx: AsyncConnection, id_: str, *, by: Actor, note: str, now: float) -> Decided:
    """Ends a request; nothing is done. Raises ApprovalNotFound, DecisionRefused (own, over, without a note)."""
    request = await _open(tx, id_, by, RequestState.REJECTED)
    if not note.strip():
        why = "Say why; whoever asked will want to know."
        raise DecisionRefused(request.number, "reject", why, code="reason.missing")
    repeated = request.state is RequestState.REJECTED
    if not repeated:
        await approvals.end(tx, request, RequestState.REJECTED, by=by, note=note, now=now)
    return await _ended(tx, request, repeated=repeated)


async def withdraw(tx: AsyncConnection, id_: str, *, by: Actor, note: str, now: float) -> Decided:
    """Takes back one's own request. Raises ApprovalNotFound, DecisionRefused (another's, over)."""
    request = await approvals.find(tx, id_, lock=True)
    if request is None:
        raise ApprovalNotFound(id_)
    if request.requested_person != by.person:
        why = f"{request.requested_by} asked for it: only they take it back. You can reject it."
        raise DecisionRefused(request.number, "withdraw", why)
    repeated = request.state is RequestState.WITHDRAWN
    if not repeated:
        _refuse_over(request)
        await approvals.end(tx, request, RequestState.WITHDRAWN, by=by, note=note, now=now)
    return await _ended(tx, request, repeated=repeated)


async def _open(tx: AsyncConnection, id_: str, by: Actor, wanted: RequestState) -> Request:
    request = await approvals.find(tx, id_, lock=True)
    if request is None:
        raise ApprovalNotFound(id_)
    if request.requested_person == by.person:
        why = "You asked for it yourself; another person has to look at it."
        raise DecisionRefused(request.number, request.wish.action, why, code=OWN)
    if request.state is not wanted or request.decided_by != by.name:
        _refuse_over(request)
    return request


def _refuse_over(request: Request) -> None:
    if request.state is not RequestState.PENDING:
        said = f" ({request.note})" if request.note else ""
        why = f"The request is over: {request.state} by {request.decided_by}{said}."
        raise DecisionRefused(request.number, request.wish.action, why, code="approval.over")


async def _ended(tx: AsyncConnection, request: Request, *, repeated: bool) -> Decided:
    case = await lock_case(tx, request.number)
    if case is None:
        raise CaseNotFound(request.number)
    return Decided(
        number=case.number,
        action=ActionName(request.wish.action),
        version=case.version,
        state=case.state,
        repeated=repeated,
    )
