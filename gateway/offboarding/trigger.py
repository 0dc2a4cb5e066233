"""Records of people, looked at in the transaction that decided about them: what they tell anew opens a departure
there and then, so nothing that was decided can be missed, and nothing is told twice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.errors import MappingError
from dead_letter import store as cases
from dead_letter.classify import Cause
from dead_letter.fingerprint import fingerprint
from dead_letter.values import CaseClass, Ending, NewCase
from gateway.audit.ended import note_ended
from gateway.config.leavers import Leavers, LeaverSource
from gateway.offboarding import tables as t
from gateway.offboarding.opening import Desk, Told
from gateway.offboarding.returning import back
from gateway.offboarding.standing import News, Standing, news_of, standing_of
from gateway.offboarding.telling import GATEWAY, Teller, Trail
from gateway.offboarding.values import Event, identities_told, parse_number
from gateway.storage.database import insert
from gateway.sync.departed import gone_among
from gateway.sync.state import RecordState


@dataclass(frozen=True, slots=True)
class Trigger:
    """Implements `gateway.sync.decider.Onlooker`."""

    rules: Leavers
    connections: Collection[str]
    trail: Trail

    async def decided(self, tx: AsyncConnection, states: Sequence[RecordState], now: float) -> None:
        """Looks at the records of the flows that tell of departures."""
        sources = (each for each in states if each.flow in self.rules.sources and not each.task)
        concerned = {each.id: each for each in sources if each.fields}  # an erased record says nothing of anybody
        if not concerned:
            return
        known = await _known(tx, concerned)
        teller = Teller(self.trail, tx, now)
        for id, state in concerned.items():
            source = self.rules.sources[state.flow]
            standing = await self._standing(tx, source, state, now)
            if standing is None or (id in known and known[id][0] == standing.digest):
                continue
            before = known[id][1] if id in known else None
            if before is None and await self._seen_again(teller, source, standing):
                await _keep(tx, id, standing)
                continue
            for news in news_of(before, standing, now):
                await self._tell(teller, source, news, before, standing)
            await _keep(tx, id, standing)

    async def _standing(
        self, tx: AsyncConnection, source: LeaverSource, state: RecordState, now: float
    ) -> Standing | None:
        """None: it cannot be decided, and a case says so; the next decision about the record looks again."""
        key = f"{CaseClass.MAPPING}:{state.id}:leavers"
        try:
            standing = standing_of(source, self.rules, state.values(), state.id, state.tombstoned_at)
        except MappingError as error:
            await cases.open_cases(tx, [_undecided(key, state, str(error))], now=now)
            return None
        ended = await cases.close_cases(tx, [key], decision=Ending.OBSOLETE, reason="it can be decided now", now=now)
        await note_ended(tx, ended, Ending.OBSOLETE, now)
        return standing

    async def _seen_again(self, teller: Teller, source: LeaverSource, standing: Standing) -> bool:
        """Whether it is a new record of somebody who has left, as HR makes for whoever is hired again. It has its
        tombstone from birth, so what it says has to be asked about.
        """
        if standing.left_at is None or standing.said:
            return False
        named = await gone_among(teller.tx, identities_told(standing.person))
        numbers = sorted({each for gone in named.values() if (each := parse_number(gone.case)) is not None})
        desk = Desk(teller, self.rules, self.connections)
        return bool([each for each in numbers if await desk.seen_again(each, standing.person, source=source.flow)])

    async def _tell(
        self, teller: Teller, source: LeaverSource, news: News, before: Standing | None, after: Standing
    ) -> None:
        desk = Desk(teller, self.rules, self.connections)
        if news.over:
            opened = await desk.take_back(news.event, after.person, by=GATEWAY, reason=f"{source.flow} says so")
            await back(teller, opened)
            return
        ends = after.ends_at if news.event is Event.LEAVER else None
        if before is None and ends is not None and ends < teller.now - self.rules.past_s:
            return
        day = datetime.fromtimestamp(teller.now, UTC).date()
        await desk.tell(
            Told(
                event=news.event,
                person=after.person,
                ends_at=teller.now if ends is None else ends,
                last_day=after.last_day if news.event is Event.LEAVER else "",
                zone=after.zone,
                source=source.flow,
                by=GATEWAY,
                batch=f"{source.flow}:{news.event}:{day}",
                starts=after.starts,
                before=before.role if before is not None else {},
                after=after.role if news.event is Event.MOVER else {},
            )
        )


async def _known(tx: AsyncConnection, records: Collection[str]) -> dict[str, tuple[str, Standing]]:
    row = t.leaver_seen.c
    query = select(row.record, row.digest, row.doc).where(row.record.in_(list(records)))
    return {
        record: (digest, msgspec.json.decode(doc, type=Standing)) for record, digest, doc in await tx.execute(query)
    }


async def _keep(tx: AsyncConnection, record: str, standing: Standing) -> None:
    statement = insert(tx, t.leaver_seen)
    put = {"digest": statement.excluded.digest, "doc": statement.excluded.doc}
    row = {"record": record, "digest": standing.digest, "doc": msgspec.json.encode(standing).decode()}
    await tx.execute(statement.on_conflict_do_update(index_elements=["record"], set_=put), [row])


def _undecided(key: str, state: RecordState, why: str) -> NewCase:
    return NewCase(
        key=key,
        cls=CaseClass.MAPPING,
        cause=Cause.CONDITION_UNDECIDED,
        title="whether this person leaves cannot be decided",
        flow=state.flow,
        record=state.id,
        evidence={"reason": why},
        fingerprint=fingerprint(Cause.CONDITION_UNDECIDED, connection=""),
    )
