"""What waits for each receiver, judged now and then: warnings before a spool is full, and what may be forgotten."""

from __future__ import annotations

from typing import Any

import structlog

from dead_letter import store as cases
from dead_letter.classify import Cause
from dead_letter.fingerprint import fingerprint
from dead_letter.values import CaseClass, Ending, NewCase
from gateway.audit.chain import append, entry
from gateway.audit.ended import note_ended
from gateway.config.siem import Sink
from gateway.siem import store
from gateway.siem.place import Place
from gateway.siem.store import Standing, State

PATIENCE_S = 300.0
"""A receiver that is away for so long, with events waiting, is a case."""
FORGET_EVERY_S = 60.0
_MB = 1 << 20
FULL, FILLING, BEHIND = "full", "filling", "behind"

log = structlog.get_logger()


class Upkeep:
    """Of one worker's sinks."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._forget_at: dict[str, float] = {}

    async def see_to(self, sink: Sink) -> None:
        """One look at one sink. Raises StorageError."""
        now = self.place.clock.now()
        async with self.place.database.read() as tx:
            standing = await store.standing(tx, sink.name)
        if standing is None:
            return
        verdict = judged(sink, standing, now)
        if verdict != standing.warned or (verdict == FULL) != bool(standing.full_at):
            await self._tell(sink, standing, verdict, now)
        if now >= self._forget_at.get(sink.name, 0.0):
            await self._forget(sink, standing, now)

    async def _tell(self, sink: Sink, standing: Standing, verdict: str, now: float) -> None:
        """The case, the entry and the mark in one transaction."""
        full = verdict == FULL
        log.error("a feed is behind", sink=sink.name, why=verdict) if verdict else log.info("a feed is well again")
        async with self.place.database.begin("siem.warn") as tx:
            full_at = (standing.full_at or now) if full else 0.0
            await store.change(tx, sink.name, warned=verdict, full_at=full_at)
            if verdict:
                await cases.open_cases(tx, [_case(sink, standing, verdict)], now=now)
            else:
                why = "its receiver takes events again"
                ended = await cases.close_cases(tx, [_key(sink.name)], decision=Ending.RESTORED, reason=why, now=now)
                await note_ended(tx, ended, Ending.RESTORED, now)
            append(tx, _entries(sink, standing, verdict, now))

    async def _forget(self, sink: Sink, standing: Standing, now: float) -> None:
        more = True
        while more:
            async with self.place.database.begin("siem.forget") as tx:
                more = await store.forget(tx, standing, now - sink.keep_s, sink.spool)
        self._forget_at[sink.name] = now + FORGET_EVERY_S


def judged(sink: Sink, standing: Standing, now: float) -> str:
    """What people have to be told of a sink: full, filling, behind; empty: nothing. Pure.

    What was told stays until it is clearly over, so that a spool at its bound is no flood of cases.
    """
    waits = standing.number > standing.sent
    slack = 0.9 if standing.warned in (FULL, FILLING) else 1.0
    if standing.waiting >= sink.spool * (0.9 if standing.full_at else 1.0):
        return FULL
    if standing.waiting >= sink.spool * sink.warn * slack:
        return FILLING
    away = standing.state in (State.FAILING, State.REFUSED)
    return BEHIND if waits and away and now - standing.since >= PATIENCE_S else ""


def _entries(sink: Sink, standing: Standing, verdict: str, now: float) -> list[dict[str, Any]]:
    """What the trail is told when the verdict is another one."""
    before, found = standing.warned, list[dict[str, Any]]()
    waits = {"octets": standing.waiting, "events": standing.number - standing.sent}
    told = {"sink": sink.name, "spool": sink.spool, **waits}
    if before == FULL and verdict != FULL:
        found.append(entry("siem_spool_drained", now, told, cause=sink.name))
    if verdict == FULL and before != FULL:
        found.append(entry("siem_spool_full", now, told, cause=sink.name))
    if verdict == FILLING and before not in (FULL, FILLING):
        found.append(entry("siem_spool_filling", now, told, cause=sink.name))
    return found


def _key(name: str) -> str:
    return f"{CaseClass.FEED}:{name}"


def _case(sink: Sink, standing: Standing, verdict: str) -> NewCase:
    waiting, events = standing.waiting, standing.number - standing.sent
    titles = {
        FULL: f"the spool of the SIEM sink {sink.name} is full: new events wait in the audit trail",
        FILLING: f"the spool of the SIEM sink {sink.name} fills: {waiting // _MB} of {sink.spool // _MB} MB wait",
        BEHIND: f"the SIEM sink {sink.name} gets nothing, and {events} events wait",
    }
    evidence: dict[str, Any] = {"sink": sink.name, "events_waiting": events, "octets_waiting": waiting}
    return NewCase(
        key=_key(sink.name),
        cls=CaseClass.FEED,
        cause=Cause.FEED_BEHIND,
        title=titles[verdict],
        evidence=evidence | {"spool": sink.spool, "last_sent": standing.sent, "error": standing.reason},
        fingerprint=fingerprint(Cause.FEED_BEHIND, field=sink.name),
    )
