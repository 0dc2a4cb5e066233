"""What would be done if somebody left now: asked of the systems at this moment. Nothing is written, nothing sent."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.access import Account, EndsAccess, Whom
from connectors.contract.errors import LockstepError, StorageError
from gateway.access.rights import Principal, Right
from gateway.offboarding import planning
from gateway.offboarding.correlate import judge
from gateway.offboarding.places import places_for
from gateway.offboarding.succession import successor_of
from gateway.offboarding.values import HANDED_OVER, Event, Leaver, LeaverDoc, LeaverState, Person, Step
from gateway.sync import tables as sync
from gateway.work.leaver_people import person_of
from gateway.work.leaver_views import LeaverAccount, LeaverStep, step_of
from gateway.work.workplace import Workplace


class SystemPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What would end in one system."""

    connection: str
    accounts: tuple[LeaverAccount, ...]
    steps: tuple[LeaverStep, ...]
    question: str = ""
    """Why a person would have to choose an account."""
    why: str = ""
    """Why nothing is known: it cannot end access, or does not answer."""
    unseen: dict[str, str] = {}
    successor: str = ""


class LeaverPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What would be done."""

    person: str
    event: Event
    systems: tuple[SystemPlan, ...]


async def plan_leaver(
    place: Workplace,
    who: Principal,
    connectors: Mapping[str, object],
    person: str,
    *,
    event: Event = Event.LEAVER,
    after: Mapping[str, str] | None = None,
) -> LeaverPlan:
    """Reads what the person has in each system now. Right PEOPLE. Raises NotAllowed, LeaverUnclear, LeaverUnfit."""
    who.require(Right.PEOPLE)
    async with place.database.read() as tx:
        known, _ = await person_of(tx, place, person, Person())
        links = await _links(tx, known)
    leaver = _leaver(place, known, event, after or {})
    rules = place.config.leavers
    places, hand = places_for(leaver, rules, tuple(place.config.connections), place.now())
    found = []
    for each in places:
        name = each.connection
        if not who.covers(connection=name):
            continue
        if name in rules.by_hand:
            steps = [one for one in hand if one.connection == name]
            found.append(_plan(place, leaver, name, steps=steps))
            continue
        ends = connectors.get(name)
        if not isinstance(ends, EndsAccess):
            if name in rules.systems:
                found.append(_plan(place, leaver, name, why="its connector cannot end access: by hand"))
            continue
        try:
            found.append(await _asked(place, leaver, name, ends, links.get(name, [])))
        except StorageError:
            raise
        except LockstepError as error:
            found.append(_plan(place, leaver, name, why=f"it could not be asked: {error}"))
    return LeaverPlan(person=known.name or person, event=event, systems=tuple(found))


async def _asked(place: Workplace, leaver: Leaver, name: str, ends: EndsAccess, linked: list[str]) -> SystemPlan:
    whom = leaver.doc.person.whom
    joined = [one for id in linked for one in await ends.accounts(Whom(account=id))]
    verdict = judge(joined, list(await ends.accounts(whom)), whom)
    if verdict.choices:
        shown = tuple(_account(name, each, "") for each in verdict.choices)
        return SystemPlan(connection=name, accounts=shown, steps=(), question=verdict.why)
    holdings = [(each.account, await ends.holdings(each.account.id)) for each in verdict.accounts]
    steps = planning.plan(leaver, place.config.leavers, name, holdings, ends.ends, place.now())
    successor = ""
    if any(each.kind in HANDED_OVER for each in steps):
        to, why = await successor_of(leaver, place.config.leavers, ends, {each.id for each, _ in holdings})
        successor = f"{to.name} ({why})" if to is not None else why
    accounts = tuple(_account(name, each.account, each.by) for each in verdict.accounts)
    unseen = {str(kind): why for _, each in holdings for kind, why in each.unseen.items()}
    made = _plan(place, leaver, name, steps=steps)
    return msgspec.structs.replace(made, accounts=accounts, unseen=unseen, successor=successor)


def _plan(place: Workplace, leaver: Leaver, name: str, *, steps: list[Step] | None = None, why: str = "") -> SystemPlan:
    shown = tuple(step_of(leaver, each, place.now()) for each in steps or ())
    return SystemPlan(connection=name, accounts=(), steps=shown, why=why)


def _account(connection: str, account: Account, by: str) -> LeaverAccount:
    values = {name: getattr(account, name) for name in ("id", "name", "email", "active", "privileged")}
    return LeaverAccount(connection=connection, by=by, **values)


async def _links(tx: AsyncConnection, person: Person) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    if person.records:
        row = sync.link.c
        query = select(row.connection, row.object_id).where(row.record.in_(person.records), row.state == "primary")
        for connection, id in await tx.execute(query):
            found.setdefault(connection, []).append(id)
    return found


def _leaver(place: Workplace, person: Person, event: Event, after: Mapping[str, str]) -> Leaver:
    now = place.now()
    return Leaver(
        number=0,
        person="",
        period="",
        kind=event,
        state=LeaverState.PLANNED,
        ends_at=now,
        due_at=None,
        urgent=False,
        privileged=False,
        guarded="",
        hold_until=None,
        batch="",
        made_at=now,
        begun_at=None,
        done_at=None,
        closed_at=None,
        version=0,
        doc=LeaverDoc(person=person, after=dict(after)),
    )
