"""What the gates know, written down: people and other processes read why a connection waits, and since when.

Credentials that are no longer accepted are the one trouble of a connection that nobody but a person can end: they
become a case, one per connection, closed again by the first answer of a system that lets us in.
"""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from dead_letter import store as cases
from dead_letter.classify import Cause
from dead_letter.fingerprint import fingerprint
from dead_letter.values import CaseClass, Ending, NewCase
from gateway.audit.ended import note_back, note_ended
from gateway.core.background import Background
from gateway.delivery.breaker import Gate, GateSettings, GateState
from gateway.storage.database import Database, insert
from gateway.sync import tables as t
from gateway.sync.bounds import label

RETRY_S = 1.0
MOST_SAID = 500

log = structlog.get_logger()


class Gatekeeper(Background):
    """Makes the gates of a worker and stores each change of them. Correctness never rests on these rows."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock = database, clock
        self.gates: dict[str, Gate] = {}
        self._pending: dict[str, dict[str, object]] = {}
        self._since: dict[str, float] = {}
        self._cases: dict[str, NewCase | None] = {}
        """By connection: the case to open, or None to close it; kept until it is written."""
        self._wake = asyncio.Event()

    def gate(self, connection: str, settings: GateSettings) -> Gate:
        """The gate of a connection, closed at first."""

        def changed(state: GateState, reason: str, wait_s: float) -> None:
            self._asks_people(connection, state, reason)
            self._changed(connection, state, reason, wait_s)

        made = Gate(self.clock, settings, changed)
        self.gates[connection] = made
        self._changed(connection, GateState.CLOSED, "", 0.0)
        return made

    def _changed(self, connection: str, state: GateState, reason: str, wait_s: float) -> None:
        now = self.clock.now()
        if self._pending.get(connection, {}).get("state") != str(state) or connection not in self._since:
            self._since[connection] = now
        self._pending[connection] = {
            "connection": connection,
            "state": str(state),
            "reason": label(reason, MOST_SAID),
            "since": self._since[connection],
            "until": now + wait_s if wait_s else 0.0,
        }
        self._wake.set()

    def _asks_people(self, connection: str, state: GateState, reason: str) -> None:
        """Only an answer that let us in ends the case: that the system is down or throttles says nothing about it."""
        if state is GateState.CREDENTIALS:
            self._cases[connection] = _dead(connection, reason)
        elif state is GateState.CLOSED:
            self._cases[connection] = None

    async def start(self) -> None:
        """Begins to write."""
        self._keep("gatekeeper", self._loop())

    async def _loop(self) -> None:
        written: dict[str, dict[str, object]] = {}
        while True:
            await self._wake.wait()
            self._wake.clear()
            rows = [row for name, row in self._pending.items() if written.get(name) != row]
            asked, self._cases = self._cases, {}
            if not rows and not asked:
                continue
            try:
                async with self.database.begin("gates") as tx:
                    await self._write(tx, rows)
                    await self._ask(tx, asked)
            except StorageError as error:
                log.warning("gates wait for the database", error=str(error))
                self._cases = asked | self._cases
                await asyncio.sleep(RETRY_S)
                self._wake.set()
            else:
                written.update({str(row["connection"]): row for row in rows})

    async def _write(self, tx: AsyncConnection, rows: list[dict[str, object]]) -> None:
        if rows:
            statement = insert(tx, t.connection_state)
            values = {name: statement.excluded[name] for name in ("state", "reason", "since", "until")}
            statement = statement.on_conflict_do_update(index_elements=["connection"], set_=values)
            await tx.execute(statement, rows)

    async def _ask(self, tx: AsyncConnection, asked: dict[str, NewCase | None]) -> None:
        now = self.clock.now()
        known = await cases.open_cases(tx, [case for case in asked.values() if case is not None], now=now)
        await note_back(tx, known.values(), now)
        mended = [_key(connection) for connection, case in asked.items() if case is None]
        ended = await cases.close_cases(tx, mended, decision=Ending.RESTORED, reason="it lets us in again", now=now)
        await note_ended(tx, ended, Ending.RESTORED, now)


def _key(connection: str) -> str:
    return f"{CaseClass.CREDENTIALS}:{connection}"


def _dead(connection: str, reason: str) -> NewCase:
    return NewCase(
        key=_key(connection),
        cls=CaseClass.CREDENTIALS,
        cause=Cause.CREDENTIALS_DEAD,
        title=f"{connection} no longer accepts our credentials; everything for it waits",
        connection=connection,
        evidence={"error": reason},
        fingerprint=fingerprint(Cause.CREDENTIALS_DEAD, connection=connection),
    )
