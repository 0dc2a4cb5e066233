"""Requests for a second pair of eyes: what is asked for, by whom, and how it ended. Carried out by `four_eyes`."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Any

import msgspec
import orjson
from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter import store
from dead_letter.errors import DecisionRefused
from dead_letter.tables import IS_PENDING, case_approvals, cases
from dead_letter.values import Case, Step, format_number, parse_number

EXPIRES_S = 3 * 86400.0
NOBODY = "nobody: there is no second person here who could approve"
"""Stands where the approver would, in an installation that asks for two and has one."""
BULK_DISCARD = "bulk_discard"
"""Discarding more than one case at a time, where discarding one needs nobody else."""


class RequestState(StrEnum):
    """How a request stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"  # by the requester
    STALE = "stale"  # the case moved
    EXPIRED = "expired"


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts: the name that histories show, and the person whom four eyes count."""

    name: str
    person: str


class FourEyes(msgspec.Struct, frozen=True, kw_only=True):
    """Which actions need a second person, and how many others there are who could be it."""

    actions: frozenset[str] = frozenset()
    others: int = 0

    def ask(self, action: str, *, alone: bool) -> bool:
        """Whether the action needs a second person; `alone`: for one case, not for several at once."""
        return action in self.actions or (action == "discard" and not alone and BULK_DISCARD in self.actions)


TWO_EYES = FourEyes()
"""Nothing needs a second person."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """An action with all that goes with it."""

    action: str
    reason: str = ""
    code: str = ""
    """Reason code."""
    choice: str = ""
    value: Any = msgspec.UNSET
    proof: str = ""
    field: str = ""
    old: Any = msgspec.UNSET
    new: Any = msgspec.UNSET

    @property
    def enters(self) -> bool:
        """Whether it ends a conflict with what neither side holds."""
        return self.action == "resolve" and self.value is not msgspec.UNSET

    @property
    def chosen(self) -> str:
        """What was chosen among what the action offers, in a line."""
        if self.enters:
            return f"value {_said(self.value)}"
        if self.action == "correct":
            return f"{self.field}: {_said(self.old)} -> {_said(self.new)}"
        return self.choice


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it is stored."""

    id: str
    number: str
    wish: Wish
    reason: str
    requested_by: str
    requested_person: str
    requested_at: float
    expires_at: float
    expected_version: int
    state: RequestState
    decided_by: str
    decided_at: float | None
    note: str


async def ask(tx: AsyncConnection, case: Case, wish: Wish, *, by: Actor, reason: str, now: float) -> tuple[str, bool]:
    """(id of the request, whether it was there already). One case waits for one answer at a time.

    Raises DecisionRefused while another request waits.
    """
    if case.pending:
        waiting = await find(tx, case.pending)
        if waiting is not None and (waiting.wish.action, waiting.wish.chosen, waiting.requested_person) == (
            wish.action,
            wish.chosen,
            by.person,
        ):
            return waiting.id, True
        who = f"{waiting.requested_by} asked for {waiting.wish.action}" if waiting else "Something"
        why = f"{who} and it waits for a second person ({case.pending}): approve, reject or withdraw that first."
        raise DecisionRefused(case.number, wish.action, why, code="approval.waits")
    id_ = f"ap_{uuid.uuid4().hex[:20]}"
    row = {
        "id": id_,
        "number": parse_number(case.number),
        "action": wish.action,
        "said": msgspec.json.encode(wish).decode(),
        "reason": reason,
        "requested_by": by.name,
        "requested_person": by.person,
        "requested_at": now,
        "expires_at": now + EXPIRES_S,
        "expected_version": case.version,
        "state": RequestState.PENDING,
        "decided_by": "",
        "decided_person": "",
        "decided_at": None,
        "note": "",
    }
    await tx.execute(insert(case_approvals).values(**row))
    step = Step(
        at=now,
        name="asked",
        version=case.version,
        state=case.state,
        actor=by.name,
        action=wish.action,
        choice=wish.chosen,
        reason=reason,
        proof=wish.proof,
        work=case.work + 1,
    )
    await store.record_step(tx, case, step, {"pending": id_})
    return id_, False


async def find(tx: AsyncConnection, id_: str, *, lock: bool = False) -> Request | None:
    """The request; None if there is none."""
    query = select(case_approvals).where(case_approvals.c.id == id_)
    row = (await tx.execute(query.with_for_update() if lock else query)).mappings().first()
    return _request(row) if row else None


async def of_case(tx: AsyncConnection, number: str) -> list[Request]:
    """Every request of a case, oldest first."""
    query = select(case_approvals).where(case_approvals.c.number == parse_number(number))
    rows = (await tx.execute(query.order_by(case_approvals.c.requested_at))).mappings()
    return [_request(row) for row in rows]


async def waiting(tx: AsyncConnection, state: str, *conditions: Any, limit: int = 200) -> list[tuple[Request, Case]]:
    """Requests in a state, the oldest first, each with its case; `conditions` are on the case."""
    pending = IS_PENDING if state == RequestState.PENDING else case_approvals.c.state == state
    query = select(case_approvals.c.id, case_approvals.c.number).join(cases, cases.c.number == case_approvals.c.number)
    rows = (
        await tx.execute(query.where(pending, *conditions).order_by(case_approvals.c.requested_at).limit(limit))
    ).all()
    found = []
    for id_, number in rows:
        request, case = await find(tx, id_), await store.get_case(tx, str(number))
        if request is not None and case is not None:
            found.append((request, case))
    return found


async def end(tx: AsyncConnection, request: Request, state: RequestState, *, by: Actor, note: str, now: float) -> None:
    """Ends a request that waits; its case waits for it no more. The history of the case says so, unless it was done."""
    values = {
        "state": state,
        "decided_by": by.name,
        "decided_person": by.person,
        "decided_at": now,
        "note": note,
    }
    await tx.execute(update(case_approvals).where(case_approvals.c.id == request.id).values(**values))
    case = await store.lock_case(tx, request.number)
    if case is None or state is RequestState.APPROVED:
        return
    step = Step(
        at=now,
        name="rejected" if state is RequestState.REJECTED else "worked",
        version=case.version,
        state=case.state,
        actor=by.name,
        action=request.wish.action if state is RequestState.REJECTED else f"request_{state}",
        reason=note,
        work=case.work + 1,
    )
    await store.record_step(tx, case, step, {"pending": ""} if case.pending == request.id else {})


async def over(tx: AsyncConnection, now: float, *, limit: int = 200) -> list[str]:
    """Requests that wait for nothing any more: their time is over, or their case moved on without them."""
    moved = cases.c.version != case_approvals.c.expected_version
    query = select(case_approvals.c.id).join(cases, cases.c.number == case_approvals.c.number)
    found = await tx.execute(query.where(IS_PENDING, moved | (case_approvals.c.expires_at <= now)).limit(limit))
    return list(found.scalars())


async def end_over(tx: AsyncConnection, id_: str, *, by: Actor, now: float) -> None:
    """Ends a request that is `over`, unless somebody was faster."""
    request = await find(tx, id_, lock=True)
    if request is None or request.state is not RequestState.PENDING:
        return
    if now >= request.expires_at:
        await end(tx, request, RequestState.EXPIRED, by=by, note="nobody answered in time", now=now)
    else:
        await end(tx, request, RequestState.STALE, by=by, note="the case moved meanwhile", now=now)


def _request(row: RowMapping) -> Request:
    return Request(
        **{name: row[name] for name in Request.__struct_fields__ if name not in ("number", "wish", "state")},
        number=format_number(row["number"]),
        wish=msgspec.json.decode(row["said"], type=Wish),
        state=RequestState(row["state"]),
    )


def _said(value: Any) -> str:
    return "?" if value is msgspec.UNSET else orjson.dumps(value).decode()
