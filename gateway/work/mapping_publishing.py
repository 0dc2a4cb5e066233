"""Publishing a mapping: what has to be seen and said before, and by whom. Four eyes are counted here, not in routes.

Where the configuration says that mappings are managed by files, nothing is published: the file is the source, and its
history the place of approval. Where the database manages them, a published version is what gateways begin to work by
at their next start.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access.rights import Principal, Right
from gateway.audit.effects import close
from gateway.core.kinds import OPEN, SUPERSEDED
from gateway.versions import store
from gateway.versions.errors import MappingMoved, NotPublishable, OwnWork
from gateway.versions.store import Event, Kind, Version
from gateway.work.mapping_trials import run_tests, used_at
from gateway.work.mapping_versions import find, ref_of
from gateway.work.trail import note
from gateway.work.workplace import Workplace

Facts = dict[str, Any]
MADE_BY = (Kind.BACKTESTED, Kind.PUBLISHED)
"""Who is in one of these has worked on the version, and is not its second pair of eyes."""


async def backtested(place: Workplace, who: Principal, version: Version, report: Facts) -> None:
    """Keeps the version and notes that this person saw its backtest, with the counts. Right CONFIGURE."""
    who.require(Right.CONFIGURE)
    detail = {key: report[key] for key in ("since", "until", "total", "same", "changed", "failing", "fixed")}
    async with place.database.begin("mapping.backtested") as tx:
        await store.keep(tx, version)
        await _say(tx, place, who, version, Kind.BACKTESTED, detail)


async def standing(place: Workplace, who: Principal, ref: str) -> Facts:
    """What is lacking before a version can be published. Right SEE. {ref, digest, revision, current, managed_by, tests,
    backtest: {at, by, ...} | None, approval: {needed, by, at}, lacking: [why]}: with nothing lacking it can be
    published. Raises UnknownVersion, NotUsed.
    """
    who.require(Right.SEE)
    async with place.database.read() as tx:
        version = await find(tx, place, who, ref)
        events = await store.events(tx, name=version.name)
    return _standing(place, who, version, events)


def _standing(place: Workplace, who: Principal, version: Version, events: list[Event]) -> Facts:
    mine = [each for each in events if each.digest == version.digest]
    tests = run_tests(place, who, version)
    seen = next((each for each in reversed(mine) if each.kind is Kind.BACKTESTED), None)
    approved = next((each for each in reversed(mine) if each.kind is Kind.APPROVED), None)
    needed = any(flow.approve_mappings for flow, _ in used_at(place, version.name))
    return {
        "ref": ref_of(version),
        "digest": version.digest,
        "revision": revision_of(events),
        "current": current(place, version.name, events),
        "managed_by": place.config.mappings_by,
        "tests": tests,
        "backtest": None if seen is None else {"at": seen.at, "by": seen.by_name, **seen.detail},
        "approval": {
            "needed": needed,
            "by": approved.by_name if approved else "",
            "at": approved.at if approved else None,
        },
        "lacking": list(_lacking(place, version, tests, seen, approved, needed=needed)),
    }


def _lacking(
    place: Workplace, version: Version, tests: Facts, seen: Event | None, approved: Event | None, *, needed: bool
) -> list[str]:
    found = []
    if place.config.mappings_by == "files":
        found.append(in_the_file(place, version))
    if not tests["green"]:
        why = "; ".join(tests["problems"][:3]) or "there are no tests beside the mapping"
        found.append(f"its tests are not green: {why}")
    if seen is None:
        found.append(f"nobody saw a backtest of exactly this text: lockstep mapping backtest {ref_of(version)}")
    if needed and approved is None:
        found.append(f"another person has to approve it: lockstep mapping approve {ref_of(version)}")
    return found


def in_the_file(place: Workplace, version: Version) -> str:
    """How a version gets into use where files manage mappings."""
    _, member = used_at(place, version.name)[0]
    return (
        f"mappings are managed by files: put this text into {member.mapping_file} "
        f"(lockstep mapping show {ref_of(version)} --text) and start the gateways again; "
        "or let the database manage them: mappings: {managed_by: database}"
    )


def current(place: Workplace, name: str, events: list[Event]) -> str:
    """The digest that was published last, or else is in use: what a new publication replaces."""
    published = [each for each in events if each.kind is Kind.PUBLISHED]
    return published[-1].digest if published else used_at(place, name)[0][1].mapping.digest


def revision_of(events: list[Event]) -> int:
    """What a decision to publish depends on: it is one higher with each publication of the name."""
    return 1 + sum(each.kind is Kind.PUBLISHED for each in events)


async def approve(place: Workplace, who: Principal, ref: str, *, digest: str, reason: str = "") -> Facts:
    """A second person says yes to exactly this digest. Right APPROVE. The answer is `standing`'s; said twice it is the
    same. Raises UnknownVersion, MappingMoved, OwnWork.
    """
    who.require(Right.APPROVE)
    async with _watched(place, who, ref, "approve"), place.database.begin("mapping.approve") as tx:
        version = await find(tx, place, who, ref)
        if digest != version.digest:
            raise MappingMoved(ref, version.digest)
        mine = [each for each in await store.events(tx, name=version.name) if each.digest == version.digest]
        if any(each.kind in MADE_BY and each.by_human == _human(who) for each in mine):
            raise OwnWork(ref_of(version), "approve")
        if not any(each.kind is Kind.APPROVED and each.by_human == _human(who) for each in mine):
            await _say(tx, place, who, version, Kind.APPROVED, {"reason": reason})
        return _standing(place, who, version, await store.events(tx, name=version.name))


async def publish(place: Workplace, who: Principal, ref: str, *, expected: int, reason: str = "") -> Facts:
    """Makes a version the one that gateways work by from their next start on. Right CONFIGURE.

    `expected`: `standing`'s `revision` as whoever decides saw it; MappingMoved if something was published since. Said
    twice it is the same. Raises UnknownVersion, NotUsed, NotPublishable (with all that is lacking),
    OwnWork: its only approval is this person's own.
    """
    who.require(Right.CONFIGURE)
    async with _watched(place, who, ref, "publish"), place.database.begin("mapping.publish") as tx:
        version = await find(tx, place, who, ref)
        await store.lock(tx, version.name)
        events = await store.events(tx, name=version.name)
        now = current(place, version.name, events)
        if now == version.digest and any(each.kind is Kind.PUBLISHED for each in events):
            return _published(place, who, version, events)
        if revision_of(events) != expected:
            raise MappingMoved(version.name, now)
        found = _standing(place, who, version, events)
        if found["lacking"]:
            raise NotPublishable(ref_of(version), found["lacking"])
        approvals = [each for each in events if each.digest == version.digest and each.kind is Kind.APPROVED]
        if found["approval"]["needed"] and all(each.by_human == _human(who) for each in approvals):
            raise OwnWork(ref_of(version), "publish what only you approved:")
        if (before := await store.by_digest(tx, now)) is not None:
            await _overtaken(tx, before, place.now())
        await _say(tx, place, who, version, Kind.PUBLISHED, {"replaces": now, "reason": reason})
        return _published(place, who, version, await store.events(tx, name=version.name))


def _published(place: Workplace, who: Principal, version: Version, events: list[Event]) -> Facts:
    where = [f"{flow.name}/{member.connection}" for flow, member in used_at(place, version.name)]
    in_use = _in_use(place, version)
    told = "it is in use" if in_use else f"it is used from the next start of each gateway on, at {', '.join(where)}"
    return {**_standing(place, who, version, events), "published": True, "in_use": in_use, "next": told}


async def last_published(tx: AsyncConnection, name: str) -> Version | None:
    """What was published last under this name."""
    found = await store.events(tx, name=name, kinds=[Kind.PUBLISHED])
    return await store.by_digest(tx, found[-1].digest) if found else None


def _human(who: Principal) -> str:
    return who.person or who.id


async def _say(
    tx: AsyncConnection, place: Workplace, who: Principal, version: Version, kind: Kind, detail: Facts
) -> None:
    now = place.now()
    await store.happened(tx, version, kind, at=now, by=who.name, human=_human(who), detail=detail)
    told = {"mapping": version.label, "digest": version.digest, **detail}
    told = {"by": who.id, **told}
    outcome = OPEN if kind is Kind.PUBLISHED and not _in_use(place, version) else ""
    cause = version.label[:100]
    await note(tx, at=now, kind=f"mapping_{kind}", actor=who.name, cause=cause, detail=told, outcome=outcome)


async def _overtaken(tx: AsyncConnection, before: Version, now: float) -> None:
    """One that was published and that no gateway began to work by, is used by none any more."""
    causes, only = [before.label[:100]], lambda each: each.kind == "mapping_published"
    await close(tx, causes, kind="mapping_used", outcome=SUPERSEDED, at=now, only=only)


def _in_use(place: Workplace, version: Version) -> bool:
    return all(member.mapping.digest == version.digest for _, member in used_at(place, version.name))


@asynccontextmanager
async def _watched(place: Workplace, who: Principal, ref: str, what: str) -> AsyncIterator[None]:
    """Around a transaction in which four eyes count: what they refuse is undone, and that it was tried stays."""
    try:
        yield
    except OwnWork:
        async with place.database.begin("mapping.refused") as tx:
            detail = {"by": who.id, "mapping": ref, "tried": what}
            said = {"actor": who.name, "cause": ref[:100]}
            await note(tx, at=place.now(), kind="mapping_self_approval", detail=detail, **said)
        raise
