"""What the gates know, written down: people and other processes read why a connection waits, and since when."""

from __future__ import annotations

import asyncio

import structlog

from connectors.contract.clock import Clock
from connectors.contract.errors import StorageError
from gateway.delivery.breaker import Gate, GateSettings, GateState
from gateway.storage.database import Database, insert
from gateway.sync import tables as t

RETRY_S = 1.0

log = structlog.get_logger()


class Gatekeeper:
    """Makes the gates of a worker and stores each change of them. Correctness never rests on these rows."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock = database, clock
        self.gates: dict[str, Gate] = {}
        self._pending: dict[str, dict[str, object]] = {}
        self._since: dict[str, float] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def gate(self, connection: str, settings: GateSettings) -> Gate:
        """The gate of a connection, closed at first."""
        made = Gate(
            self.clock, settings, lambda state, reason, wait_s: self._changed(connection, state, reason, wait_s)
        )
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
            "reason": reason[:500],
            "since": self._since[connection],
            "until": now + wait_s if wait_s else 0.0,
        }
        self._wake.set()

    async def start(self) -> None:
        """Begins to write."""
        self._task = asyncio.create_task(self._loop(), name="gatekeeper")

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Runs until `stop`; one that ends by itself is a defect."""
        return [self._task] if self._task else []

    async def stop(self) -> None:
        """Ends at once; the next start writes anew."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _loop(self) -> None:
        written: dict[str, dict[str, object]] = {}
        while True:
            await self._wake.wait()
            self._wake.clear()
            rows = [row for name, row in self._pending.items() if written.get(name) != row]
            if not rows:
                continue
            try:
                async with self.database.begin() as tx:
                    statement = insert(tx, t.connection_state)
                    values = {name: statement.excluded[name] for name in ("state", "reason", "since", "until")}
                    statement = statement.on_conflict_do_update(index_elements=["connection"], set_=values)
                    await tx.execute(statement, rows)
            except StorageError as error:
                log.warning("gates wait for the database", error=str(error))
                await asyncio.sleep(RETRY_S)
                self._wake.set()
            else:
                written.update({str(row["connection"]): row for row in rows})
