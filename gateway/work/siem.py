"""The feeds to SIEM receivers: how each stands, a test of one, and events sent once more. For auditors and whoever
configures or manages.

Nothing is sent here. What is asked for is written down, and the running gateway sends it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import InputError
from gateway.access.rights import Principal, Right
from gateway.config.siem import GRADES, Sink
from gateway.siem import picking, store
from gateway.siem.entering import described
from gateway.siem.store import Standing, State
from gateway.siem.tables import spool
from gateway.work.trail import note
from gateway.work.workplace import Workplace


class NoSuchSink(InputError):
    """The configuration has no sink of this name: 404."""

    status = 404

    def __init__(self, name: str, known: Sequence[str]) -> None:
        there = f"there are {', '.join(known)}" if known else "the configuration has none under siem.sinks"
        super().__init__(f"there is no sink {name}; {there}", code="sink.not_found")


class SinkView(msgspec.Struct, frozen=True, kw_only=True):
    """One sink and its feed. Of its address only the host is shown: the rest may be a key itself."""

    sink: str
    kind: str
    """syslog, hec, webhook or file."""
    to: str
    form: str
    least: str
    """The severity from which on it is told."""
    state: str
    """new, working, failing or refused; `unfed` before a gateway has run with it."""
    since: float | None
    reason: str
    """Why it does not work."""
    worker: str
    """Who feeds it now."""
    number: int
    """Of the newest event of its feed."""
    sent: int
    """The last event that its receiver is known to have."""
    sent_at: float | None
    waiting: int
    """Events that it lacks."""
    octets: int
    """Their size."""
    spool: int
    """What may wait; the rest waits in the audit trail."""
    full_at: float | None
    """Since when the spool is full."""
    lag_s: float
    """Age of the oldest event that it lacks."""
    behind: int
    """Entries of the audit trail that have no place in its feed yet: the spool has no room, or the gateway is busy."""
    position: int
    """The entry up to which the trail was looked through for it, and that was noted."""
    refused: int
    """How often it said no to what it was sent."""
    kept_from: int
    """The oldest event that can be sent once more; 0: none."""


class Resend(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent once more."""

    sink: str
    first: int
    last: int


async def list_sinks(place: Workplace, who: Principal) -> list[SinkView]:
    """Every sink of the configuration, in its order. Raises NotAllowed."""
    if not may_look(who):
        who.require(Right.AUDIT)
    async with place.database.read() as tx:
        return await sinks_now(tx, place)


async def sinks_now(tx: AsyncConnection, place: Workplace) -> list[SinkView]:
    """The same for whoever has asked for the right already."""
    if not place.config.siem.sinks:
        return []
    now, head = place.now(), await picking.head_of(tx)
    known = {name: each for name, each in (await store.standings(tx)).items() if not each.removed_at}
    return [await _view(tx, sink, known.get(name), head, now) for name, sink in place.config.siem.sinks.items()]


async def _view(tx: AsyncConnection, sink: Sink, found: Standing | None, head: int, now: float) -> SinkView:
    said = described(sink)
    oldest, first = await _oldest(tx, found) if found else (None, 0)
    return SinkView(
        sink=sink.name,
        kind=sink.kind,
        to=str(said["to"]),
        form=sink.form,
        least=GRADES[sink.least - 1],
        state=str(found.state) if found else "unfed",
        since=found.since if found else None,
        reason=found.reason if found and found.state is not State.WORKING else "",
        worker=found.owner if found and found.lease_until > now else "",
        number=found.number if found else 0,
        sent=found.sent if found else 0,
        sent_at=found.sent_at or None if found else None,
        waiting=max(0, found.number - found.sent) if found else 0,
        octets=found.waiting if found else 0,
        spool=sink.spool,
        full_at=found.full_at or None if found else None,
        lag_s=max(0.0, now - oldest) if oldest is not None else 0.0,
        behind=await picking.behind(tx, sink, found.position, head) if found else 0,
        position=found.position if found else 0,
        refused=found.refused if found else 0,
        kept_from=first,
    )


async def _oldest(tx: AsyncConnection, found: Standing) -> tuple[float | None, int]:
    """When the oldest event was numbered that the receiver lacks, and the first that is kept."""
    row = spool.c
    lacking = select(row.put_at).where(row.sink == found.name, row.number > found.sent).order_by(row.number).limit(1)
    first = select(func.min(row.number)).where(row.sink == found.name)
    return (await tx.execute(lacking)).scalar(), (await tx.execute(first)).scalar() or 0


async def try_sink(place: Workplace, who: Principal, sink: str) -> int:
    """Has a sign of life sent to a receiver, after whatever waits for it. Gives a number: the receiver is reached once
    its feed is sent up to there. Raises NotAllowed, NoSuchSink.
    """
    _may_ask(place, who, sink)
    async with place.database.begin("siem.test") as tx:
        found = await store.standing(tx, sink)
        await store.change(tx, sink, asked=1)
        detail = {"by": who.id, "to": sink}
        await note(tx, at=place.now(), kind="siem_tested", actor=who.name, cause=sink, detail=detail)
    return (found.number if found else 0) + 1


async def resend(place: Workplace, who: Principal, sink: str, first: int, *, plan: bool = False) -> Resend:
    """Sends a feed once more from this event on, as it was: numbers, ids and digests are the same, so that a receiver
    knows what it has. `plan`: says which, and does nothing.

    Raises NotAllowed, NoSuchSink; InputError for an event that is not kept any more, or was never there.
    """
    _may_ask(place, who, sink)
    async with place.database.begin("siem.resend") as tx:
        found = await store.standing(tx, sink)
        oldest = await store.first_kept(tx, sink)
        if found is None or not oldest or not oldest <= first <= found.number:
            kept = f"{oldest} to {found.number}" if found and oldest else "none"
            text = f"event {first} of {sink} cannot be sent again; kept: {kept}. Older ones are in the audit trail"
            raise InputError(text, code="event.not_kept")
        if not plan:
            await store.change(tx, sink, again=first)
            detail = {"by": who.id, "to": sink, "from": first, "until": found.number}
            await note(tx, at=place.now(), kind="siem_resend", actor=who.name, cause=sink, detail=detail)
    return Resend(sink=sink, first=first, last=found.number)


def may_look(who: Principal) -> bool:
    """Whether somebody may see how the feeds stand."""
    return any(who.may(each) for each in (Right.AUDIT, Right.CONFIGURE, Right.MANAGE))


def may_ask(who: Principal) -> bool:
    """Whether somebody may have something sent."""
    return who.may(Right.MANAGE) or who.may(Right.CONFIGURE)


def _may_ask(place: Workplace, who: Principal, sink: str) -> None:
    if not may_ask(who):
        who.require(Right.CONFIGURE)
    if sink not in place.config.siem.sinks:
        raise NoSuchSink(sink, list(place.config.siem.sinks))
