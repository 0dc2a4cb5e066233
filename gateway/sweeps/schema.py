"""What the system says of its fields and their options, read now and then: what changed is kept, and a mapping that
breaks by it becomes a case before its records fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from connectors.contract.fields import TellsFields
from dead_letter import store as cases
from dead_letter.classify import Cause
from dead_letter.fingerprint import fingerprint
from dead_letter.values import CaseClass, Ending, NewCase
from gateway.audit.ended import note_ended
from gateway.drift.effects import Effect, broken, effects
from gateway.drift.store import Version, keep
from gateway.storage.database import Database
from gateway.sweeps.book import Cursor, Round
from gateway.sweeps.sweeper import Step, count
from gateway.sync.batch import Topology
from gateway.sync.flow import Member

MENDED = "the system describes again what the mapping needs, or another mapping is in use"

log = structlog.get_logger()


@dataclass(slots=True)
class SchemaSweep:
    """Asks for one object's fields in each step. A few requests, paced as all sweeps are."""

    connection: str
    objects: Sequence[str]
    connector: TellsFields
    topology: Topology
    database: Database
    clock: Clock
    every_s: float
    name: str = "schema"

    async def step(self, round: Round, cursor: Cursor) -> Step:
        at = int(cursor.get("at", 0))
        if at >= len(self.objects):
            return Step({"counts": cursor.get("counts", {})}, done=True)
        object = self.objects[at]
        found = await self.connector.fields(object)
        if found:  # a system that does not tell, or an account that may not read it, says nothing
            async with self.database.begin("schema.seen") as tx:
                version, new = await keep(tx, self.connection, object, found, self.clock.now())
                if version is not None:
                    await self._judge(tx, version, cursor)
            count(cursor, "fields", len(found))
            count(cursor, "changes", len(version.changes) if version is not None and new else 0)
            if version is None:
                count(cursor, "hidden")
                log.warning("most fields are not shown any more: rights?", connection=self.connection, object=object)
        cursor["at"] = at + 1
        return Step(cursor)

    async def _judge(self, tx: AsyncConnection, version: Version, cursor: Cursor) -> None:
        """Opens the object's case, brings it up to date, or closes it."""
        found = [each for member in self._members(version.object) for each in self._effects(version, member)]
        breaks, now = broken(found), self.clock.now()
        count(cursor, "breaks", len(breaks))
        count(cursor, "may_break", len(found) - len(breaks))
        key = f"{CaseClass.SCHEMA}:{self.connection}:{version.object}"
        if breaks:
            await cases.open_cases(tx, [_case(key, version, breaks)], now=now)
        else:
            ended = await cases.close_cases(tx, [key], decision=Ending.RESTORED, reason=MENDED, now=now)
            await note_ended(tx, ended, Ending.RESTORED, now)

    def _members(self, object: str) -> list[Member]:
        here = [flow.members.get(self.connection) for flow in self.topology.flows.values()]
        return [each for each in here if each is not None and each.object == object]

    def _effects(self, version: Version, member: Member) -> list[Effect]:
        mapping = member.mapping
        return effects(version.described, f"{mapping.name}@{mapping.version}", mapping.uses)


def _case(key: str, version: Version, breaks: Sequence[Effect]) -> NewCase:
    first = breaks[0]
    more = f", and {len(breaks) - 1} more" if len(breaks) > 1 else ""
    told = [{"mapping": each.mapping, "field": each.field, "native": each.native, "text": each.text} for each in breaks]
    return NewCase(
        key=key,
        cls=CaseClass.SCHEMA,
        cause=Cause.SCHEMA_BREAKS,
        title=f"{version.connection} changed: {first.text} by mapping {first.mapping}{more}",
        connection=version.connection,
        object=version.object,
        field=first.field,
        evidence={"breaks": told, "version": version.version},
        fingerprint=fingerprint(Cause.SCHEMA_BREAKS, connection=version.connection, field=first.native),
    )
