"""Trying a draft: what its connection proves, and how many objects it shows. Writes nothing there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from typing import Any

import msgspec

from connectors.contract.connector import Connector, ListsIds
from connectors.contract.errors import LockstepError
from connectors.contract.values import Finding
from gateway.access.rights import NotAllowed, Principal, Right
from gateway.config.values import Connection
from gateway.work.drafts import Draft, DraftRefused, Tested
from gateway.work.registering import plan_files, prepared
from gateway.work.workplace import Workplace

TEST_S = 25.0
COUNT_S = 10.0
PAGES = 5
"""Pages that are counted; more is told as at least so many."""
Trying = Callable[[Connection, list[dict[str, Any]]], AbstractAsyncContextManager[Connector]]
_TIPS = (
    ("refused", "The system does not take this credential: look at step Sign in, and at the rights of its user there."),
    ("not reached", "Nothing answers at this address: is it right, and may this machine go there?"),
    ("no answer", "It took too long: is it the right address, or does a proxy stand between?"),
    ("404", "The address answers, but has no such path: does `url` end where the vendor's docs say?"),
)


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Objects that a system shows."""

    objects: int
    whole: bool
    """False: at least so many."""


async def test_draft(place: Workplace, who: Principal, draft: Draft, trying: Trying) -> Tested:
    """Every step of the connector's own check, passed ones too, with what was asked. Right CONFIGURE; MANAGE where the
    draft would send what only an admin may. Raises ConfigurationInvalid, NotAllowed.
    """
    asked: list[dict[str, Any]] = []
    async with _connector(place, who, draft, trying, asked) as connector:
        findings = await _checked(connector)
    return Tested(at=place.now(), findings=tuple(_told(each) for each in findings), requests=tuple(asked))


async def count_objects(place: Workplace, who: Principal, draft: Draft, object: str, trying: Trying) -> Count | None:
    """How many a comparison of all ids would see; None: the system cannot list them, or did not answer in time. Rights
    and errors as `test_draft`.
    """
    async with _connector(place, who, draft, trying, []) as connector:
        if not isinstance(connector, ListsIds) or object not in connector.specs:
            return None
        try:
            async with asyncio.timeout(COUNT_S):
                return await _counted(connector, object)
        except (TimeoutError, LockstepError):
            return None


async def _counted(connector: ListsIds, object: str) -> Count:
    cursor, found = None, 0
    for _ in range(PAGES):
        page = await connector.ids(object, cursor)
        found, cursor = found + len(page.listed), page.cursor
        if cursor is None:
            return Count(objects=found, whole=True)
    return Count(objects=found, whole=False)


@asynccontextmanager
async def _connector(
    place: Workplace, who: Principal, draft: Draft, trying: Trying, asked: list[dict[str, Any]]
) -> AsyncIterator[Connector]:
    plan = await plan_files(place, who, draft.handed)
    if plan.admin and not who.may(Right.MANAGE):
        raise NotAllowed(Right.MANAGE, "; ".join(plan.admin))
    with ExitStack() as stack:
        made = await asyncio.to_thread(stack.enter_context, prepared(place.config.file, draft.handed))
        connection = made.then.connections.get(draft.name)
        if connection is None:
            raise DraftRefused(f"the file has no connection {draft.name}", code="draft.unnamed")
        async with trying(connection, asked) as connector:
            yield connector


async def _checked(connector: Connector) -> list[Finding]:
    try:
        async with asyncio.timeout(TEST_S):
            return list(await connector.check())
    except TimeoutError:
        return [Finding(proves="an answer", ok=False, detail=f"no answer in {TEST_S:g} s")]
    except LockstepError as error:
        return [Finding(proves="an answer", ok=False, detail=str(error))]


def _told(finding: Finding) -> dict[str, Any]:
    return {**msgspec.to_builtins(finding), "tip": "" if finding.ok else _tip(finding)}


def _tip(finding: Finding) -> str:
    words = "refused" if finding.refused else finding.detail
    return next(
        (tip for part, tip in _TIPS if part in words), "The detail is the system's own word; its docs know more."
    )
