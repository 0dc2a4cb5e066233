"""What people ask of cases and do with them: the same functions for API, console and command line.

Every verb takes the workplace and who asks, and enforces the right here. What is outside a reader's scope is not there:
lists leave it out, everything else raises CaseNotFound. Values of persons are masked here, never later.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import msgspec

from connectors.contract.errors import InputError, LockstepError, StorageError
from dead_letter import store
from dead_letter.errors import CaseNotFound, StaleDecision
from dead_letter.values import Case, CaseFilter, CaseGroup, CasePage
from gateway.access.rights import Principal, Right
from gateway.work import case_acting, case_many, case_reading
from gateway.work.case_bodies import body_of
from gateway.work.case_scope import narrowed, personal_of
from gateway.work.case_views import Approval, AttachmentView, CaseView, Correction, Done, ManyDone, MergedGroups
from gateway.work.workplace import Workplace

EVERYTHING = CaseFilter()
"""All open cases that the reader may see."""

__all__ = [
    "EVERYTHING",
    "act",
    "act_on_many",
    "approve",
    "export_cases",
    "get_case",
    "group_cases",
    "list_approvals",
    "list_cases",
    "merge_groups",
    "preview_correction",
    "read_attachment",
    "reject",
    "split_group",
    "withdraw",
]


async def list_cases(
    place: Workplace, who: Principal, wanted: CaseFilter = EVERYTHING, *, cursor: str | None = None
) -> CasePage:
    """A page of cases in the order of `wanted.sort`; `cursor` is a former page's `next` under the same filter.

    Keyset pages: any page costs the same. Raises NotAllowed; InputError for a cursor of another order.
    """
    who.require(Right.SEE)
    async with place.database.read() as tx:
        page = await store.list_cases(tx, narrowed(place, who, wanted), cursor)
    shown = tuple(case_reading.in_line(case, personal_of(place, case), who) for case in page.cases)
    return msgspec.structs.replace(page, cases=shown)


async def group_cases(
    place: Workplace, who: Principal, wanted: CaseFilter = EVERYTHING, *, by: str = "cause"
) -> list[CaseGroup]:
    """Cases of the filter in groups, the largest first, at most `wanted.limit`; closed ones if `wanted.states` says so.

    `by`: `cause` (where people's splits and merges count), `flow` (the mapping), `connection`, `field` or `owner`.
    """
    who.require(Right.SEE)
    async with place.database.read() as tx:
        groups = await store.group_cases(tx, narrowed(place, who, wanted), by=by)
    return [case_reading.in_line(group, personal_of(place, group), who) for group in groups]


async def get_case(place: Workplace, who: Principal, number: str) -> CaseView:
    """A case with its verdict, next step, actions with reasons, why it is grouped, history, approvals, tasks, files.

    Raises CaseNotFound, also for a case outside the reader's scope; NotAllowed.
    """
    who.require(Right.SEE)
    return await case_reading.view(place, who, number)


async def act(
    place: Workplace,
    who: Principal,
    number: str,
    action: str,
    body: Mapping[str, Any] | None = None,
    *,
    expected_version: int | None = None,
    expected_work: int | None = None,
    alone: bool = True,
) -> Done:
    """Takes one action of `case_bodies.BODIES` on a case, all in one transaction: history, audit, lanes and case.

    Decisions need `expected_version` (None: as the case is now, for those who cannot have looked before). A case that
    moved is refused with what moved; the same decision again is answered as before. Actions of people's work move no
    version; with `expected_work` they are refused if somebody else moved owner or parking meanwhile.
    A dangerous action becomes a request (`Done.approval`) where the configuration asks for a second person.
    `alone` False: one of many, see `act_on_many`.

    Raises CaseNotFound, NotAllowed, DecisionRefused (why, and what to do instead), StaleDecision (`moved`),
    BodyRefused, MappingError (a system cannot be given the value; nothing changed).
    """
    said = body_of(action, body or {})
    return await case_acting.act(
        place, who, number, action, said, version=expected_version, work=expected_work, alone=alone
    )


async def act_on_many(
    place: Workplace,
    who: Principal,
    numbers: Sequence[tuple[str, int | None]],
    action: str,
    body: Mapping[str, Any] | None = None,
) -> list[ManyDone]:
    """One action on several cases, each with the version it was decided on. Each is decided by itself; an error of one
    does not stop the others. Discarding several is more dangerous than discarding one (`bulk_discard`).

    Raises NotAllowed; StorageError: some may be done, and the same again answers for them as before.
    """
    who.require(Right.WORK)
    answers: list[ManyDone] = []
    many = await case_many.begin(place, who, [number for number, _ in numbers], action, body or {})
    for number, version in numbers:
        try:
            done = await act(place, who, number, action, body, expected_version=version, alone=len(numbers) == 1)
        except StorageError:
            raise
        except StaleDecision as error:
            answers.append(ManyDone(number=number, done=None, error=str(error), code=error.code, moved=error.moved))
        except LockstepError as error:
            code = error.code if isinstance(error, InputError) else "refused"
            answers.append(ManyDone(number=number, done=None, error=str(error), code=code))
        else:
            answers.append(ManyDone(number=number, done=done))
    await case_many.end(place, who, many, answers)
    return answers


async def list_approvals(place: Workplace, who: Principal, *, state: str = "pending") -> list[Approval]:
    """Requests that wait for a second person (or ended as `state`), oldest first, at most 200."""
    who.require(Right.SEE)
    return await case_reading.approvals(place, who, state)


async def approve(place: Workplace, who: Principal, approval: str, *, note: str = "") -> Done:
    """Agrees to a request and carries it out, on the case as the requester saw it. Needs Right.APPROVE.

    Raises CaseNotFound (no such request in scope), DecisionRefused (own request, ended, expired), StaleDecision (the
    case moved: the request is over, `moved` says why). An attempt to approve one's own request is audited.
    """
    return await case_acting.answer(place, who, approval, agreed=True, note=note)


async def reject(place: Workplace, who: Principal, approval: str, *, note: str) -> Done:
    """Ends a request; nothing is done. Needs Right.APPROVE and a note that says why. Raises as `approve`."""
    return await case_acting.answer(place, who, approval, agreed=False, note=note)


async def withdraw(place: Workplace, who: Principal, approval: str, *, note: str = "") -> Done:
    """Ends one's own request. Raises as `approve`."""
    return await case_acting.withdraw(place, who, approval, note=note)


async def preview_correction(place: Workplace, who: Principal, number: str, field: str, new: Any) -> Correction:
    """What `correct` would write, per system. Raises CaseNotFound, DecisionRefused, MappingError; changes nothing."""
    who.require(Right.WORK)
    return await case_reading.correction(place, who, number, field, new)


async def split_group(
    place: Workplace, who: Principal, numbers: Sequence[str], *, title: str, reason: str, part: str = ""
) -> str:
    """Takes cases out of their group into one of their own, and future ones that are like them. Gives its key.

    `part`: what makes them alike (`flow`, `connection`, `object`, `field` or `record`, that they share); empty: the
    things that these cases are about. Needs Right.WORK. Raises CaseNotFound, DecisionRefused.
    """
    return await case_acting.split(place, who, numbers, title=title, reason=reason, part=part)


async def merge_groups(
    place: Workplace, who: Principal, groups: Sequence[str], *, into: str, title: str = "", reason: str
) -> MergedGroups:
    """Makes several groups one, for the cases they have and those to come, as far as the scope of who asks goes: what
    lies outside keeps its group, and the name that others see. Needs Right.WORK. Raises CaseNotFound, DecisionRefused.
    """
    return await case_acting.merge(place, who, groups, into=into, title=title, reason=reason)


async def read_attachment(
    place: Workplace, who: Principal, number: str, attachment: str
) -> tuple[AttachmentView, bytes]:
    """A file at a case. Send it as a download (`Content-Disposition: attachment`, `nosniff`): people made it.

    Raises CaseNotFound. Nothing in it is masked, so Right.SEE_PERSONAL is needed.
    """
    who.require(Right.SEE)
    who.require(Right.SEE_PERSONAL)
    return await case_reading.attachment(place, who, number, attachment)


async def export_cases(place: Workplace, who: Principal, wanted: CaseFilter = EVERYTHING) -> AsyncGenerator[Case, None]:
    """All cases of the filter, not one page of them, each as it is when its page is read; audited when it begins."""
    who.require(Right.SEE)
    async for case in case_reading.export(place, who, narrowed(place, who, wanted)):
        yield case


async def look_up(place: Workplace, who: Principal, number: str) -> Case:
    """The bare case, for a verb that goes on with it. Raises CaseNotFound."""
    who.require(Right.SEE)
    found = await case_reading.find(place, who, number)
    if found is None:
        raise CaseNotFound(number)
    return found
